/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_table - the tenants as the database has them */
#pragma once

#include "policy/model/tenant.h"
#include "policy/store/store.h"

/* The tenant NAME (in lower case). */
enum error tenant_table_get(struct store_txn *txn, const char *name,
    struct tenant *out_r, bool *found_r) MUST_USE;

/* Stores the tenant under its name, new or not. */
enum error tenant_table_put(struct store_txn *txn, const struct tenant *t) MUST_USE;

/* With its notice, and nothing else: see removal_tenant(). ERR_NOTFOUND. */
enum error tenant_table_remove(struct store_txn *txn, const char *name) MUST_USE;

/* Calls FN for every tenant in the order of names. */
typedef enum error tenant_table_visitor(void *arg, const struct tenant *t);
enum error tenant_table_each(
    struct store_txn *txn, tenant_table_visitor *fn, void *arg) MUST_USE;
