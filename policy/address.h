/* SPDX-License-Identifier: BSD-2-Clause */
/* address - logins and mailbox addresses as administrators type them */
#ifndef POLICY_ADDRESS_H
#define POLICY_ADDRESS_H

#include "policy/domain.h"
#include "policy/login.h"
#include "policy/store.h"
#include "policy/tenant.h"

/* What was typed without the blanks around it, LEN_R bytes. */
const char *address_trim(const char *typed, size_t *len_r);

/*
 * A login in normal form, as an MTA may hand it over, without the blanks around it.
 * ERR_DATA with WHY.
 */
enum error address_exact(struct store_txn *txn, const char *typed, struct login *out_r,
    struct error_text *why) MUST_USE;

/*
 * A login in normal form, by the settings of TXN, without the blanks around it; where
 * login-domain is default, with default-domain. ERR_DATA with WHY.
 */
enum error address_login(struct store_txn *txn, const char *typed, struct login *out_r,
    struct error_text *why) MUST_USE;

/*
 * A mailbox address in normal form: default-domain is applied to a plain name without
 * '@', blanks around are cut off. Stricter than a login, or a slip would make a setting
 * that no login ever has: ':', ';', ',', '<', '>', '\\', '"', '*' and a second '@' are
 * ERR_DATA, with WHY.
 */
enum error address_normalize(struct store_txn *txn, const char *typed,
    struct login *out_r, struct error_text *why) MUST_USE;

/* Whose the last address was; all zero at the start, and when domains have moved. */
struct address_owner {
	char domain[DOMAIN_MAX + 1];
	char tenant[TENANT_NAME_MAX + 1]; /* "" for nobody */
};

/*
 * The tenant that owns the domain of ADDRESS, or the catch-all tenant, into OWNER;
 * ERR_NOTFOUND for none. One look-up for a run of addresses of one domain.
 */
enum error address_find_owner(struct store_txn *txn, const struct login *address,
    struct address_owner *owner) MUST_USE;

/* ERR_DATA with WHY, which names TYPED, unless a tenant owns the address's domain. */
enum error address_check_owner(struct store_txn *txn, const char *typed,
    const struct login *address, struct error_text *why) MUST_USE;

/* ERR_CONFLICT with WHY for a login alias: its own setting would never be looked at. */
enum error address_check_alias(struct store_txn *txn, const struct login *address,
    struct error_text *why) MUST_USE;

/* All three: an address that can have a setting of its own. */
enum error address_mailbox(struct store_txn *txn, const char *typed,
    struct login *out_r, struct error_text *why) MUST_USE;

#endif
