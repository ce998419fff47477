/* SPDX-License-Identifier: BSD-2-Clause */
/* db_parts - what db.c, db_record.c and db_scan.c share (the only file with lmdb.h) */
#pragma once

#include <lmdb.h>
#include <pthread.h>

#include "policy/db/db.h"

struct db {
	MDB_env *env;
	MDB_dbi dbi;
	bool lock_file;
	bool trapped;     /* opening it */
	bool stuck;       /* a write was left in the middle: */
	pthread_t holder; /* this thread still holds the lock file's mutex */
	struct db *next;  /* of those that stay open */
};

struct db_txn {
	struct db *db;
	MDB_txn *txn;
	MDB_cursor *inserter; /* of db_insert(): it stays where the last key was put */
	bool write;
	bool trapped;      /* left in the middle of a write: not to be touched again */
	enum error failed; /* what LMDB has given the transaction up for */
};

/* The mapper for LMDB's errors. */
enum error db_from_lmdb(int rc) MUST_USE;

/*
 * Runs FN in the guard, in a transaction. LMDB gives a write transaction up after an
 * error; what it was given up for is told again, or a full disk would end as damage.
 */
enum error db_run(struct db_txn *txn, enum error (*fn)(void *), void *arg) MUST_USE;

/* db_check(), for use within the guard. */
enum error db_check_guarded(const struct db_txn *txn) MUST_USE;

/* Our bytes as LMDB's; it does not write through the pointer. */
static inline MDB_val
db_val(struct bytes b)
{
	union {
		const void *in;
		void *out;
	} p = {b.at};

	return (MDB_val){b.len, p.out};
}
