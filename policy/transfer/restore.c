/* SPDX-License-Identifier: BSD-2-Clause */
/* restore - the policy of a backup, back into the live database or in its place */
#include "policy/transfer/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/array.h"
#include "policy/store/state_dir.h"
#include "policy/store/write_lock.h"
#include "policy/tables/verify.h"
#include "policy/transfer/backup.h"
#include "policy/transfer/lock_guard.h"
#include "policy/transfer/replace.h"
#include "policy/transfer/replace_file.h"

/* A lock that the restored policy must not end. */
struct kept_lock {
	struct lock_subject subject;
	struct lock lock;
};

struct restore_job {
	const char *dir;
	char live[PATH_MAX]; /* the database in DIR */
	const struct write_lock *turn;
	struct store_txn *from;
	bool force;
	bool first; /* no policy has been in DIR yet */
	const struct audit_log *log;
	struct restore *out;
	struct lock_guard guard;
	struct kept_lock *kept; /* those in force */
	size_t count, room;
	uint64_t seen; /* locks, expired ones among them */
};

/* What is done within one transaction. */
typedef enum error restore_step(
    struct restore_job *j, struct store_txn *txn, struct error_text *why);

/*
 * restore_within - STEP in a transaction, which is committed, on the database file
 * PATH, which nobody else writes to; NULL is the live one, in our turn
 */
static enum error
restore_within(struct restore_job *j, const char *path, enum store_mode mode,
    restore_step *step, struct error_text *why)
{
	struct store_txn *txn;
	struct store *store;
	enum error e = path != NULL ? store_open_file(&store, path, 0, mode, why)
				    : store_open_in_turn(&store, j->dir, j->turn, why);

	if (e != OK)
		return e;
	e = store_begin(store, &txn);
	if (e != OK) {
		error_about(why, e, path != NULL ? path : j->dir);
	} else {
		e = step(j, txn, why);
		if (e == OK && (e = store_commit(&txn)) != OK)
			error_about(why, e, path != NULL ? path : j->dir);
	}
	store_abort(&txn);
	store_close(&store);
	return e;
}

static enum error
restore_verify(struct restore_job *j, struct store_txn *txn, struct error_text *why)
{
	j->out->meta = *store_meta(txn);
	return verify_txn(txn, NULL, why);
}

/* restore_look - whether the live database holds; in our turn */
static enum error
restore_look(struct restore_job *j, struct error_text *why)
{
	enum error e = restore_within(j, j->live, STORE_READ, restore_verify, why);

	if (e == ERR_NEWER)
		return error_set(why, e,
		    "%s was written by a newer version, and is left alone; if it is of no use, move it away and try again",
		    j->live);
	return e == ERR_MISSING ? error_set(why, e, "there was none") : e;
}

/* restore_keep_lock - if it is in force */
static enum error
restore_keep_lock(
    void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	const struct lock_state state = {.set = true, .until = lock->until};
	struct restore_job *j = arg;
	struct kept_lock *at;

	j->seen++;
	if (!lock_holds(&state, j->log->when))
		return OK;
	at = array_grow(j->kept, j->count, &j->room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	j->kept = at;
	at[j->count].subject = *subject;
	at[j->count++].lock = *lock;
	return OK;
}

/* restore_keep_locks - those of TXN that are in force, whatever their origin */
static enum error
restore_keep_locks(struct restore_job *j, struct store_txn *txn)
{
	enum error e = lock_table_each(txn, LOCK_MADE_HERE, restore_keep_lock, j);

	return e == OK ? lock_table_each(txn, LOCK_BROUGHT, restore_keep_lock, j) : e;
}

/* restore_put_lock - as made here, unless TXN has one that holds as long */
static enum error
restore_put_lock(
    struct restore_job *j, struct store_txn *txn, const struct kept_lock *kept)
{
	const struct lock_subject *s = &kept->subject;
	const struct lock_state lock = {.set = true, .until = kept->lock.until};
	struct lock_state there = {.set = false};
	enum error e = s->kind == LOCK_TENANT
	    ? lock_table_add_tenant(txn, s->tenant, &there)
	    : lock_table_add_login(txn, &s->login, &there);

	if (e != OK || !lock_outlasts(&lock, &there, j->log->when))
		return e;
	j->out->locks++;
	return lock_table_put(txn, LOCK_MADE_HERE, s, &kept->lock);
}

static enum error
restore_put_locks(struct restore_job *j, struct store_txn *txn, struct error_text *why)
{
	enum error e = OK;

	j->out->locks = 0;
	for (size_t i = 0; i < j->count && e == OK; i++)
		e = restore_put_lock(j, txn, &j->kept[i]);
	return e == OK ? OK : error_about(why, e, j->dir);
}

/* restore_count - the watcher of the replacement */
static enum error
restore_count(void *arg, struct store_txn *txn, struct bytes key, struct bytes before,
    struct bytes after)
{
	struct restore_job *j = arg;

	(void)txn;
	audit_summary_count(&j->out->changes, before, after);
	return lock_guard_note(&j->guard, key, before, after);
}

/* restore_note - the audit log's one entry for all of it */
static enum error
restore_note(struct restore_job *j, struct store_txn *txn, struct error_text *why)
{
	struct audit_summary *changes = &j->out->changes;
	enum error e;

	changes->content = store_meta(j->from)->digest;
	changes->serial = store_meta(j->from)->serial;
	e = audit_table_append_summary(txn, j->log, changes);
	return e == OK ? OK : error_about(why, e, j->dir);
}

static bool
restore_is_empty(const struct store_txn *txn)
{
	static const struct digest zero;

	return digest_equal(&store_meta(txn)->digest, &zero);
}

/* restore_refuse - to put nothing in the place of a policy */
static enum error
restore_refuse(const struct restore_job *j, struct error_text *why)
{
	return error_set(why, ERR_PROTECTED,
	    "the backup holds no policy, and %s does or did; --force removes all of it",
	    j->dir);
}

/* restore_replace - locks stay, and no domain leaves one of this machine unasked */
static enum error
restore_replace(struct restore_job *j, struct store_txn *txn, struct error_text *why)
{
	enum error e = restore_keep_locks(j, txn);

	if (e == OK)
		e = restore_keep_locks(j, j->from);
	if (e == OK)
		e = lock_guard_start(&j->guard, txn, j->log->when);
	if (e != OK)
		return error_about(why, e, j->dir);
	store_watch(txn, restore_count, j);
	e = replace_from(txn, j->from, why);
	if (e == OK)
		e = restore_put_locks(j, txn, why);
	store_watch(txn, NULL, NULL);
	return e == OK && !j->force ? lock_guard_check(&j->guard, why) : e;
}

/* restore_policy - the first way: into the live database, within TXN */
static enum error
restore_policy(struct restore_job *j, struct store_txn *txn, struct error_text *why)
{
	struct restore *out = j->out;
	const struct store_meta *from = store_meta(j->from);
	bool newer = from->serial > store_meta(txn)->serial;
	enum error e;

	if (restore_is_empty(j->from) && !restore_is_empty(txn) && !j->force)
		return restore_refuse(j, why);
	e = restore_replace(j, txn, why);
	if (e != OK || (audit_summary_total(&out->changes) == 0 && !newer))
		return e;
	out->way = RESTORE_POLICY;
	if (newer)
		store_set_serial(txn, from->serial, &from->snapshot);
	return restore_note(j, txn, why);
}

/* restore_read_locks - all that can be read in the database that is lost */
static enum error
restore_read_locks(struct restore_job *j, struct store_txn *txn, struct error_text *why)
{
	enum error e = restore_keep_locks(j, txn);

	if (e == OK && j->seen != store_meta(txn)->locks)
		e = ERR_DAMAGED;
	return e == OK ? OK : error_about(why, e, j->dir);
}

/* restore_finish - the locks, and the note after the audit log of the copy */
static enum error
restore_finish(struct restore_job *j, struct store_txn *txn, struct error_text *why)
{
	enum error e = restore_put_locks(j, txn, why);

	return e == OK ? restore_note(j, txn, why) : e;
}

/* restore_build - the whole new database, as good as one can be */
static enum error
restore_build(struct restore_job *j, struct replace_file *s, struct error_text *why)
{
	struct backup copy;
	struct stat folder;
	enum error e = backup_copy(j->from, s->made, 0, &copy, why);

	if (e == OK)
		e = backup_verify(s->made, 0, &copy, why);
	if (e == OK)
		e = restore_within(j, s->made, STORE_WRITE, restore_finish, why);
	if (e == OK)
		e = restore_within(j, s->made, STORE_READ, restore_verify, why);
	if (e == OK && fstat(s->folder, &folder) != 0)
		e = error_about(why, error_from_errno(errno), j->dir);
	return e == OK
	    ? replace_file_give(s, (uid_t)-1, folder.st_gid, STORE_DATA_MODE, why)
	    : e;
}

/* restore_file - the second way: in the place of the live database */
static enum error
restore_file(struct restore_job *j, struct error_text *why)
{
	struct restore *out = j->out;
	struct replace_file s;
	enum error e;

	out->cause = *why;
	memset(&out->changes, 0, sizeof out->changes);
	e = replace_file_open(&s, j->dir, -1, true, why);
	if (e != OK)
		return e;
	j->count = j->seen = 0;
	out->locks_lost =
	    restore_within(j, j->live, STORE_READ, restore_read_locks, why) != OK;
	e = restore_build(j, &s, why);
	if (e == OK) {
		out->way = RESTORE_FILE;
		unlinkat(s.folder, RESTORE_KEPT, 0);
		/* one more name for the old file takes no room; best effort */
		out->kept =
		    linkat(s.folder, STORE_DATA, s.folder, RESTORE_KEPT, 0) == 0;
		e = replace_file_put(&s, why);
	}
	replace_file_close(&s);
	return e;
}

/* restore_is_lost - whether E says that the live database is not worth keeping */
static bool
restore_is_lost(enum error e)
{
	return e == ERR_DAMAGED || e == ERR_FORMAT || e == ERR_OLDER ||
	    e == ERR_MACHINE || e == ERR_MISSING || e == ERR_REPLACED;
}

/*
 * restore_in_turn - the look after the change is for what no reader meets: a list of
 * free pages that is wrong makes LMDB write over pages in use.
 */
static enum error
restore_in_turn(struct restore_job *j, struct error_text *why)
{
	enum error e = restore_look(j, why);

	if (e == OK) {
		e = restore_within(j, NULL, STORE_WRITE, restore_policy, why);
		if (e == OK)
			e = restore_look(j, why);
	}
	if (!restore_is_lost(e))
		return e;
	if (restore_is_empty(j->from) && !(e == ERR_MISSING && j->first) && !j->force)
		return restore_refuse(j, why);
	return restore_file(j, why);
}

enum error
restore_run(const char *dir, struct store_txn *from, bool force,
    const struct audit_log *log, struct restore *out_r, struct error_text *why)
{
	struct write_lock turn;
	struct restore_job *j = calloc(1, sizeof *j);
	struct stat st;
	enum error e = OK;

	memset(out_r, 0, sizeof *out_r);
	if (j == NULL)
		return error_about(why, ERR_MEMORY, dir);
	*j = (struct restore_job){.dir = dir,
	    .turn = &turn,
	    .from = from,
	    .force = force,
	    .first = !state_dir_has_policy(dir), /* the turn's files are such */
	    .log = log,
	    .out = out_r};
	if (stat(dir, &st) != 0 && errno == ENOENT)
		e = state_dir_create(dir, why);
	if (e == OK)
		e = state_dir_path(j->live, dir, STORE_DATA, why);
	if (e == OK)
		e = write_lock_take(&turn, dir, WRITERS_WAIT_SECONDS, why);
	if (e == OK) {
		e = restore_in_turn(j, why);
		write_lock_release(&turn);
	}
	lock_guard_end(&j->guard);
	free(j->kept);
	free(j);
	return e;
}
