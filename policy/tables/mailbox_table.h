/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox_table - the mailboxes' own settings as the database has them */
#pragma once

#include "policy/identity/login.h"
#include "policy/model/mailbox.h"
#include "policy/store/store.h"

/* The record of a mailbox; an empty one where there is none. FOUND_R may be NULL. */
enum error mailbox_table_get(struct store_txn *txn, const struct login *address,
    struct mailbox *out_r, bool *found_r) MUST_USE;

/* Stores the record, or removes it when it is empty. */
enum error mailbox_table_put(struct store_txn *txn, const struct login *address,
    const struct mailbox *m) MUST_USE;

/* Stores a record, which is not empty, if there is none yet; else ERR_EXISTS. */
enum error mailbox_table_insert(struct store_txn *txn, const struct login *address,
    const struct mailbox *m) MUST_USE;

/* ERR_NOTFOUND where there is none. */
enum error mailbox_table_remove(
    struct store_txn *txn, const struct login *address) MUST_USE;

/*
 * Calls FN for every record of DOMAIN, or of all domains where it is NULL, in the
 * order of domains and local parts.
 */
typedef enum error mailbox_table_visitor(
    void *arg, const struct login *address, const struct mailbox *m);
enum error mailbox_table_each(struct store_txn *txn, const char *domain,
    mailbox_table_visitor *fn, void *arg) MUST_USE;
