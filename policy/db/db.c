/* SPDX-License-Identifier: BSD-2-Clause */
/* db - one LMDB file: opening and closing */
#include "policy/db/db.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "policy/db/db_parts.h"
#include "policy/db/guard.h"
#include "policy/db/lmdb_file.h"

#define FILE_MODE 0660

/* What has to stay open until the process ends, where it can be found. */
static _Atomic(struct db *) kept;

enum error
db_from_lmdb(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return OK;
	case MDB_NOTFOUND:
		return ERR_NOTFOUND;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
		return ERR_FULL;
	case MDB_READERS_FULL:
		return ERR_BUSY;
	case MDB_KEYEXIST:
		return ERR_EXISTS;
	case MDB_BAD_VALSIZE:
		return ERR_LIMIT;
	case EAGAIN: /* mdb_reader_pid(): another process with our number */
		return ERR_PID_SPACE;
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

/* least_map - below this, halving the map size is of no use */
static size_t
least_map(const char *path)
{
	size_t least = (size_t)1 << 20;
	struct stat st;

	if (stat(path, &st) == 0 && (size_t)st.st_size * 2 > least)
		least = (size_t)st.st_size * 2;
	return least;
}

/* fills_disk - whether there is hardly any room left beside the file */
static bool
fills_disk(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < DISK_FULL_BYTES;
}

/* open_any_size - with the wished map size, or less where RLIMIT_AS is in the way */
static enum error
open_any_size(struct db *db, const char *path, const struct db_options *options)
{
	size_t size = options->map_size, least = least_map(path);
	enum error e;

	if (size == 0)
		size = sizeof(size_t) > 4 ? (size_t)32 << 30 : (size_t)1 << 30;
	for (;; size /= 2) {
		struct open_call call = {NULL, path, size, options};

		e = db_from_lmdb(mdb_env_create(&call.env));
		if (e != OK)
			return e;
		e = guard_run(open_env, &call);
		if (e == OK)
			db->env = call.env;
		else
			mdb_env_close(call.env);
		/* A lock file is made with a hole, and mapped: filling that one traps.
		 */
		if (e == ERR_DAMAGED && guard_trapped() && fills_disk(path))
			return ERR_FULL;
		if (e != ERR_MEMORY || size / 2 < least)
			return e;
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

enum error
db_open(struct db **db_r, const char *path, const struct db_options *options,
    struct error_text *why)
{
	enum error e = lmdb_file_check(path, options->writable);
	struct db *db;

	*db_r = NULL;
	if (e != OK)
		return error_about(why, e, path);
	db = calloc(1, sizeof *db);
	if (db == NULL)
		return error_about(why, ERR_MEMORY, path);
	db->lock_file = options->lock_file;
	e = open_any_size(db, path, options);
	if (e == OK)
		e = open_main_table(db);
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
	if ((*db)->env != NULL)
		mdb_env_close((*db)->env);
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
