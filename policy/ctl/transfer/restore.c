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
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/print.h"
#include "policy/store/state_dir.h"
#include "policy/tables/verify.h"

/* check_folder - that it is there, and not the one to be restored */
static enum error
check_folder(struct ctl *c, const char *dir)
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

/* open_backup - verified; works on a read-only disk. It goes into C's store and txn. */
static enum error
open_backup(struct ctl *c, const char *dir)
{
	char path[PATH_MAX];
	struct error_text what;
	enum error e = state_dir_path(path, dir, STORE_DATA, &c->why);

	if (e != OK)
		return e;
	e = store_open_file(&c->store, path, STORE_READ, &what);
	if (e == ERR_MISSING)
		return error_set(
		    &c->why, ERR_NOINPUT, "no backup in %s: there is no %s", dir, path);
	if (e == OK) {
		e = store_begin(c->store, &c->txn);
		if (e == OK)
			e = verify_txn(c->txn, NULL, &what);
		else
			error_set(&what, e, "%s", error_string(e));
	}
	return e == OK ? OK
		       : error_set(&c->why, e, "the backup in %s cannot be used: %s",
			     dir, what.text);
}

static void
tell_json(struct ctl *c, const char *dir, const struct restore *r)
{
	static const char *const ways[] = {"nothing", "policy", "file"};
	char digest[DIGEST_TEXT_MAX], kept[PATH_MAX];
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "dir", dir);
	json_quoted(&j, "restored", ways[r->way]);
	json_number(&j, "created", (int64_t)r->created);
	json_number(&j, "changed", (int64_t)r->changed);
	json_number(&j, "removed", (int64_t)r->removed);
	json_text(&j, "cause", r->way == RESTORE_FILE ? r->cause.text : "");
	json_text(&j, "kept",
	    r->kept && state_dir_path(kept, c->dir, RESTORE_KEPT, NULL) == OK ? kept
									      : "");
	json_number(&j, "locks_kept", (int64_t)r->locks);
	json_bool(&j, "locks_lost", r->locks_lost);
	json_quoted(&j, "policy_digest", digest_print(&r->meta.digest, digest));
	json_object_end(&j);
	json_line_end(&j, c->out);
}

static void
tell_file(struct ctl *c, const char *dir, const struct restore *r)
{
	show_line(c->out, "policy database of %s replaced by that of %s: %s", c->dir,
	    dir, r->cause.text);
	fputs("the audit log since that backup is gone\n", c->out);
	if (r->kept)
		show_line(
		    c->out, "the old file is kept as %s/%s", c->dir, RESTORE_KEPT);
}

static void
tell_text(struct ctl *c, const char *dir, const struct restore *r)
{
	char digest[DIGEST_TEXT_MAX];

	switch (r->way) {
	case RESTORE_NOTHING:
		show_line(c->out, "the policy is that of %s already", dir);
		break;
	case RESTORE_POLICY:
		show_line(c->out,
		    "policy restored from %s: %" PRIu64 " created, %" PRIu64
		    " changed, %" PRIu64 " removed",
		    dir, r->created, r->changed, r->removed);
		break;
	case RESTORE_FILE:
		tell_file(c, dir, r);
		break;
	}
	if (r->locks > 0)
		fprintf(c->out,
		    "%" PRIu64 " lock%s kept that the restored policy would have "
		    "ended, as made here; see \"smtpauthctl locks\"\n",
		    r->locks, r->locks == 1 ? "" : "s");
	fprintf(c->out, "policy digest %s\n", digest_print(&r->meta.digest, digest));
}

enum error
ctl_restore(struct ctl *c)
{
	const char *dir = argument_word(c, 0);
	struct restore r;
	enum error e = audit_origin_read(c, "restore", &c->log);

	if (e == OK)
		e = check_folder(c, dir);
	if (e == OK)
		e = open_backup(c, dir);
	if (e == OK)
		e = restore_run(c->dir, c->txn, argument_option(c, OPT_FORCE) != NULL,
		    &c->log, &r, &c->why);
	if (e != OK)
		return e;
	if (r.way != RESTORE_NOTHING)
		audit_origin_announce(&c->log, &r.meta);
	if (r.locks_lost)
		print_remark(c->err,
		    "warning: the locks of the old database could not all be read: any "
		    "made since the backup are gone; see \"smtpauthctl locks\"");
	if (c->options.json)
		tell_json(c, dir, &r);
	else
		tell_text(c, dir, &r);
	return OK;
}
