/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_table - which tenant owns which domain */
#ifndef POLICY_TABLES_DOMAIN_TABLE_H
#define POLICY_TABLES_DOMAIN_TABLE_H

#include <stdbool.h>

#include "policy/identity/domain.h"
#include "policy/model/tenant.h"
#include "policy/store/store.h"

/* The name of the tenant that owns DOMAIN; "" for none. */
enum error domain_table_get(
    struct store_txn *txn, const char *domain, char *tenant_r) MUST_USE;

/* Whose the logins of DOMAIN are: the tenant that owns it, or else "*"; "" for none. */
enum error domain_table_owner(
    struct store_txn *txn, const char *domain, char *tenant_r) MUST_USE;

/*
 * Gives DOMAIN to a tenant that exists; nothing changes when it has it already.
 * ERR_CONFLICT when another one owns it (unless MOVE), or when a login alias would
 * then cross tenants; ERR_NOTFOUND for MOVE of a domain that nobody owns.
 */
enum error domain_table_add(struct store_txn *txn, const char *domain,
    const char *tenant, bool move, struct error_text *why) MUST_USE;

/*
 * Takes DOMAIN from its tenant. ERR_CONFLICT while mailboxes or aliases use it;
 * ERR_PROTECTED, unless FORCE, while the tenant denies what would then pass.
 */
enum error domain_table_remove(struct store_txn *txn, const char *domain, bool force,
    struct error_text *why) MUST_USE;

/* Removes the records of the domain, with no guard. */
enum error domain_table_delete(
    struct store_txn *txn, const char *tenant, const char *domain) MUST_USE;

/* Whether mailboxes or the targets of aliases are in DOMAIN (for "*": in none). */
enum error domain_table_used(
    struct store_txn *txn, const char *domain, bool *used_r) MUST_USE;

/* Removes the mailboxes of DOMAIN and the aliases of them. */
enum error domain_table_empty(struct store_txn *txn, const char *domain) MUST_USE;

/*
 * The first domain at or behind AT, a key of TABLE, that has records in TABLE (of
 * mailboxes, or INDEX_ALIAS) and that nobody owns by name; AT moves behind it. Begin
 * with the key of the table. One look-up a domain, however many records it has.
 */
enum error domain_table_next_unowned(struct store_txn *txn, enum table table,
    struct key *at, char *domain_r, bool *found_r) MUST_USE;

/* Calls FN for every domain of a tenant; the first one, or "". */
enum error domain_table_each_of(struct store_txn *txn, const char *tenant,
    enum error (*fn)(void *arg, const char *domain), void *arg) MUST_USE;
enum error domain_table_first_of(
    struct store_txn *txn, const char *tenant, char *domain_r) MUST_USE;

/* Calls FN for every domain. */
enum error domain_table_each(struct store_txn *txn,
    enum error (*fn)(void *arg, const char *domain, const char *tenant),
    void *arg) MUST_USE;

#endif
