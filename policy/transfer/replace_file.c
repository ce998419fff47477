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
	s->folder = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder < 0)
		return replace_file_failed(s, "open", "", why);
	if (in_turn || flock(s->folder, LOCK_EX | LOCK_NB) == 0)
		return OK;
	if (errno != EWOULDBLOCK)
		return replace_file_failed(s, "lock", "", why);
	return error_set(why, ERR_BUSY,
	    "another program is making a database in %s; try again", s->dir);
}

/* replace_file_make - an empty file that was not there; its mode despite the umask */
static enum error
replace_file_make(const struct replace_file *s, struct error_text *why)
{
	enum error e = OK;
	int fd;

	if (unlinkat(s->folder, MADE, 0) != 0 && errno != ENOENT)
		return replace_file_failed(s, "remove", MADE, why);
	fd = openat(s->folder, MADE,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, PRIVATE_MODE);
	if (fd < 0)
		return replace_file_failed(s, "create", MADE, why);
	if (fchmod(fd, PRIVATE_MODE) != 0)
		e = replace_file_failed(s, "set the mode of", MADE, why);
	close(fd);
	return e;
}

enum error
replace_file_open(
    struct replace_file *s, const char *dir, bool in_turn, struct error_text *why)
{
	enum error e;

	s->dir = dir;
	s->folder = -1;
	e = state_dir_path(s->made, dir, MADE, why);
	if (e == OK)
		e = replace_file_folder(s, in_turn, why);
	if (e == OK)
		e = replace_file_make(s, why);
	if (e != OK && s->folder >= 0) {
		close(s->folder);
		s->folder = -1;
	}
	return e;
}

enum error
replace_file_give(struct replace_file *s, uid_t user, gid_t group, mode_t mode,
    struct error_text *why)
{
	int fd = openat(s->folder, MADE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum error e = OK;

	if (fd < 0)
		return replace_file_failed(s, "open", MADE, why);
	if (fchown(fd, user, group) != 0 || fchmod(fd, mode) != 0)
		e = replace_file_failed(s, "set owner and mode of", MADE, why);
	else if (fsync(fd) != 0)
		e = replace_file_failed(s, "write", MADE, why);
	close(fd);
	return e;
}

enum error
replace_file_put(struct replace_file *s, struct error_text *why)
{
	if (renameat(s->folder, MADE, s->folder, STORE_DATA) != 0)
		return replace_file_failed(s, "replace", STORE_DATA, why);
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
	close(s->folder);
	s->folder = -1;
}
