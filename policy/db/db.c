/* SPDX-License-Identifier: BSD-2-Clause */
/* db - one LMDB file: opening, transactions, records */
#include "policy/db/db.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "policy/db/db_parts.h"
#include "policy/db/guard.h"
#include "policy/db/lmdb_file.h"
#include "policy/kernel/proc.h"

#define FILE_MODE 0660

/* With less room than that, a write that failed has failed for want of it. */
#define DISK_FULL_BYTES 65536

/*
 * LMDB 0.9.26 to 0.9.31: who closes last destroys the mutexes of the lock file, and who
 * opens at that moment is told EINVAL, as of damage. Opened anew they are there again.
 */
#define OPEN_TRIES 5

/* What has to stay open until the process ends, where it can be found. */
static _Atomic(struct db *) kept;

enum error
db_from_lmdb(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return OK;
	case MDB_MAP_FULL:
		return ERR_MAP;
	case MDB_MAP_RESIZED: /* it has outgrown our map: it has to be opened anew */
		return ERR_REPLACED;
	case MDB_TXN_FULL:
		return ERR_FULL;
	case MDB_READERS_FULL:
		return ERR_BUSY;
	case MDB_BAD_VALSIZE:
		return ERR_LIMIT;
	case EAGAIN: /* mdb_reader_pid(): another process with our number */
		return ERR_PID_SPACE;
	case ENOSYS: /* of the locks on the lock file */
	case EOPNOTSUPP:
		return ERR_NO_LOCKS;
	default:
		return rc < 0 || rc == EINVAL || rc == EBADF ? ERR_DAMAGED
							     : error_from_errno(rc);
	}
}

/* on_assert - LMDB aborts when its assert handler returns */
static void
on_assert(MDB_env *env, const char *message)
{
	(void)env;
	(void)message;
	guard_escape();
}

struct open_call {
	MDB_env *env;
	const char *path;
	size_t map_size;
	const struct db_options *options;
};

static enum error
open_env(void *arg)
{
	struct open_call *c = arg;
	const struct db_options *o = c->options;
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (o->writable ? 0 : MDB_RDONLY) |
	    (o->lock_file ? 0 : MDB_NOLOCK) | (o->lazy ? MDB_NOSYNC : 0);
	mode_t mode = o->mode != 0 ? o->mode : FILE_MODE;
	int rc = mdb_env_set_assert(c->env, on_assert);

	if (rc == MDB_SUCCESS)
		rc = mdb_env_set_mapsize(c->env, c->map_size);
	if (rc == MDB_SUCCESS)
		rc = mdb_env_open(c->env, c->path, flags, mode);
	return db_from_lmdb(rc);
}

/* least_map - a smaller map does not hold the file */
static size_t
least_map(const char *path)
{
	const size_t least = (size_t)1 << 20;
	struct stat st;

	if (stat(path, &st) != 0 || st.st_size <= (off_t)least)
		return least;
	return (uintmax_t)st.st_size < SIZE_MAX ? (size_t)st.st_size : SIZE_MAX;
}

static bool
is_full(const struct statvfs *fs)
{
	return (uint64_t)fs->f_bavail * fs->f_frsize < DISK_FULL_BYTES;
}

/* fills_disk - whether the disk of PATH is full; the file itself may be missing */
static bool
fills_disk(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	struct statvfs fs;
	bool full;

	if (statvfs(path, &fs) == 0)
		return is_full(&fs);
	folder =
	    slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	full = folder != NULL && statvfs(folder, &fs) == 0 && is_full(&fs);
	free(folder);
	return full;
}

/*
 * lock_file_lacks_room - LMDB makes its lock file with a hole, and maps it: without
 * room, filling the first page traps, and so does closing in LMDB 0.9.26 to 0.9.31. The
 * rest is for more readers than there are, and stays a hole.
 */
static bool
lock_file_lacks_room(const char *path)
{
	char lock[PATH_MAX + sizeof "-lock"];
	off_t page = (off_t)sysconf(_SC_PAGESIZE);
	struct stat st;

	snprintf(lock, sizeof lock, "%s-lock", path);
	if (stat(lock, &st) == 0 && st.st_size > 0 &&
	    (off_t)st.st_blocks * 512 >= (st.st_size < page ? st.st_size : page))
		return false;
	return fills_disk(path);
}

static enum error
close_env(void *arg)
{
	mdb_env_close(arg);
	return OK;
}

/* close_guarded - what a trap in here leaves open stays so until the process ends */
static void
close_guarded(MDB_env *env)
{
	enum error e = guard_run(close_env, env);

	(void)e;
}

/* open_any_size - with the wished map size, or less where RLIMIT_AS is in the way */
static enum error
open_any_size(struct db *db, const char *path, const struct db_options *options)
{
	size_t size = options->map_size, least = least_map(path);
	enum error e;

	if (options->lock_file && lock_file_lacks_room(path))
		return ERR_FULL;
	if (size == 0)
		size = sizeof(size_t) > 4 ? (size_t)32 << 30 : (size_t)1 << 30;
	for (;; size = size / 2 > least ? size / 2 : least) {
		struct open_call call = {NULL, path, size, options};
		bool trapped;

		e = db_from_lmdb(mdb_env_create(&call.env));
		if (e != OK)
			return e;
		e = guard_run(open_env, &call);
		if (e == OK) {
			db->env = call.env;
			return OK;
		}
		trapped = guard_trapped();
		close_guarded(call.env);
		if (trapped && fills_disk(path))
			return ERR_FULL;
		db->trapped = trapped;
		if (e != ERR_MEMORY)
			return e;
		if (size <= least)
			return ERR_MAP;
	}
}

/* open_main_table - the unnamed database; it needs a transaction to be opened in */
static enum error
open_main_table(struct db *db)
{
	struct db_txn *txn;
	enum error e = db_begin(db, false, &txn);

	if (e != OK)
		return e;
	e = db_from_lmdb(mdb_dbi_open(txn->txn, NULL, 0, &db->dbi));
	db_abort(&txn);
	return e;
}

/* leave_env - DB itself stays */
static void
leave_env(struct db *db)
{
	if (db->env != NULL)
		close_guarded(db->env);
	db->env = NULL;
}

enum error
db_open(struct db **db_r, const char *path, const struct db_options *options,
    struct error_text *why)
{
	enum error e = options->fd > 0
	    ? lmdb_file_check_open(options->fd, options->writable)
	    : lmdb_file_check(path, options->writable);
	const char *file = path;
	char link[PROC_PATH_MAX];
	struct db *db;

	*db_r = NULL;
	if (e != OK)
		return error_about(why, e, path);
	db = calloc(1, sizeof *db);
	if (db == NULL)
		return error_about(why, ERR_MEMORY, path);
	db->lock_file = options->lock_file;
	if (options->fd > 0)
		file = proc_path(options->fd, link);
	for (int n = 0; n < OPEN_TRIES; n++) {
		e = open_any_size(db, file, options);
		if (e == OK) {
			e = open_main_table(db);
			db->trapped = guard_trapped();
		}
		if (e != ERR_DAMAGED || db->trapped || !db->lock_file)
			break;
		leave_env(db);
	}
	if (e != OK) {
		db_close(&db);
		return error_about(why, e, path);
	}
	*db_r = db;
	return OK;
}

void
db_close(struct db **db)
{
	if (*db == NULL)
		return;
	/*
	 * The kernel gives a held mutex to the next one when its thread ends, and only
	 * while it is mapped: one that ends with the process stays so until then.
	 */
	if ((*db)->stuck && pthread_equal((*db)->holder, pthread_self())) {
		(*db)->next = atomic_exchange(&kept, *db);
		*db = NULL;
		return;
	}
	leave_env(*db);
	free(*db);
	*db = NULL;
}

enum error
db_sync(struct db *db)
{
	return db_from_lmdb(mdb_env_sync(db->env, 1));
}

enum error
db_file(const struct db *db, struct db_file *file_r)
{
	struct stat st;
	int fd;

	if (mdb_env_get_fd(db->env, &fd) != MDB_SUCCESS || fstat(fd, &st) != 0)
		return ERR_IO;
	*file_r = (struct db_file){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
	return OK;
}

struct last_call {
	MDB_env *env;
	size_t commit;
};

static enum error
last(void *arg)
{
	struct last_call *c = arg;
	MDB_envinfo info;
	int rc = mdb_env_info(c->env, &info);

	if (rc == MDB_SUCCESS)
		c->commit = info.me_last_txnid;
	return db_from_lmdb(rc);
}

enum error
db_last_commit(struct db *db, size_t *commit_r)
{
	struct last_call c = {db->env, 0};
	enum error e = guard_run(last, &c);

	*commit_r = c.commit;
	return e;
}

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
txn_check(void *arg)
{
	return db_check_guarded(arg);
}

enum error
db_check(struct db_txn *txn)
{
	return guard_run(txn_check, txn);
}

/*
 * txn_begin - guarded although it takes a slot or the writer mutex: LMDB holds neither
 * of its short locks while it reads the map, and closing gives the slot back
 */
static enum error
txn_begin(void *arg)
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

/* txn_stick - this thread left a write in the middle, and may hold LMDB's mutex */
static void
txn_stick(struct db *db)
{
	db->stuck = db->lock_file;
	db->holder = pthread_self();
}

/* or_full - LMDB calls a write that ended early, as on a full disk, an I/O error */
static enum error
or_full(struct db *db, enum error e)
{
	struct statvfs fs;
	int fd;

	return e == ERR_IO && mdb_env_get_fd(db->env, &fd) == MDB_SUCCESS &&
		fstatvfs(fd, &fs) == 0 && is_full(&fs)
	    ? ERR_FULL
	    : e;
}

enum error
db_run(struct db_txn *txn, enum error (*fn)(void *), void *arg)
{
	enum error e = txn->failed != OK ? txn->failed : guard_run(fn, arg);

	if (!txn->write || e == OK || e == ERR_LIMIT || e == ERR_EXISTS)
		return e;
	txn->trapped = txn->trapped || (txn->failed == OK && guard_trapped());
	if (txn->trapped)
		txn_stick(txn->db);
	txn->failed = or_full(txn->db, e);
	return txn->failed;
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
	e = guard_run(txn_begin, txn);
	if (write && guard_trapped())
		txn_stick(db);
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
txn_reset(void *arg)
{
	mdb_txn_reset(arg);
	return OK;
}

enum error
db_reset(struct db_txn *txn)
{
	return guard_run(txn_reset, txn->txn);
}

static enum error
txn_renew(void *arg)
{
	return db_from_lmdb(mdb_txn_renew(arg));
}

enum error
db_renew(struct db_txn *txn)
{
	return guard_run(txn_renew, txn->txn);
}

size_t
db_txn_id(const struct db_txn *txn)
{
	return mdb_txn_id(txn->txn);
}

/* txn_close_inserter - LMDB leaves the cursors of a write transaction to its caller */
static void
txn_close_inserter(struct db_txn *txn)
{
	if (txn->inserter != NULL)
		mdb_cursor_close(txn->inserter);
	txn->inserter = NULL;
}

static enum error
txn_commit(void *arg)
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
	txn_close_inserter(*txn);
	e = guard_run(txn_commit, (*txn)->txn);
	if ((*txn)->write && guard_trapped())
		txn_stick((*txn)->db);
	e = or_full((*txn)->db, e);
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
		txn_close_inserter(*txn);
		mdb_txn_abort((*txn)->txn);
	}
	free(*txn);
	*txn = NULL;
}
