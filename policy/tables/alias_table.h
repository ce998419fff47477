/* SPDX-License-Identifier: BSD-2-Clause */
/* alias_table - other logins of a mailbox */
#pragma once

#include "policy/identity/login.h"
#include "policy/store/store.h"

/* The mailbox that LOGIN, as a whole, is an alias of. */
enum error alias_table_get(struct store_txn *txn, const struct login *login,
    struct login *mailbox_r, bool *found_r) MUST_USE;

/*
 * Makes LOGIN an alias of MAILBOX; ownership_add_alias() checks whether it may be one.
 * ERR_CONFLICT where the index cannot tell LOGIN from another alias of MAILBOX.
 */
enum error alias_table_put(struct store_txn *txn, const struct login *mailbox,
    const struct login *login) MUST_USE;

/* ERR_NOTFOUND if it is none. */
enum error alias_table_remove(
    struct store_txn *txn, const struct login *login) MUST_USE;

typedef enum error alias_table_visitor(
    void *arg, const struct login *login, const struct login *mailbox);

/* Calls FN for every alias of MAILBOX, or for all aliases where it is NULL. */
enum error alias_table_each(struct store_txn *txn, const struct login *mailbox,
    alias_table_visitor *fn, void *arg) MUST_USE;

/* Calls FN for every alias in DOMAIN. */
enum error alias_table_each_within(struct store_txn *txn, const char *domain,
    alias_table_visitor *fn, void *arg) MUST_USE;

/* Calls FN for every alias of a mailbox in DOMAIN, in the order of mailboxes. */
enum error alias_table_each_into(struct store_txn *txn, const char *domain,
    alias_table_visitor *fn, void *arg) MUST_USE;

/* Removes all aliases of mailboxes in DOMAIN. */
enum error alias_table_remove_into(struct store_txn *txn, const char *domain) MUST_USE;
