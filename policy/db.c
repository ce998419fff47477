/* SPDX-License-Identifier: BSD-2-Clause */
/* db - one LMDB file (the only file with lmdb.h) */
#include "policy/db.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "policy/dbfile.h"
#include "policy/guard.h"

#define FILE_MODE 0660

/* The longest record that can be pinned. */
#define PIN_MAX 256

/* With less than that left, what a write has left out is for want of room. */
#define DISK_FULL_BYTES 65536

struct db {
	MDB_env *env;
	MDB_dbi dbi;
	/* A write was left in the middle, and this thread holds LMDB's writer mutex: */
	bool stuck;
	pthread_t holder;
	struct db *next; /* of those that stay open */
};

/* What has to stay open until the process ends, where it can be found. */
static _Atomic(struct db *) kept;

/* A record of a snapshot, as it was and where it is in the map. */
struct pin {
	const void *at; /* NULL: none */
	size_t txn_id, len;
	uint8_t copy[PIN_MAX];
};

struct db_txn {
	struct db *db;
	MDB_txn *txn;
	struct pin pin; /* readers only: a writer's pages move */
	bool same;      /* the last renewal has found the pinned record as it was */
	MDB_cursor *inserter; /* of db_insert(): it stays where the last key was put */
	bool write;
	bool trapped;      /* left in the middle of a write: not to be touched again */
	enum error failed; /* what LMDB has given the transaction up for */
};

struct db_cursor {
	struct db_txn *txn;
	MDB_cursor *cursor;
	struct bytes key, value;
	uint8_t key_copy[KEY_MAX];
	uint8_t value_copy[DB_VALUE_MAX];
};

/* from_lmdb - the mapper for LMDB's errors */
static enum error
from_lmdb(int rc)
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
	    (o->alone ? MDB_NOLOCK : 0) | (o->lazy ? MDB_NOSYNC : 0);
	int rc = mdb_env_set_maxreaders(c->env, DB_READERS_MAX);

	if (rc == MDB_SUCCESS)
		rc = mdb_env_set_assert(c->env, on_assert);
	if (rc == MDB_SUCCESS)
		rc = mdb_env_set_mapsize(c->env, c->map_size);
	if (rc == MDB_SUCCESS)
		rc = mdb_env_open(c->env, c->path, flags, FILE_MODE);
	return from_lmdb(rc);
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

		e = from_lmdb(mdb_env_create(&call.env));
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

/*
 * check_lock_file - whether it speaks of this file. LMDB's first opener fills it in; if
 * that one is killed, all who wait for it take what there is, such as a last
 * transaction of number 0. A snapshot two commits behind the file is followed by a
 * newer one, or the lock file is wrong.
 */
static enum error
check_lock_file(struct db_txn *txn)
{
	size_t lag, id = db_txn_id(txn);
	enum error e = db_lag(txn, &lag);
	bool same;

	if (e != OK || lag <= 1)
		return e;
	e = db_reset(txn);
	if (e == OK)
		e = db_renew(txn, &same);
	return e == OK && db_txn_id(txn) == id ? ERR_REPLACED : e;
}

/* open_main_table - the unnamed database; it needs a transaction to be opened in */
static enum error
open_main_table(struct db *db)
{
	struct db_txn *txn;
	enum error e = db_begin(db, false, &txn);

	if (e != OK)
		return e;
	e = check_lock_file(txn);
	if (e == OK)
		e = from_lmdb(mdb_dbi_open(txn->txn, NULL, 0, &db->dbi));
	db_abort(&txn);
	return e;
}

enum error
db_open(struct db **db_r, const char *path, const struct db_options *options,
    struct error_text *why)
{
	enum error e = dbfile_check(path, options->writable);
	struct db *db;

	*db_r = NULL;
	if (e != OK)
		return error_about(why, e, path);
	db = calloc(1, sizeof *db);
	if (db == NULL)
		return error_about(why, ERR_MEMORY, path);
	e = open_any_size(db, path, options);
	if (e == OK)
		e = db_clear_stale_readers(db);
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
	return from_lmdb(mdb_env_sync(db->env, 1));
}

enum error
db_file_id(const struct db *db, dev_t *dev_r, ino_t *ino_r)
{
	struct stat st;
	int fd;

	if (mdb_env_get_fd(db->env, &fd) != MDB_SUCCESS || fstat(fd, &st) != 0)
		return ERR_IO;
	*dev_r = st.st_dev;
	*ino_r = st.st_ino;
	return OK;
}

enum error
db_written(const struct db_txn *txn, struct timespec *time_r)
{
	struct stat st;
	int fd;

	if (mdb_env_get_fd(txn->db->env, &fd) != MDB_SUCCESS || fstat(fd, &st) != 0)
		return ERR_IO;
	*time_r = st.st_mtim;
	return OK;
}

enum error
db_clear_stale_readers(struct db *db)
{
	int dead;

	return from_lmdb(mdb_reader_check(db->env, &dead));
}

/*
 * check_snapshot - a transaction numbered above the last one in the file means that
 * another file stands in its place. A reader may be behind, while a commit is on its
 * way; a writer, whom all others wait for, is the next one, or would write over a newer
 * state.
 */
static enum error
check_snapshot(const struct db_txn *txn)
{
	size_t id = mdb_txn_id(txn->txn);
	MDB_envinfo info;
	int rc = mdb_env_info(txn->db->env, &info);

	if (rc != MDB_SUCCESS)
		return from_lmdb(rc);
	if (txn->write)
		return id == info.me_last_txnid + 1 ? OK : ERR_REPLACED;
	return id > info.me_last_txnid ? ERR_REPLACED : OK;
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

	if (rc == MDB_READERS_FULL && mdb_reader_check(env, NULL) == MDB_SUCCESS)
		rc = mdb_txn_begin(env, NULL, flags, &txn->txn);
	if (rc != MDB_SUCCESS) {
		txn->txn = NULL;
		return from_lmdb(rc);
	}
	return check_snapshot(txn);
}

/* stick - this thread has left a write in the middle */
static void
stick(struct db *db)
{
	db->stuck = true;
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

/*
 * run - FN in the guard. LMDB gives a write transaction up after an error; what it was
 * given up for is told again, or a full disk would end as damage.
 */
static enum error
run(struct db_txn *txn, enum error (*fn)(void *), void *arg)
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

/*
 * pin_holds - ERR_NOTFOUND where it cannot be told. While no commit has followed, LMDB
 * reuses no page of the snapshot, so the record stays where it is.
 */
static enum error
pin_holds(void *arg)
{
	const struct db_txn *txn = arg;
	const struct pin *pin = &txn->pin;
	size_t id = mdb_txn_id(txn->txn);
	MDB_envinfo info;
	int rc;

	if (pin->at == NULL || pin->txn_id != id)
		return ERR_NOTFOUND;
	rc = mdb_env_info(txn->db->env, &info);
	if (rc != MDB_SUCCESS)
		return from_lmdb(rc);
	return id == info.me_last_txnid && memcmp(pin->at, pin->copy, pin->len) == 0
	    ? OK
	    : ERR_NOTFOUND;
}

enum error
db_pin_holds(struct db_txn *txn)
{
	return guard_run(pin_holds, txn);
}

static enum error
renew(void *arg)
{
	struct db_txn *txn = arg;
	int rc = mdb_txn_renew(txn->txn);

	if (rc != MDB_SUCCESS)
		return from_lmdb(rc);
	txn->same = pin_holds(txn) == OK;
	return txn->same ? OK : check_snapshot(txn);
}

enum error
db_renew(struct db_txn *txn, bool *same_r)
{
	enum error e = guard_run(renew, txn);

	*same_r = e == OK && txn->same;
	return e;
}

size_t
db_txn_id(const struct db_txn *txn)
{
	return mdb_txn_id(txn->txn);
}

static enum error
check(void *arg)
{
	return check_snapshot(arg);
}

enum error
db_check(struct db_txn *txn)
{
	return guard_run(check, txn);
}

struct lag_call {
	struct db_txn *txn;
	size_t lag;
};

/* lag - how far the last transaction in the file is ahead of this snapshot */
static enum error
lag(void *arg)
{
	struct lag_call *c = arg;
	MDB_envinfo info;
	int rc = mdb_env_info(c->txn->db->env, &info);

	if (rc == MDB_SUCCESS)
		c->lag = info.me_last_txnid - mdb_txn_id(c->txn->txn);
	return from_lmdb(rc);
}

enum error
db_lag(struct db_txn *txn, size_t *lag_r)
{
	struct lag_call c = {txn, 0};
	enum error e = guard_run(lag, &c);

	*lag_r = c.lag;
	return e;
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
	return from_lmdb(mdb_txn_commit(arg));
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

/* val - our bytes as LMDB's; it does not write through the pointer */
static MDB_val
val(struct bytes b)
{
	union {
		const void *in;
		void *out;
	} p = {b.at};

	return (MDB_val){b.len, p.out};
}

struct get_call {
	struct db_txn *txn;
	const struct key *key;
	void *buf;
	size_t cap, len;
	const void *at; /* in the map */
};

static enum error
get(void *arg)
{
	struct get_call *c = arg;
	MDB_val key = val(key_bytes(c->key)), value;
	int rc = mdb_get(c->txn->txn, c->txn->db->dbi, &key, &value);

	if (rc != MDB_SUCCESS)
		return from_lmdb(rc);
	if (value.mv_size > c->cap)
		return ERR_LIMIT;
	memcpy(c->buf, value.mv_data, value.mv_size);
	c->len = value.mv_size;
	c->at = value.mv_data;
	return OK;
}

enum error
db_get(struct db_txn *txn, const struct key *key, void *buf, size_t cap, size_t *len_r)
{
	struct get_call c = {txn, key, buf, cap, 0, NULL};
	enum error e = run(txn, get, &c);

	*len_r = c.len;
	return e;
}

enum error
db_get_pinned(
    struct db_txn *txn, const struct key *key, void *buf, size_t cap, size_t *len_r)
{
	struct get_call c = {txn, key, buf, cap, 0, NULL};
	struct pin *pin = &txn->pin;
	enum error e = run(txn, get, &c);

	*len_r = c.len;
	pin->at = e == OK && !txn->write && c.len <= sizeof pin->copy ? c.at : NULL;
	if (pin->at == NULL)
		return e;
	pin->txn_id = mdb_txn_id(txn->txn);
	pin->len = c.len;
	memcpy(pin->copy, buf, c.len);
	return OK;
}

struct write_call {
	struct db_txn *txn;
	const struct key *key;
	struct bytes value;
};

static enum error
put(void *arg)
{
	struct write_call *c = arg;
	MDB_val key = val(key_bytes(c->key)), value = val(c->value);

	return from_lmdb(mdb_put(c->txn->txn, c->txn->db->dbi, &key, &value, 0));
}

enum error
db_put(struct db_txn *txn, const struct key *key, struct bytes value)
{
	struct write_call c = {txn, key, value};

	return run(txn, put, &c);
}

struct insert_call {
	struct write_call write;
	void *buf;
	size_t cap, len;
};

static enum error
insert(void *arg)
{
	struct insert_call *c = arg;
	struct db_txn *txn = c->write.txn;
	MDB_val key = val(key_bytes(c->write.key)), value = val(c->write.value);
	int rc = mdb_cursor_put(txn->inserter, &key, &value, MDB_NOOVERWRITE);

	if (rc != MDB_KEYEXIST)
		return from_lmdb(rc);
	if (value.mv_size > c->cap)
		return ERR_LIMIT;
	memcpy(c->buf, value.mv_data, value.mv_size);
	c->len = value.mv_size;
	return ERR_EXISTS;
}

enum error
db_insert(struct db_txn *txn, const struct key *key, struct bytes value, void *buf,
    size_t cap, size_t *len_r)
{
	struct insert_call c = {{txn, key, value}, buf, cap, 0};
	enum error e = txn->failed;

	if (e == OK && txn->inserter == NULL)
		e = from_lmdb(mdb_cursor_open(txn->txn, txn->db->dbi, &txn->inserter));
	if (e == OK)
		e = run(txn, insert, &c);
	*len_r = c.len;
	return e;
}

static enum error
append(void *arg)
{
	struct write_call *c = arg;
	MDB_val key = val(key_bytes(c->key)), value = val(c->value);
	int rc = mdb_put(c->txn->txn, c->txn->db->dbi, &key, &value, MDB_APPEND);

	/* LMDB's word for a key that would not come last */
	return rc == MDB_KEYEXIST ? ERR_CONFLICT : from_lmdb(rc);
}

enum error
db_append(struct db_txn *txn, const struct key *key, struct bytes value)
{
	struct write_call c = {txn, key, value};

	return run(txn, append, &c);
}

static enum error delete (void *arg) {
	struct write_call *c = arg; MDB_val key = val(key_bytes(c->key));

	return from_lmdb(mdb_del(c->txn->txn, c->txn->db->dbi, &key, NULL));
}

enum error
db_delete(struct db_txn *txn, const struct key *key)
{
	struct write_call c = {txn, key, {NULL, 0}};

	return run(txn, delete, &c);
}

enum error
db_cursor_open(struct db_txn *txn, struct db_cursor **cursor_r)
{
	struct db_cursor *cursor = calloc(1, sizeof *cursor);
	enum error e;

	*cursor_r = NULL;
	if (cursor == NULL)
		return ERR_MEMORY;
	cursor->txn = txn;
	e = from_lmdb(mdb_cursor_open(txn->txn, txn->db->dbi, &cursor->cursor));
	if (e == OK)
		*cursor_r = cursor;
	else
		free(cursor);
	return e;
}

void
db_cursor_close(struct db_cursor **cursor)
{
	if (*cursor == NULL)
		return;
	mdb_cursor_close((*cursor)->cursor);
	free(*cursor);
	*cursor = NULL;
}

struct move_call {
	struct db_cursor *cursor;
	const struct key *key; /* of MDB_SET_RANGE */
	MDB_cursor_op where;
};

static enum error
move(void *arg)
{
	struct move_call *c = arg;
	struct db_cursor *cursor = c->cursor;
	MDB_val key = {0, NULL}, value;
	int rc;

	if (c->key != NULL)
		key = val(key_bytes(c->key));
	rc = mdb_cursor_get(cursor->cursor, &key, &value, c->where);
	if (rc != MDB_SUCCESS)
		return from_lmdb(rc);
	if (key.mv_size > sizeof cursor->key_copy ||
	    value.mv_size > sizeof cursor->value_copy)
		return ERR_DAMAGED;
	memcpy(cursor->key_copy, key.mv_data, key.mv_size);
	memcpy(cursor->value_copy, value.mv_data, value.mv_size);
	cursor->key = (struct bytes){cursor->key_copy, key.mv_size};
	cursor->value = (struct bytes){cursor->value_copy, value.mv_size};
	return OK;
}

enum error
db_cursor_seek(struct db_cursor *cursor, const struct key *key)
{
	struct move_call c = {cursor, key, MDB_SET_RANGE};

	return run(cursor->txn, move, &c);
}

enum error
db_cursor_next(struct db_cursor *cursor)
{
	struct move_call c = {cursor, NULL, MDB_NEXT};

	return run(cursor->txn, move, &c);
}

struct bytes
db_cursor_key(const struct db_cursor *cursor)
{
	return cursor->key;
}

struct bytes
db_cursor_value(const struct db_cursor *cursor)
{
	return cursor->value;
}

struct scan_call {
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *cursor;
	size_t page_mask;
	enum error (*fn)(void *arg, struct bytes key, struct bytes value);
	void *arg;
};

/* found_from_root - whether a look-up of KEY leads to the very record of the scan */
static bool
found_from_root(const struct scan_call *c, MDB_val key, const MDB_val *value)
{
	MDB_val found;

	return mdb_get(c->txn, c->dbi, &key, &found) == MDB_SUCCESS &&
	    found.mv_data == value->mv_data && found.mv_size == value->mv_size;
}

/* ascends - the order LMDB keeps: bytes, then length */
static bool
ascends(const MDB_val *a, const MDB_val *b)
{
	size_t n = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
	int order = memcmp(a->mv_data, b->mv_data, n);

	return order < 0 || (order == 0 && a->mv_size < b->mv_size);
}

static bool
same_page(const struct scan_call *c, const MDB_val *a, const MDB_val *b)
{
	return ((uintptr_t)a->mv_data & c->page_mask) ==
	    ((uintptr_t)b->mv_data & c->page_mask);
}

/* check_step - the path check between one record and the next (LAST_KEY may be none) */
static enum error
check_step(const struct scan_call *c, const MDB_val *last_key,
    const MDB_val *last_value, const MDB_val *key, const MDB_val *value)
{
	if (last_key->mv_data != NULL) {
		if (!ascends(last_key, key))
			return ERR_DAMAGED;
		if (same_page(c, last_key, key))
			return OK;
		if (!found_from_root(c, *last_key, last_value))
			return ERR_DAMAGED;
	}
	return found_from_root(c, *key, value) ? OK : ERR_DAMAGED;
}

static enum error
scan(void *arg)
{
	struct scan_call *c = arg;
	MDB_val key, value, last_key = {0, NULL}, last_value = {0, NULL};
	MDB_stat stat;
	size_t records = 0;
	enum error e;
	int rc = mdb_stat(c->txn, c->dbi, &stat);

	if (rc != MDB_SUCCESS)
		return from_lmdb(rc);
	c->page_mask = ~((size_t)stat.ms_psize - 1);
	while (
	    (rc = mdb_cursor_get(c->cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
		e = check_step(c, &last_key, &last_value, &key, &value);
		if (e == OK)
			e = c->fn(c->arg, (struct bytes){key.mv_data, key.mv_size},
			    (struct bytes){value.mv_data, value.mv_size});
		if (e != OK)
			return e;
		last_key = key;
		last_value = value;
		records++;
	}
	if (rc != MDB_NOTFOUND)
		return from_lmdb(rc);
	if (records > 0 && !found_from_root(c, last_key, &last_value))
		return ERR_DAMAGED;
	return stat.ms_entries == records ? OK : ERR_DAMAGED;
}

enum error
db_scan(struct db_txn *txn,
    enum error (*fn)(void *arg, struct bytes key, struct bytes value), void *arg)
{
	struct scan_call c = {txn->txn, txn->db->dbi, NULL, 0, fn, arg};
	enum error e = from_lmdb(mdb_cursor_open(txn->txn, txn->db->dbi, &c.cursor));

	if (e != OK)
		return e;
	e = guard_run(scan, &c);
	mdb_cursor_close(c.cursor);
	return e;
}
