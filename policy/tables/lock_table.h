/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_table - the locks as the database has them */
#pragma once

#include "policy/identity/login.h"
#include "policy/model/lock.h"
#include "policy/store/store.h"

/*
 * A lock that was made here ends here only. One that was brought, by import or with a
 * snapshot, is a part of the policy and goes as it came.
 */
enum lock_origin { LOCK_MADE_HERE, LOCK_BROUGHT };
#define LOCK_ORIGINS 2
/* "local" or "brought". */
const char *lock_table_origin_name(enum lock_origin origin);

/* What is locked. It need not be there: a lock outlives its tenant or mailbox. */
struct lock_subject {
	enum lock_kind kind;
	char tenant[TENANT_NAME_MAX + 1]; /* LOCK_TENANT: in lower case */
	struct login login;               /* LOCK_LOGIN: any, in normal form */
};

void lock_table_subject_tenant(struct lock_subject *s, const char *tenant);
void lock_table_subject_login(struct lock_subject *s, const struct login *login);
/* What it is called: the tenant's name, or the login. */
const char *lock_table_subject_name(const struct lock_subject *s);

/* The lock, whether it has expired or not. */
enum error lock_table_get(struct store_txn *txn, enum lock_origin origin,
    const struct lock_subject *subject, struct lock *out_r, bool *found_r) MUST_USE;

/* Makes the lock, or replaces the one of the same origin. */
enum error lock_table_put(struct store_txn *txn, enum lock_origin origin,
    const struct lock_subject *subject, const struct lock *lock) MUST_USE;

/* ERR_NOTFOUND where there is none. */
enum error lock_table_remove(struct store_txn *txn, enum lock_origin origin,
    const struct lock_subject *subject) MUST_USE;

/*
 * Adds the locks of exactly this tenant or login to OUT, also those that have expired.
 * Costs nothing while the database has no lock.
 */
enum error lock_table_add_tenant(
    struct store_txn *txn, const char *tenant, struct lock_state *out) MUST_USE;
enum error lock_table_add_login(
    struct store_txn *txn, const struct login *login, struct lock_state *out) MUST_USE;

/* Calls FN for every lock of this origin, in the order of keys. */
typedef enum error lock_table_visitor(
    void *arg, const struct lock_subject *subject, const struct lock *lock);
enum error lock_table_each(struct store_txn *txn, enum lock_origin origin,
    lock_table_visitor *fn, void *arg) MUST_USE;
