/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_denied_table - who was refused at AUTH, as the usage database has it */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/db/db.h"
#include "policy/usage/auth_denied.h"

/*
 * Keys of usage/usage.mdb beside those of usage_database.h: `g`, the number of guessed
 * names, and for each login, in the order of those
 *
 *	a DOMAIN \0 LOCAL \0         -> struct auth_denied
 *
 * The first may be that of usage_others(). A program that does not know them leaves
 * them alone.
 */

/*
 * A name is guessed where neither the policy nor the usage has a record of it: there
 * is no end of them. The database has at most so many; the refusals of others are
 * counted in one row, that of usage_others().
 */
#define AUTH_DENIED_GUESSED_MAX 20000

/* Adds the entry, in a write transaction. OTHERS_R: to the row of usage_others(). */
enum error auth_denied_table_add(
    struct db_txn *txn, const struct auth_denied_entry *entry, bool *others_r) MUST_USE;

/* The number of guessed names that have a row. */
enum error auth_denied_table_count_guessed(
    struct db_txn *txn, uint32_t *count_r) MUST_USE;

/* Whether there are any rows. */
enum error auth_denied_table_has(struct db_txn *txn, bool *has_r) MUST_USE;

/* A walk through all rows in the order of keys, within its transaction. */
struct auth_denied_table_walk {
	struct db_cursor *cursor;
	bool found; /* at a row; else at the end */
	struct login login;
	struct auth_denied denied;
};

/* Starts at the first row, or goes to the next one. ERR_DAMAGED for what is none. */
enum error auth_denied_table_start(
    struct auth_denied_table_walk *w, struct db_txn *txn) MUST_USE;
enum error auth_denied_table_next(struct auth_denied_table_walk *w) MUST_USE;
/* Ends it; one that could not be started, too. */
void auth_denied_table_end(struct auth_denied_table_walk *w);

/* Forgets what is old, a piece at a time. */
struct auth_denied_table_prune {
	uint32_t today, first_day; /* what was before the latter goes */
	struct key at;             /* where to go on; key.len 0: at the start */
	bool done;
	uint64_t logins; /* forgotten so far */
};

/* While guessed names take more than half of their rows, they are kept so long. */
#define AUTH_DENIED_GUESSED_DAYS 7

/*
 * One piece: looks at up to VISITS rows and changes at most AUTH_DENIED_TABLE_CHANGES,
 * within the write transaction. `done` tells whether the end was reached.
 */
#define AUTH_DENIED_TABLE_CHANGES 200
enum error auth_denied_table_prune_step(
    struct db_txn *txn, struct auth_denied_table_prune *p, unsigned visits) MUST_USE;
