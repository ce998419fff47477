/* SPDX-License-Identifier: BSD-2-Clause */
/* backup - backup: a compact copy of the policy database, made while everything runs */
#include "policy/transfer/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output.h"
#include "policy/transfer/replace_file.h"

#define FOLDER_MODE 0750
#define OTHERS 0077 /* group and everybody else */

/* The live files, whose owners and modes the copy gets. */
struct original {
	struct stat folder, data;
};

static enum error
cannot(struct ctl *c, const char *what, const char *path)
{
	int err = errno;
	enum error e = error_from_errno(err);

	if (e == ERR_MISSING || e == ERR_IO)
		e = ERR_CREATE;
	return error_set(&c->why, e, "cannot %s %s: %s", what, path, strerror(err));
}

static enum error
look_at_original(struct ctl *c, struct original *o)
{
	int folder = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = folder >= 0 && fstat(folder, &o->folder) == 0 &&
	    fstatat(folder, STORE_DATA, &o->data, 0) == 0;

	if (!ok)
		error_about(&c->why, error_from_errno(errno), c->dir);
	if (folder >= 0)
		close(folder);
	return ok ? OK : ERR_IO;
}

/* sync_parent - so that the folder's name is on disk, too; best effort */
static void
sync_parent(const char *dir)
{
	int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int parent =
	    folder < 0 ? -1 : openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (parent >= 0) {
		fsync(parent);
		close(parent);
	}
	if (folder >= 0)
		close(folder);
}

/* make_folder - with the owner of the state folder, so far as we may give it away */
static enum error
make_folder(struct ctl *c, const char *dir, const struct stat *like, bool *made_r)
{
	mode_t mode = FOLDER_MODE;

	*made_r = mkdir(dir, 0700) == 0;
	if (!*made_r)
		return errno == EEXIST ? OK : cannot(c, "create", dir);
	if (chown(dir, geteuid() == 0 ? like->st_uid : (uid_t)-1, like->st_gid) != 0)
		mode &= ~(mode_t)OTHERS;
	return chmod(dir, mode) == 0 ? OK : cannot(c, "set the mode of", dir);
}

static bool
same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* refuse - what a state folder has and a backup has not */
static enum error
refuse(struct ctl *c, const char *dir, const char *has)
{
	return error_set(&c->why, ERR_CREATE,
	    "%s is the state folder of a database that is in use (it has %s): a backup "
	    "needs a folder of its own",
	    dir, has);
}

/* check_folder - that no live database is there, and nothing else in the place */
static enum error
check_folder(struct ctl *c, const char *dir, int folder, const struct original *o)
{
	static const char *const others[] = {WRITERS_FILE, "usage"};
	struct stat st;

	if (fstat(folder, &st) != 0)
		return cannot(c, "look at", dir);
	if (same(&st, &o->folder))
		return error_set(&c->why, ERR_CREATE,
		    "%s is the state folder itself: a backup needs a folder of its own",
		    dir);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (fstatat(folder, others[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			return refuse(c, dir, others[i]);
		else if (errno != ENOENT)
			return cannot(c, "look into", dir);
	if (fstatat(folder, STORE_DATA, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? OK : cannot(c, "look into", dir);
	if (!S_ISREG(st.st_mode))
		return error_set(&c->why, ERR_CREATE,
		    "%s/" STORE_DATA " is no regular file: it is not replaced", dir);
	if (same(&st, &o->data))
		return error_set(&c->why, ERR_CREATE,
		    "%s/" STORE_DATA " is the database itself", dir);
	return OK;
}

static enum error
check(struct ctl *c, const char *dir, const struct original *o)
{
	int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum error e;

	if (folder < 0)
		return cannot(c, "open the folder", dir);
	e = check_folder(c, dir, folder, o);
	close(folder);
	return e;
}

/* give - the original's owner and mode; who may not give it to the group keeps it */
static enum error
give(struct ctl *c, struct replace_file *s, const struct stat *like)
{
	mode_t mode = like->st_mode & 0777;
	enum error e;

	if (geteuid() == 0)
		return replace_file_give(s, like->st_uid, like->st_gid, mode, &c->why);
	e = replace_file_give(s, (uid_t)-1, like->st_gid, mode, &c->why);
	if (e == ERR_PERMISSION)
		e = replace_file_give(
		    s, (uid_t)-1, (gid_t)-1, mode & ~(mode_t)OTHERS, &c->why);
	return e;
}

/* make_copy - ends the transaction early: a long one lets the database grow */
static enum error
make_copy(
    struct ctl *c, struct replace_file *s, const struct original *o, struct backup *b)
{
	enum error e = backup_copy(c->txn, s->made, b, &c->why);

	store_abort(&c->txn);
	if (e == OK)
		e = backup_verify(s->made, b, &c->why);
	if (e == OK)
		e = give(c, s, &o->data);
	return e == OK ? replace_file_put(s, &c->why) : e;
}

static enum error
copy_into(struct ctl *c, const char *dir, const struct original *o, struct backup *b)
{
	struct replace_file s;
	enum error e = check(c, dir, o);

	if (e == OK)
		e = replace_file_open(&s, dir, false, &c->why);
	if (e != OK)
		return e;
	e = make_copy(c, &s, o, b);
	replace_file_close(&s);
	return e;
}

static void
tell(struct ctl *c, const char *dir, const struct backup *b)
{
	char digest[DIGEST_TEXT_MAX];
	struct json j;

	digest_print(&b->policy, digest);
	if (!c->options.json) {
		show_line(c->out,
		    "%" PRIu64 " record%s, %" PRIu64 " bytes, written to %s",
		    b->records, b->records == 1 ? "" : "s", b->bytes, dir);
		fprintf(c->out, "policy digest %s\n", digest);
		return;
	}
	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "dir", dir);
	json_number(&j, "records", (int64_t)b->records);
	json_number(&j, "bytes", (int64_t)b->bytes);
	json_quoted(&j, "policy_digest", digest);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

enum error
ctl_backup(struct ctl *c)
{
	const char *dir = argument_word(c, 0);
	struct original o;
	struct backup b;
	bool made;
	enum error e = look_at_original(c, &o);

	if (e == OK)
		e = make_folder(c, dir, &o.folder, &made);
	if (e != OK)
		return e;
	e = copy_into(c, dir, &o, &b);
	if (e != OK && made)
		rmdir(dir);
	if (e != OK)
		return e;
	if (made)
		sync_parent(dir);
	tell(c, dir, &b);
	return OK;
}
