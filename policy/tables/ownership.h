/* SPDX-License-Identifier: BSD-2-Clause */
/* ownership - the tenant that an address belongs to */
#ifndef POLICY_TABLES_OWNERSHIP_H
#define POLICY_TABLES_OWNERSHIP_H

#include "policy/identity/domain.h"
#include "policy/model/tenant.h"
#include "policy/store/store.h"

/* Whose the last address was; all zero at the start, and when domains have moved. */
struct ownership {
	char domain[DOMAIN_MAX + 1];
	char tenant[TENANT_NAME_MAX + 1]; /* "" for nobody */
};

/*
 * The tenant that owns the domain of ADDRESS, or the catch-all tenant, into OWNER. One
 * look-up for a run of addresses of one domain.
 */
enum error ownership_find(struct store_txn *txn, const struct login *address,
    struct ownership *owner) MUST_USE;

/* ERR_DATA with WHY, which names TYPED, unless a tenant owns the address's domain. */
enum error ownership_check(struct store_txn *txn, const char *typed,
    const struct login *address, struct error_text *why) MUST_USE;

/* ERR_CONFLICT with WHY for a login alias: its own setting would never be looked at. */
enum error ownership_check_alias(struct store_txn *txn, const struct login *address,
    struct error_text *why) MUST_USE;

/* All three: an address that can have a setting of its own. */
enum error ownership_mailbox(struct store_txn *txn, const char *typed,
    struct login *out_r, struct error_text *why) MUST_USE;

#endif
