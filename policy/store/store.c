/* SPDX-License-Identifier: BSD-2-Clause */
/* store - the policy database: its files, and who may write */
#include "policy/store/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/db/lmdb_file.h"
#include "policy/kernel/network_fs.h"
#include "policy/store/state_dir.h"
#include "policy/store/store_parts.h"

/* store_new - with nothing open */
static enum error
store_new(struct store **store_r, enum store_mode mode, const char *name,
    struct error_text *why)
{
	struct store *s = calloc(1, sizeof *s);

	*store_r = s;
	if (s == NULL) {
		error_about(why, ERR_MEMORY, name);
		return ERR_MEMORY;
	}
	s->mode = mode;
	s->lock.turn = s->lock.writers = s->watch = -1;
	return OK;
}

enum error
store_about(struct error_text *why, enum error e, const struct store *store)
{
	struct stat st;

	if (e == ERR_MAP && stat(store->path, &st) == 0)
		return error_set(why, e, "%s: %s (%lld MiB)", error_string(e),
		    store->path, (long long)st.st_size >> 20);
	if (store->live && (e == ERR_DAMAGED || e == ERR_FORMAT))
		return error_set(why, e,
		    "%s: %s; \"smtpauthctl restore DIR\" brings a backup back",
		    error_string(e), store->path);
	return error_about(why, e, store->path);
}

/* open_db - opens LMDB and remembers which file this is */
static enum error
open_db(struct store *s, const struct db_options *options, struct error_text *why)
{
	size_t commit;
	enum error e = db_open(&s->db, s->path, options, NULL);

	if (e == OK)
		e = db_file(s->db, &s->opened);
	if (e == OK && s->turn != NULL) {
		e = db_last_commit(s->db, &commit);
		if (e == OK)
			write_lock_begin(s->turn, &s->opened, commit);
	}
	return e == OK ? OK : store_about(why, e, s);
}

void
store_stamp(const struct store *s)
{
	struct db_file file;
	size_t commit;

	if (s->turn != NULL && db_last_commit(s->db, &commit) == OK &&
	    db_file(s->db, &file) == OK)
		write_lock_stamp(s->turn, &file, commit);
}

/* set_path - of the live file; the folder has to be fit for it */
static enum error
set_path(struct store *s, const char *dir, struct error_text *why)
{
	enum error e = state_dir_path(s->path, dir, STORE_DATA, why);

	s->live = true;
	if (e != OK)
		return e;
	e = network_fs_check(dir);
	if (e == ERR_MISSING)
		return state_dir_missing(dir, dir, why);
	return e == OK ? OK : error_about(why, e, dir);
}

/* take_turn - of a writer, unless it has it already */
static enum error
take_turn(struct store *s, const char *dir, const struct write_lock *held,
    struct error_text *why)
{
	enum error e;

	if (held != NULL) {
		s->turn = held;
		return OK;
	}
	e = write_lock_take(&s->lock, dir, WRITERS_WAIT_SECONDS, why);
	if (e == OK)
		s->turn = &s->lock;
	return e;
}

/* is_empty - no longer a database, and not yet one */
static bool
is_empty(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

/* check_file - the live one; an empty one where a policy has been is a lost policy */
static enum error
check_file(const struct store *s, const char *dir, struct error_text *why)
{
	enum error e = lmdb_file_check(s->path, false);

	if (e == OK)
		return OK;
	if (e == ERR_MISSING ||
	    (e == ERR_FORMAT && is_empty(s->path) && state_dir_has_policy(dir)))
		return state_dir_missing(dir, s->path, why);
	return store_about(why, e, s);
}

/* open_live - the file of a state folder; CREATE: also where it is missing */
static enum error
open_live(struct store *s, const char *dir, const struct write_lock *held, bool create,
    struct error_text *why)
{
	const struct db_options options = {.writable = s->mode == STORE_WRITE};
	enum error e = set_path(s, dir, why);

	if (e == OK && !create)
		e = check_file(s, dir, why);
	if (e == OK && s->mode == STORE_WRITE)
		e = take_turn(s, dir, held, why);
	else if (e == OK)
		s->watch = write_lock_watch(dir);
	if (e == OK)
		e = open_db(s, &options, why);
	if (e == OK && s->mode == STORE_WRITE)
		e = state_dir_give(dir, STORE_DATA, STORE_DATA_MODE, why);
	return e;
}

static enum error
open_store(struct store **store_r, const char *dir, enum store_mode mode,
    const struct write_lock *held, bool create, struct error_text *why)
{
	enum error e = store_new(store_r, mode, dir, why);

	if (e == OK)
		e = open_live(*store_r, dir, held, create, why);
	if (e != OK)
		store_close(store_r);
	return e;
}

enum error
store_open(struct store **store_r, const char *dir, enum store_mode mode,
    struct error_text *why)
{
	return open_store(store_r, dir, mode, NULL, false, why);
}

enum error
store_open_in_turn(struct store **store_r, const char *dir,
    const struct write_lock *lock, struct error_text *why)
{
	return open_store(store_r, dir, STORE_WRITE, lock, false, why);
}

/* open_path - a file that is no live one */
static enum error
open_path(struct store *s, const char *path, const struct db_options *options,
    struct error_text *why)
{
	int n = snprintf(s->path, sizeof s->path, "%s", path);

	if (n < 0 || n >= (int)sizeof s->path)
		return error_about(why, ERR_LIMIT, path);
	return open_db(s, options, why);
}

enum error
store_open_file(struct store **store_r, const char *path, int fd, enum store_mode mode,
    struct error_text *why)
{
	const struct db_options options = {.writable = mode == STORE_WRITE, .fd = fd};
	enum error e =
	    fd > 0 ? lmdb_file_check_open(fd, false) : lmdb_file_check(path, false);

	*store_r = NULL;
	if (e != OK)
		return error_about(why, e, path);
	e = store_new(store_r, mode, path, why);
	if (e == OK)
		e = open_path(*store_r, path, &options, why);
	if (e != OK)
		store_close(store_r);
	return e;
}

/* check_empty - ERR_FORMAT for a database that has a record */
static enum error
check_empty(struct db_txn *db)
{
	const struct key first = {.len = 1, .at = {0}};
	struct db_cursor *cursor;
	enum error e = db_cursor_open(db, &cursor);

	if (e == OK &&
	    (db_cursor_seek(cursor, &first) != OK || db_cursor_key(cursor).at != NULL))
		e = ERR_FORMAT;
	db_cursor_close(&cursor);
	return e;
}

/* ensure_meta - make the meta record of a database that has no record at all */
static enum error
ensure_meta(struct store *s, bool *created_r)
{
	struct store_meta m = {0};
	struct db_txn *db;
	enum error e = db_begin(s->db, true, &db);

	if (e != OK)
		return e;
	e = meta_read(db, &m);
	*created_r = e == ERR_FORMAT;
	if (*created_r) {
		e = check_empty(db);
		if (e == OK && getrandom(m.id, sizeof m.id, 0) != sizeof m.id)
			e = ERR_IO;
		if (e == OK)
			e = meta_write(db, &m);
		if (e == OK)
			return db_commit(&db);
	}
	db_abort(&db);
	return e;
}

/* remove_old_lock - LMDB's lock file, which the group could write; best effort */
static void
remove_old_lock(const char *dir)
{
	char path[PATH_MAX];

	if (state_dir_path(path, dir, STORE_OLD_LOCK, NULL) == OK)
		(void)!unlink(path);
}

enum error
store_create(
    struct store **store_r, const char *dir, bool *created_r, struct error_text *why)
{
	enum error e = open_store(store_r, dir, STORE_WRITE, NULL, true, why);

	if (e != OK)
		return e;
	e = ensure_meta(*store_r, created_r);
	if (e == OK) {
		store_stamp(*store_r);
		remove_old_lock(dir);
		return OK;
	}
	store_about(why, e, *store_r);
	store_close(store_r);
	return e;
}

/* is_whole - whether there is a meta record that can be read */
static enum error
is_whole(struct store *s, struct error_text *why)
{
	struct store_txn *txn;
	enum error e = store_begin(s, &txn);

	if (e != OK)
		return store_about(why, e, s);
	store_abort(&txn);
	return OK;
}

enum error
store_mend(const char *dir, struct error_text *why)
{
	struct write_lock turn;
	struct store *store;
	enum error e = write_lock_take(&turn, dir, WRITERS_WAIT_SECONDS, why);

	if (e != OK)
		return e;
	/* The turn first: another init may be making the database just now. */
	e = store_open_in_turn(&store, dir, &turn, why);
	if (e == OK)
		e = is_whole(store, why);
	if (e == OK)
		remove_old_lock(dir);
	store_close(&store);
	write_lock_release(&turn);
	return e;
}

enum error
store_scratch(struct store **store_r, const char *dir, struct error_text *why)
{
	const struct db_options options = {.writable = true, .lazy = true};
	char path[PATH_MAX];
	bool created;
	enum error e = store_new(store_r, STORE_WRITE, dir, why);

	if (e == OK)
		e = state_dir_path(path, dir, "policy.scratch", why);
	if (e == OK) {
		unlink(path); /* of one that was killed before the next unlink() */
		e = open_path(*store_r, path, &options, why);
		unlink(path);
	}
	if (e == OK && (e = ensure_meta(*store_r, &created)) != OK)
		error_about(why, e, path);
	if (e != OK)
		store_close(store_r);
	return e;
}

void
store_close(struct store **store)
{
	if (*store == NULL)
		return;
	db_close(&(*store)->db);
	write_lock_release(&(*store)->lock);
	if ((*store)->watch >= 0)
		close((*store)->watch);
	free(*store);
	*store = NULL;
}

bool
store_sees_writers(const struct store *store)
{
	return store->watch >= 0;
}

void
store_spare(struct store *store)
{
	write_lock_spare(store->watch);
}

void
store_unspare(struct store *store)
{
	write_lock_unspare(store->watch);
}

enum error
store_baseline(struct store *store, struct store_baseline *out_r)
{
	struct write_stamp stamp;
	enum error e = db_last_commit(store->db, &out_r->commit);

	if (e == OK)
		e = db_file(store->db, &out_r->file);
	out_r->strange =
	    write_lock_read_stamp(store->watch, &stamp) ? stamp.strange : 0;
	return e;
}

/* check_path - ERR_REPLACED where the path leads to another file */
static enum error
check_path(const struct store *s)
{
	struct stat st;

	if (stat(s->path, &st) != 0)
		return error_from_errno(errno);
	return st.st_dev == s->opened.dev && st.st_ino == s->opened.ino ? OK
									: ERR_REPLACED;
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* is_same - whether nothing was written since */
static bool
is_same(const struct store_baseline *a, const struct store_baseline *b)
{
	return a->commit == b->commit && a->file.size == b->file.size &&
	    same_time(a->file.written, b->file.written);
}

/*
 * judge_change - the file was written. A stamp that fits explains it; while a writer is
 * at work there is none yet. A writer may have begun or ended between two of the steps,
 * which the same look once more shows.
 */
static enum error
judge_change(struct store *s, const struct store_baseline *base,
    const struct store_baseline *now, enum store_look *look_r)
{
	struct store_baseline again;
	struct write_stamp stamp;
	enum error e;

	*look_r = STORE_STRANGE;
	if (now->commit < base->commit || (s->watch < 0 && now->commit == base->commit))
		return OK;
	*look_r = STORE_UNSETTLED;
	if (write_lock_at_work(s->watch))
		return OK;
	*look_r = STORE_CHANGED;
	if (s->watch < 0)
		return OK;
	if (write_lock_read_stamp(s->watch, &stamp) &&
	    write_lock_stamp_fits(&stamp, &now->file, now->commit))
		return OK;
	e = store_baseline(s, &again);
	*look_r = e == OK && is_same(now, &again) && !write_lock_at_work(s->watch)
	    ? STORE_STRANGE
	    : STORE_UNSETTLED;
	return e;
}

enum error
store_look(struct store *store, struct store_baseline *base, enum store_look *look_r)
{
	struct store_baseline now;
	enum error e = check_path(store);

	*look_r = STORE_STRANGE;
	if (e == OK)
		e = store_baseline(store, &now);
	if (e != OK)
		return e;
	if (now.strange != base->strange)
		return OK;
	*look_r = STORE_SAME;
	if (is_same(base, &now))
		return OK;
	e = judge_change(store, base, &now, look_r);
	if (e == OK && *look_r == STORE_CHANGED)
		*base = now;
	return e;
}
