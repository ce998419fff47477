/* SPDX-License-Identifier: BSD-2-Clause */
/* db_txn - transactions of one LMDB file, and their snapshots */
#include "policy/db/db.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "policy/db/db_parts.h"
#include "policy/db/guard.h"

enum error
db_check_guarded(const struct db_txn *txn)
{
	size_t id = mdb_txn_id(txn->txn);
	MDB_envinfo info;
	int rc;

	if (txn->write || txn->db->lock_file)
		return OK;
	/* What was read must have been read before the last commit is looked at. */
	atomic_thread_fence(memory_order_acquire);
	rc = mdb_env_info(txn->db->env, &info);
	if (rc != MDB_SUCCESS)
		return db_from_lmdb(rc);
	if (info.me_last_txnid < id)
		return ERR_REPLACED;
	return info.me_last_txnid - id <= 1 ? OK : ERR_OVERTAKEN;
}

static enum error
check(void *arg)
{
	return db_check_guarded(arg);
}

enum error
db_check(struct db_txn *txn)
{
	return guard_run(check, txn);
}

/*
 * begin - guarded although it takes a slot or the writer mutex: LMDB holds neither of
 * its short locks while it reads the map, and closing gives the slot back
 */
static enum error
begin(void *arg)
{
	struct db_txn *txn = arg;
	MDB_env *env = txn->db->env;
	unsigned flags = txn->write ? 0 : MDB_RDONLY;
	int rc = mdb_txn_begin(env, NULL, flags, &txn->txn);

	/* with a lock file: slots of processes that were killed */
	if (rc == MDB_READERS_FULL && mdb_reader_check(env, NULL) == MDB_SUCCESS)
		rc = mdb_txn_begin(env, NULL, flags, &txn->txn);
	if (rc != MDB_SUCCESS)
		txn->txn = NULL;
	return db_from_lmdb(rc);
}

/* stick - this thread has left a write in the middle, and holds LMDB's mutex if any */
static void
stick(struct db *db)
{
	db->stuck = db->lock_file;
	db->holder = pthread_self();
}

/* is_full - LMDB calls a write that ended early, as on a full disk, an I/O error */
static bool
is_full(struct db *db)
{
	struct statvfs fs;
	int fd;

	return mdb_env_get_fd(db->env, &fd) == MDB_SUCCESS && fstatvfs(fd, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < DISK_FULL_BYTES;
}

enum error
db_run(struct db_txn *txn, enum error (*fn)(void *), void *arg)
{
	enum error e = txn->failed != OK ? txn->failed : guard_run(fn, arg);

	if (!txn->write || e == OK || e == ERR_NOTFOUND || e == ERR_LIMIT ||
	    e == ERR_EXISTS)
		return e;
	if (e == ERR_IO && is_full(txn->db))
		e = ERR_FULL;
	txn->trapped = txn->trapped || (txn->failed == OK && guard_trapped());
	if (txn->trapped)
		stick(txn->db);
	txn->failed = e;
	return e;
}

enum error
db_begin(struct db *db, bool write, struct db_txn **txn_r)
{
	struct db_txn *txn = calloc(1, sizeof *txn);
	enum error e;

	*txn_r = NULL;
	if (txn == NULL)
		return ERR_MEMORY;
	txn->db = db;
	txn->write = write;
	e = guard_run(begin, txn);
	if (write && guard_trapped())
		stick(db);
	if (e == OK)
		*txn_r = txn;
	else
		db_abort(&txn);
	return e;
}

enum error
db_begin_same(struct db_txn *txn, struct db_txn **same_r)
{
	enum error e;

	*same_r = NULL;
	if (txn->write)
		return ERR_OVERTAKEN;
	e = db_begin(txn->db, false, same_r);
	if (e == OK && db_txn_id(*same_r) != db_txn_id(txn)) {
		db_abort(same_r);
		e = ERR_OVERTAKEN;
	}
	return e;
}

static enum error
reset(void *arg)
{
	mdb_txn_reset(arg);
	return OK;
}

enum error
db_reset(struct db_txn *txn)
{
	return guard_run(reset, txn->txn);
}

static enum error
renew(void *arg)
{
	return db_from_lmdb(mdb_txn_renew(arg));
}

enum error
db_renew(struct db_txn *txn)
{
	return guard_run(renew, txn->txn);
}

size_t
db_txn_id(const struct db_txn *txn)
{
	return mdb_txn_id(txn->txn);
}

/* close_inserter - LMDB frees a write transaction's cursors only if they are closed */
static void
close_inserter(struct db_txn *txn)
{
	if (txn->inserter != NULL)
		mdb_cursor_close(txn->inserter);
	txn->inserter = NULL;
}

static enum error
commit(void *arg)
{
	return db_from_lmdb(mdb_txn_commit(arg));
}

enum error
db_commit(struct db_txn **txn)
{
	enum error e = (*txn)->failed;

	if (e != OK) {
		db_abort(txn);
		return e;
	}
	close_inserter(*txn);
	e = guard_run(commit, (*txn)->txn);
	if ((*txn)->write && guard_trapped())
		stick((*txn)->db);
	if (e == ERR_IO && is_full((*txn)->db))
		e = ERR_FULL;
	free(*txn);
	*txn = NULL;
	return e;
}

void
db_abort(struct db_txn **txn)
{
	if (*txn == NULL)
		return;
	/* What a trap left of a write transaction only the process's end cleans up. */
	if ((*txn)->txn != NULL && !(*txn)->trapped) {
		close_inserter(*txn);
		mdb_txn_abort((*txn)->txn);
	}
	free(*txn);
	*txn = NULL;
}
