/* SPDX-License-Identifier: BSD-2-Clause */
/* restore - restore: the policy of a backup, into the live database or in its place */
#include "policy/transfer/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/print.h"
#include "policy/store/state_dir.h"
#include "policy/tables/verify.h"

/* restore_check - that it is there, and not the one to be restored */
static enum error
restore_check(struct ctl *c, const char *dir)
{
	struct stat backup, live;

	if (stat(dir, &backup) != 0)
		return error_set(&c->why,
		    errno == ENOENT || errno == ENOTDIR ? ERR_NOINPUT
							: error_from_errno(errno),
		    "no backup in %s: %s", dir, strerror(errno));
	if (stat(c->dir, &live) == 0 && live.st_dev == backup.st_dev &&
	    live.st_ino == backup.st_ino)
		return error_set(&c->why, ERR_DATA,
		    "%s is the state folder itself, and no backup of it", dir);
	return OK;
}

/* restore_open - opens and verifies the backup as C's store; needs no writable disk */
static enum error
restore_open(struct ctl *c, const char *dir)
{
	char path[PATH_MAX];
	struct error_text what;
	enum error e = state_dir_path(path, dir, STORE_DATA, &c->why);

	if (e != OK)
		return e;
	e = store_open_file(&c->store, path, 0, STORE_READ, &what);
	if (e == ERR_MISSING)
		return error_set(
		    &c->why, ERR_NOINPUT, "no backup in %s: there is no %s", dir, path);
	if (e == OK && (e = store_begin(c->store, &c->txn)) != OK)
		error_set(&what, e, "%s", error_string(e));
	if (e == OK)
		e = verify_txn(c->txn, NULL, &what);
	return e == OK ? OK
		       : error_set(&c->why, e, "the backup in %s cannot be used: %s",
			     dir, what.text);
}

/* restore_lines - for people */
static void
restore_lines(struct ctl *c, const char *dir, const struct restore *r)
{
	struct printer *p = &c->print;
	char digest[DIGEST_TEXT_MAX];

	switch (r->way) {
	case RESTORE_NOTHING:
		print_line(p, "the policy is that of %s already", dir);
		break;
	case RESTORE_POLICY:
		print_line(p,
		    "policy restored from %s: %" PRIu64 " created, %" PRIu64
		    " changed, %" PRIu64 " removed",
		    dir, r->changes.created, r->changes.changed, r->changes.removed);
		break;
	case RESTORE_FILE:
		print_line(p, "policy database of %s replaced by that of %s: %s",
		    c->dir, dir, r->cause.text);
		print_line(p, "the audit log since that backup is gone");
		if (r->kept)
			print_line(
			    p, "the old file is kept as %s/%s", c->dir, RESTORE_KEPT);
		break;
	}
	if (r->locks > 0)
		print_line(p,
		    "%" PRIu64
		    " lock%s kept that the restored policy would have ended, as made here; see \"smtpauthctl locks\"",
		    r->locks, r->locks == 1 ? "" : "s");
	print_line(p, "policy digest %s", digest_print(&r->meta.digest, digest));
}

/* restore_object - for programs */
static void
restore_object(struct ctl *c, const char *dir, const struct restore *r)
{
	static const char *const ways[] = {"nothing", "policy", "file"};
	struct printer *p = &c->print;
	char kept[PATH_MAX] = "";

	if (r->kept && state_dir_path(kept, c->dir, RESTORE_KEPT, NULL) != OK)
		kept[0] = '\0';
	print_object_start(p, NULL);
	print_text(p, "dir", dir);
	print_text(p, "restored", ways[r->way]);
	print_number(p, "created", r->changes.created);
	print_number(p, "changed", r->changes.changed);
	print_number(p, "removed", r->changes.removed);
	print_text(p, "cause", r->way == RESTORE_FILE ? r->cause.text : "");
	print_text(p, "kept", kept);
	print_number(p, "locks_kept", r->locks);
	print_bool(p, "locks_lost", r->locks_lost);
	print_digest(p, "policy_digest", &r->meta.digest);
	print_object_end(p);
}

enum error
ctl_restore(struct ctl *c)
{
	const char *dir = argument_word(c, 0);
	struct restore r;
	enum error e = audit_origin_read(c, "restore", &c->log);

	if (c->options.words == 0)
		return error_set(&c->why, ERR_USAGE,
		    "usage: smtpauthctl restore DIR; DIR is a folder that \"smtpauthctl backup DIR\" has written, with a policy.mdb in it");
	if (e == OK)
		e = restore_check(c, dir);
	if (e == OK)
		e = restore_open(c, dir);
	if (e == OK)
		e = restore_run(c->dir, c->txn, argument_option(c, OPT_FORCE) != NULL,
		    &c->log, &r, &c->why);
	if (e != OK)
		return e;
	if (r.way != RESTORE_NOTHING)
		audit_origin_announce(&c->log, &r.meta);
	if (r.locks_lost)
		print_remark(c->err,
		    "warning: the locks of the old database could not all be read: any made since the backup are gone; see \"smtpauthctl locks\"");
	restore_lines(c, dir, &r);
	restore_object(c, dir, &r);
	return OK;
}
