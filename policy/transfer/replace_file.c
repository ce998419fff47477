/* SPDX-License-Identifier: BSD-2-Clause */
/* replace_file - a database file, made beside its place and moved there once whole */
#include "policy/transfer/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/store/state_dir.h"
#include "policy/store/store.h"

#define MADE STORE_DATA ".new"
#define PRIVATE_MODE 0600

/* replace_file_failed - says with errno what could not be done with NAME */
static enum error
replace_file_failed(const struct replace_file *s, const char *what, const char *name,
    struct error_text *why)
{
	int err = errno;
	enum error e = error_from_errno(err);

	if (e == ERR_MISSING)
		e = ERR_CREATE;
	return error_set(
	    why, e, "cannot %s %s/%s: %s", what, s->dir, name, strerror(err));
}

/* replace_file_folder - opens it, and locks it unless IN_TURN, without waiting */
static enum error
replace_file_folder(struct replace_file *s, bool in_turn, struct error_text *why)
{
	if (s->folder < 0)
		s->folder = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder < 0)
		return replace_file_failed(s, "open", "", why);
	if (in_turn || flock(s->folder, LOCK_EX | LOCK_NB) == 0)
		return OK;
	if (errno != EWOULDBLOCK)
		return error_about(why, error_from_lock(errno), s->dir);
	return error_set(why, ERR_BUSY,
	    "another program is making a database in %s; try again", s->dir);
}

/* replace_file_make - an empty file that was not there; its mode despite the umask */
static enum error
replace_file_make(struct replace_file *s, struct error_text *why)
{
	if (unlinkat(s->folder, MADE, 0) != 0 && errno != ENOENT)
		return replace_file_failed(s, "remove", MADE, why);
	s->file = openat(s->folder, MADE,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, PRIVATE_MODE);
	if (s->file < 0)
		return replace_file_failed(s, "create", MADE, why);
	if (fchmod(s->file, PRIVATE_MODE) != 0)
		return replace_file_failed(s, "set the mode of", MADE, why);
	return OK;
}

/* replace_file_shut - closes what is open */
static void
replace_file_shut(struct replace_file *s)
{
	if (s->file >= 0)
		close(s->file);
	if (s->folder >= 0)
		close(s->folder);
	s->file = s->folder = -1;
}

enum error
replace_file_open(struct replace_file *s, const char *dir, int folder, bool in_turn,
    struct error_text *why)
{
	enum error e;

	s->dir = dir;
	s->folder = folder;
	s->file = -1;
	e = state_dir_path(s->made, dir, MADE, why);
	if (e == OK)
		e = replace_file_folder(s, in_turn, why);
	if (s->folder < 0)
		return e;
	if (e == OK)
		e = replace_file_make(s, why);
	if (e != OK)
		replace_file_shut(s);
	return e;
}

enum error
replace_file_give(struct replace_file *s, uid_t user, gid_t group, mode_t mode,
    struct error_text *why)
{
	if (fchown(s->file, user, group) != 0 || fchmod(s->file, mode) != 0)
		return replace_file_failed(s, "set owner and mode of", MADE, why);
	return fsync(s->file) == 0 ? OK : replace_file_failed(s, "write", MADE, why);
}

/* replace_file_check - that NAME is the file that was made */
static enum error
replace_file_check(
    const struct replace_file *s, const char *name, struct error_text *why)
{
	struct stat made, there;

	if (fstat(s->file, &made) == 0 &&
	    fstatat(s->folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    made.st_dev == there.st_dev && made.st_ino == there.st_ino)
		return OK;
	return error_set(why, ERR_CREATE,
	    "another program has put another file in the place of %s/%s", s->dir, name);
}

enum error
replace_file_put(struct replace_file *s, struct error_text *why)
{
	enum error e = replace_file_check(s, MADE, why);

	if (e != OK)
		return e;
	if (renameat(s->folder, MADE, s->folder, STORE_DATA) != 0)
		return replace_file_failed(s, "replace", STORE_DATA, why);
	e = replace_file_check(s, STORE_DATA, why);
	if (e != OK)
		return e;
	if (fsync(s->folder) != 0)
		return replace_file_failed(s, "write", "", why);
	return OK;
}

void
replace_file_close(struct replace_file *s)
{
	if (s->folder < 0)
		return;
	unlinkat(s->folder, MADE, 0);
	replace_file_shut(s);
}
