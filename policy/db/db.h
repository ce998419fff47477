/* SPDX-License-Identifier: BSD-2-Clause */
/* db - one LMDB file: records, transactions, cursors */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/base/error.h"
#include "policy/base/record.h"
#include "policy/model/key.h"

/*
 * Knows nothing of policy. Every touch of the memory map runs in a guard, so that a
 * damaged or truncated file is ERR_DAMAGED and not the end of the process; values
 * are copied out and never handed out as pointers into the map (but see db_scan()).
 *
 * A file is opened without LMDB's lock file, unless `lock_file` is set. Its writers
 * exclude each other by other means (write_lock.h). Readers announce nothing: LMDB
 * reuses only pages that were freed before the last commit, so a snapshot stays whole
 * until the second commit after it. What was read in a snapshot counts only if
 * db_check() says OK after the reading, and so does an error.
 *
 * CAVEATS
 * One process opens a file once. Read transactions belong to no thread (MDB_NOTLS),
 * but one thread at a time uses one. After ERR_DAMAGED or ERR_REPLACED the file has
 * to be closed and opened again; with `lock_file`, after ERR_DAMAGED in a write
 * transaction the thread that met it should end before anybody writes again: LMDB's
 * writer mutex may still be held, which the next writer recovers from.
 */
struct db;
struct db_txn;
struct db_cursor;

/* Bytes of the longest value that a cursor gives: an entry of the audit log. */
#define DB_VALUE_MAX 9216

struct db_options {
	bool writable;   /* else the file must exist */
	bool lock_file;  /* PATH-lock beside it is LMDB's, and orders all who open it */
	bool lazy;       /* commits do not wait for the disk; db_sync() does */
	mode_t mode;     /* of files that are made, less the umask; 0: 0660 */
	size_t map_size; /* 0: the default, 32 GiB (1 GiB on 32-bit systems) */
	/*
	 * The file, open already, where others may write in its folder: PATH is not
	 * looked at, and only names it in messages. 0: PATH is opened.
	 */
	int fd;
};

/*
 * Opens PATH, a file. With `writable` it is created when it is missing or empty.
 * ERR_MISSING; ERR_FORMAT for a file that is not LMDB's; ERR_DAMAGED; ERR_PERMISSION;
 * ERR_MACHINE for a file of another word size or byte order; ERR_MAP where there is no
 * room for its map; ERR_MEMORY; ERR_IO; with `lock_file` also ERR_PID_SPACE and
 * ERR_BUSY (no reader slot); with WHY.
 */
enum error db_open(struct db **db_r, const char *path, const struct db_options *options,
    struct error_text *why) MUST_USE;

/*
 * Closes and NULLs. All transactions must have ended. With `lock_file`, a thread that
 * met damage in a write transaction leaves the file open until the process ends, or
 * the next writer would wait for ever; another thread closes it once that one has
 * ended.
 */
void db_close(struct db **db);

/* Waits until all that was committed is on disk. ERR_FULL, ERR_IO. */
enum error db_sync(struct db *db) MUST_USE;

/* The file that is open, as it is now. */
struct db_file {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec written; /* the last time that anyone wrote to it */
};

/* ERR_IO. */
enum error db_file(const struct db *db, struct db_file *file_r) MUST_USE;

/* The number of the last commit in the file. ERR_DAMAGED. */
enum error db_last_commit(struct db *db, size_t *commit_r) MUST_USE;

/*
 * Begins a read transaction, or a write transaction, which with `lock_file` waits for
 * LMDB's writer mutex. ERR_BUSY (with `lock_file`: no reader slot is free).
 */
enum error db_begin(struct db *db, bool write, struct db_txn **txn_r) MUST_USE;

/* Ends the snapshot of a read transaction; db_renew() takes a new one. */
enum error db_reset(struct db_txn *txn);
enum error db_renew(struct db_txn *txn) MUST_USE;

/*
 * Begins a read transaction with the same snapshot, for another thread. ERR_OVERTAKEN
 * if a commit has followed, or TXN is a writer; else as db_begin().
 */
enum error db_begin_same(struct db_txn *txn, struct db_txn **same_r) MUST_USE;

/* The number of the transaction whose snapshot this is. */
size_t db_txn_id(const struct db_txn *txn);

/*
 * Whether the snapshot is whole: OK while at most one commit has followed.
 * ERR_OVERTAKEN when more have, because their writers may have reused its pages.
 * ERR_REPLACED when the file has fewer commits than the snapshot: another one was
 * written over it. Always OK for a writer, and with `lock_file`.
 */
enum error db_check(struct db_txn *txn) MUST_USE;

/* Writes to disk (fdatasync, unless `lazy`). Ends and NULLs TXN in any case. */
enum error db_commit(struct db_txn **txn) MUST_USE;

/* Ends a transaction without effect and NULLs it; NULL is ignored. */
void db_abort(struct db_txn **txn);

/*
 * Copies the value of KEY to BUF, which VALUE_R then is; at NULL where there is none.
 * ERR_LIMIT when it is longer than CAP.
 */
enum error db_get(struct db_txn *txn, const struct key *key, void *buf, size_t cap,
    struct bytes *value_r) MUST_USE;
enum error db_put(
    struct db_txn *txn, const struct key *key, struct bytes value) MUST_USE;
/*
 * As db_put() where KEY is not there yet; else ERR_EXISTS with a copy of its value, as
 * of db_get(). One look-up for both; fast for keys in order.
 */
enum error db_insert(struct db_txn *txn, const struct key *key, struct bytes value,
    void *buf, size_t cap, struct bytes *there_r) MUST_USE;
/* Puts a record after all others, so that pages are filled; else ERR_CONFLICT. */
enum error db_append(
    struct db_txn *txn, const struct key *key, struct bytes value) MUST_USE;
/* KEY was read before, so that it is damage when it is not there. */
enum error db_delete(struct db_txn *txn, const struct key *key) MUST_USE;

/* A cursor over keys in order. It must be closed before its transaction ends. */
enum error db_cursor_open(struct db_txn *txn, struct db_cursor **cursor_r) MUST_USE;
void db_cursor_close(struct db_cursor **cursor);

/*
 * Moves to the first key at or after KEY, or to the next one. db_cursor_key() and
 * db_cursor_value() are copies, valid until the next move; at is NULL at the end, so
 * that key_has_prefix() is false there. Every DB_CHECK_RECORDS moves it asks
 * db_check(), and returns what that says.
 */
#define DB_CHECK_RECORDS 1000
enum error db_cursor_seek(struct db_cursor *cursor, const struct key *key) MUST_USE;
enum error db_cursor_next(struct db_cursor *cursor) MUST_USE;
struct bytes db_cursor_key(const struct db_cursor *cursor);
struct bytes db_cursor_value(const struct db_cursor *cursor);

/*
 * Visits records in order, in a read transaction, and proves that look-ups from the
 * root would find what the scan finds: keys ascend, the first and last key of every
 * leaf page, looked up again, give the same address, and the number of records is the
 * one that the root tells. Damage is ERR_DAMAGED. A scan that was overtaken ends soon,
 * with what db_check() says, and not with damage.
 *
 * It visits the records of every PARTS-th leaf page (0, 1: of all), so that PARTS scans
 * of the same snapshot of one open file, with PART from 0 to PARTS - 1 and a
 * transaction each, see each record once, and together prove what one scan of all does.
 *
 * FN gets pointers into the map and runs inside the guard: it must not lock or
 * allocate; anything but OK ends the scan and is returned.
 */
typedef enum error db_visitor(void *arg, struct bytes key, struct bytes value);
enum error db_scan(struct db_txn *txn, unsigned part, unsigned parts, db_visitor *fn,
    void *arg) MUST_USE;
