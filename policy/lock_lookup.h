/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_lookup - under which names a login may be locked, and whether it is */
#ifndef POLICY_LOCK_LOOKUP_H
#define POLICY_LOCK_LOOKUP_H

#include "policy/lock.h"
#include "policy/login.h"
#include "policy/store.h"
#include "policy/text.h"

/*
 * Calls FN for each name of LOGIN, in normal form, under which it may be locked:
 * itself, with and without default-domain, as it was before login-separators parted it,
 * and the mailbox that it is an alias of. A
 * name may come twice.
 */
enum error lock_lookup_names(struct store_txn *txn, const struct login *login,
    enum error (*fn)(void *arg, const struct login *name), void *arg) MUST_USE;

/*
 * Adds to OUT the lock of the tenant that LOGIN has where it is no alias: nothing where
 * it has none.
 */
enum error lock_lookup_tenant(
    struct store_txn *txn, const struct login *login, struct lock_state *out) MUST_USE;

/*
 * LEAVES_R: whether the lock of that tenant holds at NOW, and that of the tenant which
 * LOGIN has as an alias does not, or ends before it.
 */
enum error lock_lookup_leaves(struct store_txn *txn, const struct login *login,
    instant now, bool *leaves_r) MUST_USE;

/*
 * Puts into OUT_R the lock of LOGIN that ends last, under whatever name, those of the
 * login without its subaddress among them; each one that
 * is found at NOW is a line of STEPS (may be NULL). While the database has no lock,
 * nothing is looked up.
 */
enum error lock_lookup_login(struct store_txn *txn, const struct login *login,
    instant now, struct lock_state *out_r, struct text *steps) MUST_USE;

#endif
