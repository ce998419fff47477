/* SPDX-License-Identifier: BSD-2-Clause */
/* store - the policy database: its files, and who may write */
#include "policy/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "policy/dbfile.h"
#include "policy/folder.h"
#include "policy/instant.h"
#include "policy/store_parts.h"
#include "policy/writers.h"

/* How often it is tried to open what is being replaced, or for how long. */
#define OPEN_TRIES 3
#define OPEN_WAIT_MS 3000
#define OPEN_PAUSE_MS 10

static enum error
identify(const char *path, struct file_id *id)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return error_from_errno(errno);
	id->dev = st.st_dev;
	id->ino = st.st_ino;
	return OK;
}

/* set_paths - the names of the files within DIR */
static enum error
set_paths(struct store *s, const char *dir, char *writers, struct error_text *why)
{
	enum error e = folder_path(s->data_path, dir, STORE_DATA, why);

	if (e == OK)
		e = folder_path(s->lock_path, dir, STORE_LOCK, why);
	return e == OK ? folder_path(writers, dir, STORE_WRITERS, why) : e;
}

/* give_to_group - owner's mode and the folder's group for a file that is ours */
static enum error
give_to_group(const char *path, const char *dir, mode_t mode)
{
	struct stat folder, file;

	if (stat(dir, &folder) != 0 || stat(path, &file) != 0)
		return error_from_errno(errno);
	if (file.st_uid != geteuid())
		return OK;
	if (file.st_gid != folder.st_gid && chown(path, (uid_t)-1, folder.st_gid) != 0)
		return error_from_errno(errno);
	if ((file.st_mode & 07777) != mode && chmod(path, mode) != 0)
		return error_from_errno(errno);
	return OK;
}

/* no_lock_file - LMDB does without one on a read-only disk, where others may write */
static enum error
no_lock_file(const struct store *s, const char *dir, struct error_text *why)
{
	struct statvfs fs;

	if (statvfs(dir, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0)
		return error_set(why, ERR_CREATE,
		    "cannot create %s on a read-only disk: copy the folder to another "
		    "one",
		    s->lock_path);
	return error_about(why, ERR_REPLACED, s->lock_path); /* removed just now */
}

/* adjust_files - mends the modes of what is ours, e.g. of a lock file just made */
static enum error
adjust_files(const struct store *s, const char *dir, struct error_text *why)
{
	enum error e = give_to_group(s->lock_path, dir, STORE_LOCK_MODE);

	if (e == ERR_MISSING)
		return no_lock_file(s, dir, why);
	if (e == OK && s->mode == STORE_WRITE)
		e = give_to_group(s->data_path, dir, STORE_DATA_MODE);
	return e == OK ? OK : error_about(why, e, dir);
}

static bool
same_file(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* open_db - opens LMDB and remembers which files these are */
static enum error
open_db(struct store *s, const char *dir, struct error_text *why)
{
	const struct db_options options = {.writable = s->mode == STORE_WRITE};
	struct file_id now = {0, 0};
	enum error e = db_open(&s->db, s->data_path, &options, why);

	if (e == OK)
		e = adjust_files(s, dir, why);
	if (e != OK)
		return e;
	e = db_file_id(s->db, &s->data.dev, &s->data.ino);
	if (e == OK)
		e = identify(s->lock_path, &s->lock);
	if (e == OK)
		e = identify(s->data_path, &now);
	if (e == OK && !same_file(&s->data, &now))
		e = ERR_REPLACED;
	return e == OK ? OK : error_about(why, e, s->lock_path);
}

/*
 * open_settled - ... which belong together: a reader can have opened the data file that
 * restore replaces, and then the new lock file. A lock file that somebody was killed
 * over is made anew by the next one to open it alone; the daemon sees within two
 * seconds that it has to let go.
 */
static enum error
open_settled(struct store *s, const char *dir, struct error_text *why)
{
	const struct timespec pause = {0, OPEN_PAUSE_MS * 1000000L};
	int64_t deadline = monotonic_ms() + OPEN_WAIT_MS;
	enum error e = open_db(s, dir, why);

	for (int tries = 1; (e == ERR_REPLACED && monotonic_ms() < deadline) ||
	     (e == ERR_DAMAGED && tries < OPEN_TRIES);
	     tries++) {
		db_close(&s->db);
		nanosleep(&pause, NULL);
		e = open_db(s, dir, why);
	}
	return e;
}

/* new_store - with nothing open */
static struct store *
new_store(enum store_mode mode)
{
	struct store *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->mode = mode;
	s->writers_fd = -1;
	writing_init(&s->writing);
	return s;
}

/* give_writers_file - the daemon's user looks at it, to see who writes */
static enum error
give_writers_file(const char *path, const char *dir, struct error_text *why)
{
	enum error e = give_to_group(path, dir, STORE_WRITERS_MODE);

	return e == OK ? OK : error_about(why, e, path);
}

/* How a store is opened, other than to read or to write. */
enum opening { OPEN_EXISTING, OPEN_IN_TURN, OPEN_OR_CREATE };

/* open_store - common to opening and creating */
static enum error
open_store(struct store **store_r, const char *dir, enum store_mode mode,
    enum opening how, struct error_text *why)
{
	struct store *s = new_store(mode);
	char writers[PATH_MAX];
	enum error e;

	*store_r = NULL;
	if (s == NULL) {
		error_about(why, ERR_MEMORY, dir);
		return ERR_MEMORY;
	}
	e = set_paths(s, dir, writers, why);
	if (e == OK && (e = dbfile_check_folder(dir)) != OK)
		error_about(why, e, dir);
	if (e == OK && how != OPEN_OR_CREATE &&
	    (e = dbfile_check(s->data_path, false)) != OK)
		error_about(why, e, s->data_path);
	if (e == OK && mode == STORE_WRITE && how != OPEN_IN_TURN)
		e = writers_lock(writers, WRITERS_WAIT_SECONDS, &s->writers_fd, why);
	if (e == OK && mode == STORE_READ)
		s->writers_fd = writers_watch(writers);
	else if (e == OK && s->writers_fd >= 0)
		e = give_writers_file(writers, dir, why);
	if (e == OK)
		e = open_settled(s, dir, why);
	if (e == OK)
		*store_r = s;
	else
		store_close(&s);
	return e;
}

enum error
store_open(struct store **store_r, const char *dir, enum store_mode mode,
    struct error_text *why)
{
	return open_store(store_r, dir, mode, OPEN_EXISTING, why);
}

enum error
store_open_in_turn(struct store **store_r, const char *dir, struct error_text *why)
{
	return open_store(store_r, dir, STORE_WRITE, OPEN_IN_TURN, why);
}

enum error
store_open_file(struct store **store_r, const char *path, enum store_mode mode,
    struct error_text *why)
{
	const struct db_options options = {
	    .writable = mode == STORE_WRITE, .alone = true};
	struct store *s = new_store(mode);
	enum error e;

	*store_r = NULL;
	if (s == NULL)
		return error_about(why, ERR_MEMORY, path);
	e = dbfile_check(path, false);
	if (e == OK)
		e = db_open(&s->db, path, &options, why);
	else
		error_about(why, e, path);
	if (e == OK)
		*store_r = s;
	else
		store_close(&s);
	return e;
}

/* ensure_meta - makes the meta record of a database that has no record at all */
static enum error
ensure_meta(struct store *s, bool *created_r)
{
	struct db_cursor *cursor = NULL;
	struct store_meta m = {0};
	struct db_txn *db;
	struct key first;
	enum error e = db_begin(s->db, true, &db);

	if (e != OK)
		return e;
	e = meta_read(db, &m);
	*created_r = e == ERR_FORMAT;
	if (e == ERR_FORMAT) {
		key_table(&first, TABLE_META);
		first.at[0] = 0;
		e = db_cursor_open(db, &cursor);
		if (e == OK)
			e = db_cursor_seek(cursor, &first) == ERR_NOTFOUND ? OK
									   : ERR_FORMAT;
		db_cursor_close(&cursor);
		if (e == OK && getrandom(m.id, sizeof m.id, 0) != sizeof m.id)
			e = ERR_IO;
		if (e == OK)
			e = meta_write(db, &m);
	}
	if (e == OK && *created_r)
		return db_commit(&db);
	db_abort(&db);
	return e;
}

enum error
store_create(
    struct store **store_r, const char *dir, bool *created_r, struct error_text *why)
{
	enum error e = open_store(store_r, dir, STORE_WRITE, OPEN_OR_CREATE, why);

	if (e != OK)
		return e;
	e = ensure_meta(*store_r, created_r);
	if (e == OK)
		return OK;
	error_about(why, e, (*store_r)->data_path);
	store_close(store_r);
	return e;
}

enum error
store_scratch(struct store **store_r, const char *dir, struct error_text *why)
{
	const struct db_options options = {
	    .writable = true, .alone = true, .lazy = true};
	struct store *s = new_store(STORE_WRITE);
	bool created;
	int n;
	enum error e;

	*store_r = NULL;
	if (s == NULL) {
		error_about(why, ERR_MEMORY, dir);
		return ERR_MEMORY;
	}
	n = snprintf(s->data_path, sizeof s->data_path, "%s/policy.scratch", dir);
	if (n < 0 || n >= (int)sizeof s->data_path) {
		store_close(&s);
		return error_set(
		    why, ERR_LIMIT, "the name of the state folder is too long");
	}
	unlink(
	    s->data_path); /* of one who was killed just before the next line but one */
	e = db_open(&s->db, s->data_path, &options, why);
	unlink(s->data_path);
	if (e == OK && (e = ensure_meta(s, &created)) != OK)
		error_about(why, e, s->data_path);
	if (e == OK)
		*store_r = s;
	else
		store_close(&s);
	return e;
}

void
store_close(struct store **store)
{
	if (*store == NULL)
		return;
	db_close(&(*store)->db);
	if ((*store)->writers_fd >= 0)
		close((*store)->writers_fd);
	free(*store);
	*store = NULL;
}

enum error
store_check_path(const struct store *store)
{
	struct file_id data = {0, 0}, lock = {0, 0};
	enum error e = identify(store->data_path, &data);

	if (e == OK) {
		e = identify(store->lock_path, &lock);
		if (e == ERR_MISSING) /* the next program to open makes a new one */
			return ERR_REPLACED;
	}
	if (e != OK)
		return e;
	return same_file(&data, &store->data) && same_file(&lock, &store->lock)
	    ? OK
	    : ERR_REPLACED;
}

bool
store_sees_writers(const struct store *store)
{
	return store->writers_fd >= 0;
}

enum error
store_clear_stale_readers(struct store *store)
{
	return db_clear_stale_readers(store->db);
}
