/* SPDX-License-Identifier: BSD-2-Clause */
/* locked_domains - whether another policy would take a domain out of a lock made here
 */
#ifndef POLICY_COPIES_LOCKED_DOMAINS_H
#define POLICY_COPIES_LOCKED_DOMAINS_H

#include "policy/domain_table.h"
#include "policy/lock_table.h"

struct locked_domain {
	char domain[DOMAIN_MAX + 1], tenant[TENANT_NAME_MAX + 1];
};

/* The domains of tenants that were locked on this machine, as the policy was. */
struct locked_domains {
	struct locked_domain *at;
	size_t count, room;
	struct store_txn *txn;
	instant now;
	char tenant[TENANT_NAME_MAX + 1];       /* that is being collected */
	char owner_of_any[TENANT_NAME_MAX + 1]; /* "*", "" for nobody */
	char any[TENANT_NAME_MAX + 1];          /* the same, if it was locked */
};

/* Before the change. NOW decides which locks hold. Errors of the store, ERR_MEMORY. */
enum error locked_domains_start(
    struct locked_domains *d, struct store_txn *txn, instant now) MUST_USE;

/*
 * For the watcher of the change: a domain that is new leaves the tenant of "*".
 * ERR_MEMORY.
 */
enum error locked_domains_note(
    struct locked_domains *d, struct bytes key, struct bytes before) MUST_USE;

/*
 * After it: ERR_PROTECTED, with the first in WHY, where the logins of one of them are
 * of a tenant that is not locked now, or of none while unknown-tenant is accept.
 */
enum error locked_domains_check(
    const struct locked_domains *d, struct error_text *why) MUST_USE;

void locked_domains_end(struct locked_domains *d);

#endif
