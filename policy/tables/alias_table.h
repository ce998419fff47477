/* SPDX-License-Identifier: BSD-2-Clause */
/* alias_table - other logins of a mailbox */
#ifndef POLICY_TABLES_ALIAS_TABLE_H
#define POLICY_TABLES_ALIAS_TABLE_H

#include "policy/identity/login.h"
#include "policy/store/store.h"

/* The mailbox that LOGIN, as a whole, is an alias of. */
enum error alias_table_get(struct store_txn *txn, const struct login *login,
    struct login *mailbox_r, bool *found_r) MUST_USE;

/*
 * Makes LOGIN an alias of MAILBOX. ERR_EXISTS when it is one of another mailbox;
 * ERR_CONFLICT for an alias of itself or of an alias, for the name of a mailbox that
 * has its own setting, and for a login in a domain of another tenant.
 */
enum error alias_table_add(struct store_txn *txn, const struct login *mailbox,
    const struct login *login, struct error_text *why) MUST_USE;

/* ERR_NOTFOUND where there is none. */
enum error alias_table_remove(
    struct store_txn *txn, const struct login *login) MUST_USE;

/* Calls FN for every alias of MAILBOX, or for all aliases where it is NULL. */
enum error alias_table_each(struct store_txn *txn, const struct login *mailbox,
    enum error (*fn)(void *arg, const struct login *login, const struct login *mailbox),
    void *arg) MUST_USE;

/* Calls FN for every alias that leads into DOMAIN, in the order of mailboxes. */
enum error alias_table_each_into(struct store_txn *txn, const char *domain,
    enum error (*fn)(void *arg, const struct login *login, const struct login *mailbox),
    void *arg) MUST_USE;

/* Removes all aliases that lead into DOMAIN. */
enum error alias_table_remove_into(struct store_txn *txn, const char *domain) MUST_USE;

/*
 * ERR_CONFLICT when a login alias has one of the characters of SEPARATORS and no '@':
 * with them as login-separators no login would ever come out like that.
 */
enum error alias_table_check_separators(
    struct store_txn *txn, const char *separators, struct error_text *why) MUST_USE;

/*
 * ERR_CONFLICT when a login alias would cross tenants if TENANT owned DOMAIN: one
 * within DOMAIN of somebody else's mailbox, or one into DOMAIN from a domain of
 * somebody else.
 */
enum error alias_table_check_owner(struct store_txn *txn, const char *domain,
    const char *tenant, struct error_text *why) MUST_USE;

#endif
