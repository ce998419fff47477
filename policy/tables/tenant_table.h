/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_table - the tenants as the database has them */
#ifndef POLICY_TABLES_TENANT_TABLE_H
#define POLICY_TABLES_TENANT_TABLE_H

#include <stdbool.h>

#include "policy/identity/login.h"
#include "policy/model/tenant.h"
#include "policy/store/store.h"

/* The tenant NAME (in lower case). */
enum error tenant_table_get(struct store_txn *txn, const char *name,
    struct tenant *out_r, bool *found_r) MUST_USE;

/* Stores the tenant under its name, new or not. */
enum error tenant_table_put(struct store_txn *txn, const struct tenant *t) MUST_USE;

/*
 * The tenant of a login: the owner of its domain, else the catch-all tenant. A domain
 * whose tenant is missing is ERR_DAMAGED.
 */
enum error tenant_table_of(struct store_txn *txn, const struct login *login,
    struct tenant *out_r, bool *found_r) MUST_USE;

/*
 * Removes the tenant with its domains, its mailboxes and their aliases.
 * Unless FORCE: ERR_CONFLICT while it has mailboxes, ERR_PROTECTED while it denies
 * what would pass without it.
 */
enum error tenant_table_remove(struct store_txn *txn, const char *name, bool force,
    struct error_text *why) MUST_USE;

/* Whether the tenant is disabled, or has a lock. */
enum error tenant_table_denies(
    struct store_txn *txn, const struct tenant *t, bool *denies_r) MUST_USE;
/* ... and `unknown-tenant` would accept its logins. */
enum error tenant_table_protects(
    struct store_txn *txn, const struct tenant *t, bool *protects_r) MUST_USE;

/* Calls FN for every tenant in the order of names. */
enum error tenant_table_each(struct store_txn *txn,
    enum error (*fn)(void *arg, const struct tenant *t), void *arg) MUST_USE;

#endif
