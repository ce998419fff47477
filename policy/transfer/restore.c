/* SPDX-License-Identifier: BSD-2-Clause */
/* restore - the policy of a backup, back into the live database or in its place */
#include "policy/transfer/restore.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/store/state_dir.h"
#include "policy/store/traces.h"
#include "policy/store/write_lock.h"
#include "policy/tables/verify.h"
#include "policy/transfer/backup.h"
#include "policy/transfer/kept_locks.h"
#include "policy/transfer/lock_guard.h"
#include "policy/transfer/replace.h"
#include "policy/transfer/replace_file.h"

struct job {
	const char *dir;
	const struct write_lock *turn;
	struct store_txn *from;
	bool force;
	bool first; /* no policy has been in DIR yet */
	const struct audit_log *log;
	struct kept_locks *locks;
	struct restore *out;
};

/* What is done within one transaction. */
typedef enum error step(
    const struct job *j, struct store_txn *txn, struct error_text *why);

/* finish - WORK in a transaction of STORE, which is committed and closed */
static enum error
finish(const struct job *j, struct store *store, const char *path, step *work,
    struct error_text *why)
{
	struct store_txn *txn;
	enum error e = store_begin(store, &txn);

	if (e == OK) {
		e = work(j, txn, why);
		if (e == OK && (e = store_commit(&txn)) != OK)
			error_about(why, e, path);
	} else {
		error_about(why, e, path);
	}
	store_abort(&txn);
	store_close(&store);
	return e;
}

static enum error
verify(const struct job *j, struct store_txn *txn, struct error_text *why)
{
	j->out->meta = *store_meta(txn);
	return verify_txn(txn, NULL, why);
}

/* verify_file - a database file that nobody writes to */
static enum error
verify_file(const struct job *j, const char *path, struct error_text *why)
{
	struct store *store;
	enum error e = store_open_file(&store, path, STORE_READ, why);

	return e == OK ? finish(j, store, path, verify, why) : e;
}

/* look - whether the live database holds; in our turn */
static enum error
look(const struct job *j, struct error_text *why)
{
	char path[PATH_MAX];
	enum error e = state_dir_path(path, j->dir, STORE_DATA, why);

	if (e == OK)
		e = verify_file(j, path, why);
	if (e == ERR_NEWER)
		return error_set(why, e,
		    "%s was written by a newer version, and is left alone; if it is of "
		    "no use, move it away and try again",
		    path);
	if (e == ERR_MISSING)
		return error_set(why, e, "there was none");
	return e;
}

/* What the watcher of a replacement adds to. */
struct replacement {
	struct restore *out;
	struct lock_guard guard;
};

/* count - each change; a new domain may be one that leaves a lock */
static enum error
count(void *arg, struct store_txn *txn, struct bytes key, struct bytes before,
    struct bytes after)
{
	struct replacement *r = arg;

	(void)txn;
	if (before.at == NULL)
		r->out->created++;
	else if (after.at == NULL)
		r->out->removed++;
	else
		r->out->changed++;
	return lock_guard_note(&r->guard, key, before, after);
}

/* note - the audit log's entry of it all */
static enum error
note(const struct job *j, struct store_txn *txn, struct error_text *why)
{
	const struct store_meta *from = store_meta(j->from);
	struct audit_entry entry = {.kind = AUDIT_SUMMARY};
	enum error e;

	entry.summary.content = from->digest;
	entry.summary.serial = from->serial;
	entry.summary.created = j->out->created;
	entry.summary.changed = j->out->changed;
	entry.summary.removed = j->out->removed;
	e = audit_table_append(txn, j->log, &entry);
	return e == OK ? OK : error_about(why, e, j->dir);
}

static bool
is_empty(const struct store_txn *txn)
{
	static const struct digest zero;

	return digest_equal(&store_meta(txn)->digest, &zero);
}

/* refuse - to put nothing in the place of a policy */
static enum error
refuse(const struct job *j, struct error_text *why)
{
	return error_set(why, ERR_PROTECTED,
	    "the backup holds no policy, and %s does or did; --force removes all of it",
	    j->dir);
}

/* keep_locks - those of the live database and of the backup */
static enum error
keep_locks(const struct job *j, struct store_txn *live, struct error_text *why)
{
	enum error e = kept_locks_collect(j->locks, live);

	if (e == OK)
		e = kept_locks_collect(j->locks, j->from);
	return e == OK ? OK : error_about(why, e, j->dir);
}

static enum error
put_locks(const struct job *j, struct store_txn *txn, struct error_text *why)
{
	enum error e = kept_locks_put(j->locks, txn, &j->out->locks);

	return e == OK ? OK : error_about(why, e, j->dir);
}

/* replace_guarded - locks stay, and no domain leaves one of this machine unasked */
static enum error
replace_guarded(const struct job *j, struct store_txn *txn, struct error_text *why)
{
	struct replacement r = {.out = j->out};
	enum error e = lock_guard_start(&r.guard, txn, j->log->when);

	if (e != OK)
		error_about(why, e, j->dir);
	store_watch(txn, count, &r);
	if (e == OK)
		e = replace_from(txn, j->from, why);
	if (e == OK)
		e = put_locks(j, txn, why);
	if (e == OK && !j->force)
		e = lock_guard_check(&r.guard, why);
	store_watch(txn, NULL, NULL);
	lock_guard_end(&r.guard);
	return e;
}

/* change - the live policy, within TXN */
static enum error
change(const struct job *j, struct store_txn *txn, struct error_text *why)
{
	struct restore *out = j->out;
	const struct store_meta *from = store_meta(j->from);
	bool newer = from->serial > store_meta(txn)->serial;
	enum error e;

	if (is_empty(j->from) && !is_empty(txn) && !j->force)
		return refuse(j, why);
	e = keep_locks(j, txn, why);
	if (e == OK)
		e = replace_guarded(j, txn, why);
	if (e != OK || (out->created + out->changed + out->removed == 0 && !newer))
		return e;
	out->way = RESTORE_POLICY;
	if (newer)
		store_set_serial(txn, from->serial, &from->snapshot);
	return note(j, txn, why);
}

/* put_policy - the first way: into the live database */
static enum error
put_policy(const struct job *j, struct error_text *why)
{
	struct store *store;
	enum error e = store_open_in_turn(&store, j->dir, j->turn, why);

	return e == OK ? finish(j, store, j->dir, change, why) : e;
}

/* read_locks - all that can be read of those in the database that is lost */
static enum error
read_locks(const struct job *j, struct store_txn *live, struct error_text *why)
{
	enum error e = kept_locks_collect(j->locks, live);

	if (e == OK && j->locks->seen != store_meta(live)->locks)
		e = ERR_DAMAGED;
	return e == OK ? OK : error_about(why, e, j->dir);
}

/* save_locks - before the file is replaced; what is lost is said, and no obstacle */
static void __attribute__((noinline)) /* two large frames */
save_locks(const struct job *j)
{
	struct error_text why;
	char path[PATH_MAX];
	struct store *store;
	enum error e = state_dir_path(path, j->dir, STORE_DATA, &why);

	kept_locks_end(j->locks);
	kept_locks_start(j->locks, j->log->when);
	if (e == OK)
		e = store_open_file(&store, path, STORE_READ, &why);
	if (e == OK)
		e = finish(j, store, path, read_locks, &why);
	j->out->locks_lost = e != OK;
}

/* put_rest - the locks, and the note behind the audit log of the copy */
static enum error
put_rest(const struct job *j, struct store_txn *txn, struct error_text *why)
{
	enum error e = put_locks(j, txn, why);

	return e == OK ? note(j, txn, why) : e;
}

/* append_note - and what of the locks is to be kept */
static enum error
append_note(const struct job *j, const char *path, struct error_text *why)
{
	struct store *store;
	enum error e = store_open_file(&store, path, STORE_WRITE, why);

	return e == OK ? finish(j, store, path, put_rest, why) : e;
}

/* build - the whole new database, as good as one can be */
static enum error
build(const struct job *j, struct swap *s, struct error_text *why)
{
	struct backup copy;
	struct stat folder;
	enum error e = backup_copy(j->from, s->made, &copy, why);

	if (e == OK)
		e = backup_verify(s->made, &copy, why);
	if (e == OK)
		e = append_note(j, s->made, why);
	if (e == OK)
		e = verify_file(j, s->made, why);
	if (e == OK && fstat(s->folder, &folder) != 0)
		e = error_about(why, error_from_errno(errno), j->dir);
	return e == OK
	    ? replace_file_give(s, (uid_t)-1, folder.st_gid, STORE_DATA_MODE, why)
	    : e;
}

/* keep_old - one more name for the file that goes: takes no room; best effort */
static bool
keep_old(const struct swap *s)
{
	unlinkat(s->folder, RESTORE_KEPT, 0);
	return linkat(s->folder, STORE_DATA, s->folder, RESTORE_KEPT, 0) == 0;
}

/* put_file - the second way: in the place of the live database */
static enum error __attribute__((noinline))
put_file(const struct job *j, struct error_text *why)
{
	struct restore *out = j->out;
	struct swap s;
	enum error e;

	out->cause = *why;
	out->created = out->changed = out->removed = 0;
	e = replace_file_open(&s, j->dir, true, why);
	if (e != OK)
		return e;
	save_locks(j);
	e = build(j, &s, why);
	if (e == OK) {
		out->way = RESTORE_FILE;
		out->kept = keep_old(&s);
		e = replace_file_put(&s, why);
	}
	replace_file_close(&s);
	return e;
}

/* is_lost - whether the error says that the live database is not worth keeping */
static bool
is_lost(enum error e)
{
	return e == ERR_DAMAGED || e == ERR_FORMAT || e == ERR_OLDER ||
	    e == ERR_MISSING || e == ERR_REPLACED;
}

/*
 * run - in the writers' turn. The look behind the change is for what no reader meets: a
 * list of free pages that is wrong makes LMDB write over pages in use.
 */
static enum error __attribute__((noinline))
run(const struct job *j, struct error_text *why)
{
	enum error e = look(j, why);

	if (e == OK) {
		e = put_policy(j, why);
		if (e == OK)
			e = look(j, why);
	}
	if (!is_lost(e))
		return e;
	if (is_empty(j->from) && !(e == ERR_MISSING && j->first) && !j->force)
		return refuse(j, why);
	return put_file(j, why);
}

/* make_folder - on a machine that has none yet */
static enum error
make_folder(const char *dir, struct error_text *why)
{
	struct stat st;

	return stat(dir, &st) != 0 && errno == ENOENT ? state_dir_create(dir, why) : OK;
}

enum error
restore_run(const char *dir, struct store_txn *from, bool force,
    const struct audit_log *log, struct restore *out_r, struct error_text *why)
{
	struct write_lock turn;
	struct kept_locks locks;
	bool first = !traces_found(dir); /* the turn's files are such */
	struct job j = {dir, &turn, from, force, first, log, &locks, out_r};
	enum error e = make_folder(dir, why);

	memset(out_r, 0, sizeof *out_r);
	if (e == OK)
		e = write_lock_take(&turn, dir, WRITERS_WAIT_SECONDS, why);
	if (e != OK)
		return e;
	kept_locks_start(&locks, log->when);
	e = run(&j, why);
	kept_locks_end(&locks);
	write_lock_release(&turn);
	return e;
}
