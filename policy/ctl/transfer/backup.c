/* SPDX-License-Identifier: BSD-2-Clause */
/* backup - backup: a compact copy of the policy database, made while everything runs */
#include "policy/transfer/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/output_file.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/transfer/replace_file.h"

#define FOLDER_MODE 0750
#define OTHERS 0077 /* group and everybody else */

/* The live files, whose owners and modes the copy gets. */
struct original {
	struct stat folder, data;
};

static enum error
backup_cannot(struct ctl *c, const char *what, const char *path)
{
	int err = errno;
	enum error e = error_from_errno(err);

	if (e == ERR_MISSING || e == ERR_IO)
		e = ERR_CREATE;
	return error_set(&c->why, e, "cannot %s %s: %s", what, path, strerror(err));
}

static enum error
original_find(struct ctl *c, struct original *o)
{
	int folder = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum error e = OK;

	if (folder < 0 || fstat(folder, &o->folder) != 0 ||
	    fstatat(folder, STORE_DATA, &o->data, 0) != 0) {
		error_about(&c->why, error_from_errno(errno), c->dir);
		e = ERR_IO;
	}
	if (folder >= 0)
		close(folder);
	return e;
}

/*
 * folder_open - creates it where it is missing, with the owner of the state folder if
 * we may give it away; follows no link that was put in its place meanwhile
 */
static enum error
folder_open(struct ctl *c, const char *dir, const struct stat *like, bool *made_r,
    int *folder_r)
{
	uid_t user = geteuid() == 0 ? like->st_uid : (uid_t)-1;
	mode_t mode = FOLDER_MODE;
	char name[PATH_MAX];

	*folder_r = -1;
	*made_r = mkdir(dir, 0700) == 0;
	if (!*made_r && errno != EEXIST)
		return backup_cannot(c, "create", dir);
	snprintf(name, sizeof name, "%s", dir);
	for (size_t n = strlen(name); *made_r && name[n - 1] == '/'; n--)
		name[n - 1] = '\0'; /* a slash at the end follows links */
	*folder_r =
	    open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (*made_r ? O_NOFOLLOW : 0));
	if (*folder_r < 0)
		return backup_cannot(c, "open the folder", dir);
	if (!*made_r)
		return OK;
	if (fchown(*folder_r, user, like->st_gid) != 0)
		mode &= ~(mode_t)OTHERS;
	return fchmod(*folder_r, mode) == 0 ? OK
					    : backup_cannot(c, "set the mode of", dir);
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* folder_check - refuses a folder with a live database, or with another kind of file */
static enum error
folder_check(struct ctl *c, const char *dir, int folder, const struct original *o)
{
	static const char *const others[] = {WRITERS_FILE, "usage"};
	struct stat st;

	if (fstat(folder, &st) != 0)
		return backup_cannot(c, "look at", dir);
	if (is_same(&st, &o->folder))
		return error_set(&c->why, ERR_CREATE,
		    "%s is the state folder itself: a backup needs a folder of its own",
		    dir);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (fstatat(folder, others[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			return error_set(&c->why, ERR_CREATE,
			    "%s is the state folder of a database that is in use (it has %s): a backup needs a folder of its own",
			    dir, others[i]);
		else if (errno != ENOENT)
			return backup_cannot(c, "look into", dir);
	if (fstatat(folder, STORE_DATA, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? OK : backup_cannot(c, "look into", dir);
	if (!S_ISREG(st.st_mode))
		return error_set(&c->why, ERR_CREATE,
		    "%s/" STORE_DATA " is no regular file: it is not replaced", dir);
	if (is_same(&st, &o->data))
		return error_set(&c->why, ERR_CREATE,
		    "%s/" STORE_DATA " is the database itself", dir);
	return OK;
}

/* copy_give - owner and mode of the original; private if we may not set its group */
static enum error
copy_give(struct ctl *c, struct replace_file *s, const struct stat *like)
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

/*
 * copy_make - closes FOLDER, which is DIR. It ends the transaction early: a long one
 * lets the database grow.
 */
static enum error
copy_make(struct ctl *c, const char *dir, int folder, const struct original *o,
    struct backup *b)
{
	struct replace_file s;
	enum error e = replace_file_open(&s, dir, folder, false, &c->why);

	if (e != OK)
		return e;
	e = backup_copy(c->txn, s.made, s.file, b, &c->why);
	e = transaction_check(c, e);
	store_abort(&c->txn);
	if (e == OK)
		e = backup_verify(s.made, s.file, b, &c->why);
	if (e == OK)
		e = copy_give(c, &s, &o->data);
	if (e == OK)
		e = replace_file_put(&s, &c->why);
	replace_file_close(&s);
	return e;
}

static void
backup_print(struct printer *p, const char *dir, const struct backup *b)
{
	char digest[DIGEST_TEXT_MAX];

	print_line(p, "%" PRIu64 " record%s, %" PRIu64 " bytes, written to %s",
	    b->records, b->records == 1 ? "" : "s", b->bytes, dir);
	print_line(p, "policy digest %s", digest_print(&b->policy, digest));
	print_object_start(p, NULL);
	print_text(p, "dir", dir);
	print_number(p, "records", b->records);
	print_number(p, "bytes", b->bytes);
	print_text(p, "policy_digest", digest);
	print_object_end(p);
}

enum error
ctl_backup(struct ctl *c)
{
	const char *dir = argument_word(c, 0);
	struct original o;
	struct backup b;
	bool made;
	int folder;
	enum error e = original_find(c, &o);

	if (e != OK)
		return e;
	e = folder_open(c, dir, &o.folder, &made, &folder);
	if (e == OK && folder >= 0)
		e = folder_check(c, dir, folder, &o);
	if (e == OK)
		e = copy_make(c, dir, folder, &o, &b);
	else if (folder >= 0)
		close(folder);
	if (e != OK && made)
		rmdir(dir);
	if (e != OK)
		return e;
	if (made)
		output_file_sync_name(dir);
	backup_print(&c->print, dir, &b);
	return OK;
}
