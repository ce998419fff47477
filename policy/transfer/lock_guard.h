/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_guard - whether another policy would take a login out of a lock made here */
#pragma once

#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"

struct locked_domain {
	char domain[DOMAIN_MAX + 1], tenant[TENANT_NAME_MAX + 1];
	struct lock_state lock;
};

/* An alias that is new, changed or removed, and the locks of its tenant and mailbox
 * before. */
struct locked_alias {
	struct login login;
	struct lock_state lock, own;
};

/* What the locks that were made on this machine held, as the policy was. */
struct lock_guard {
	struct locked_domain *domain;
	size_t domains, domain_room;
	struct store_txn *txn;
	instant now;
	bool locked;                   /* a lock that was made here holds */
	const struct setting *setting; /* changed, and assigns logins to tenants */
	struct lock_state lock;
	char any_owner[TENANT_NAME_MAX + 1]; /* of "*", "" for nobody */
	struct lock_state any;               /* its lock */
	struct locked_alias *alias;
	size_t aliases, alias_room;
};

/* Before the change. NOW decides which locks hold. Errors of the store, ERR_MEMORY. */
enum error lock_guard_start(
    struct lock_guard *g, struct store_txn *txn, instant now) MUST_USE;

/*
 * For the watcher of the change: a new domain leaves the tenant of "*", and a login
 * that becomes an alias, of another mailbox, or no longer is one, may leave the lock of
 * its tenant or mailbox. Errors of the store, ERR_MEMORY.
 */
enum error lock_guard_note(struct lock_guard *g, struct bytes key, struct bytes before,
    struct bytes after) MUST_USE;

/*
 * After the change: ERR_PROTECTED, with the first case in WHY, where logins that a lock
 * made here held are of no tenant now, or of one that is not locked for as long; or
 * where, while such a lock holds, a setting that assigns logins to tenants has changed.
 */
enum error lock_guard_check(
    const struct lock_guard *g, struct error_text *why) MUST_USE;

void lock_guard_end(struct lock_guard *g);
