/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_table - which tenant owns which domain */
#pragma once

#include "policy/identity/domain.h"
#include "policy/model/tenant.h"
#include "policy/store/store.h"

/* The name of the tenant that owns DOMAIN; "" for none. */
enum error domain_table_get(
    struct store_txn *txn, const char *domain, char *tenant_r) MUST_USE;

/* Gives DOMAIN to TENANT, whoever has it; ownership_add_domain() checks that. */
enum error domain_table_put(
    struct store_txn *txn, const char *domain, const char *tenant) MUST_USE;

/* ERR_NOTFOUND if no tenant owns it; removal_domain() checks what depends on it. */
enum error domain_table_remove(struct store_txn *txn, const char *domain) MUST_USE;

typedef enum error domain_table_visitor(
    void *arg, const char *domain, const char *tenant);

/* Calls FN for every domain of TENANT, or for all domains where it is NULL. */
enum error domain_table_each(struct store_txn *txn, const char *tenant,
    domain_table_visitor *fn, void *arg) MUST_USE;

/* The first domain of TENANT; "" for none. */
enum error domain_table_first_of(
    struct store_txn *txn, const char *tenant, char *domain_r) MUST_USE;
