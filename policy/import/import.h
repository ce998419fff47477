/* SPDX-License-Identifier: BSD-2-Clause */
/* import - puts the rows of a file into the policy */
#pragma once

#include "policy/import/row.h"
#include "policy/store/store.h"

/*
 * A row counts as the command that would make the change: what it refers to must exist,
 * from an earlier row or from before; only a lock may be of any name. Two rows for one
 * object are an error. Memory: up to 24 bytes a row where there were mailboxes before,
 * and what the transaction keeps.
 */
struct import;

/*
 * ONLY, which is borrowed, names an existing tenant, and only rows of itself, its
 * mailboxes and their aliases are accepted; or NULL. ERR_MEMORY, ERR_IO.
 */
enum error import_open(struct import **import_r, struct store_txn *txn,
    const char *only, instant now) MUST_USE;
void import_close(struct import **import);

/*
 * Puts one row. Errors of the row itself, with WHY: ERR_DATA, ERR_CONFLICT, ERR_EXISTS,
 * ERR_LIMIT; the next one can be put then, but the transaction must not be committed.
 * Any other error is one of the database.
 */
enum error import_row(
    struct import *import, const struct row *row, struct error_text *why) MUST_USE;

/* With ONLY: removes the tenant's mailboxes that no row was for. Locks stay. */
enum error import_remove_others(struct import *import) MUST_USE;

/* Whether E is an error of a row, not of the database. */
bool import_is_of_row(enum error e);
