/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_lookup - the names under which a login may be locked, and its locks */
#pragma once

#include "policy/base/text.h"
#include "policy/identity/login.h"
#include "policy/model/lock.h"
#include "policy/store/store.h"

/*
 * Calls FN for each name of LOGIN, in normal form, under which it may be locked:
 * itself, with and without default-domain, as it was before login-separators split it,
 * and the mailbox that it is an alias of. A name may come twice.
 */
enum error lock_lookup_names(struct store_txn *txn, const struct login *login,
    enum error (*fn)(void *arg, const struct login *name), void *arg) MUST_USE;

/*
 * Adds to OUT the lock of the tenant that LOGIN has, as the alias that it may be, or by
 * its own name: nothing where it has none.
 */
enum error lock_lookup_tenant(
    struct store_txn *txn, const struct login *login, struct lock_state *out) MUST_USE;
enum error lock_lookup_own_tenant(
    struct store_txn *txn, const struct login *login, struct lock_state *out) MUST_USE;

/*
 * Puts into OUT_R the lock of LOGIN that ends last, under whatever name, those of the
 * login without its subaddress among them; each one that
 * is found at NOW is a line of STEPS (may be NULL). While the database has no lock,
 * nothing is looked up.
 */
enum error lock_lookup_login(struct store_txn *txn, const struct login *login,
    instant now, struct lock_state *out_r, struct text *steps) MUST_USE;
