/* SPDX-License-Identifier: BSD-2-Clause */
/* replace_file - a new database file: made beside its place, and put there when it is
 * whole */
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

/* failed - with errno: what could not be done with a file of the folder */
static enum error
failed(const struct swap *s, const char *what, const char *name, struct error_text *why)
{
	int err = errno;
	enum error e = error_from_errno(err);

	if (e == ERR_MISSING)
		e = ERR_CREATE;
	return error_set(
	    why, e, "cannot %s %s/%s: %s", what, s->dir, name, strerror(err));
}

/* open_folder - and locks it, unless IN_TURN; waits for nobody */
static enum error
open_folder(struct swap *s, bool in_turn, struct error_text *why)
{
	s->folder = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder < 0)
		return failed(s, "open", "", why);
	if (in_turn || flock(s->folder, LOCK_EX | LOCK_NB) == 0)
		return OK;
	if (errno != EWOULDBLOCK)
		return failed(s, "lock", "", why);
	return error_set(why, ERR_BUSY,
	    "another program is making a database in %s; try again", s->dir);
}

/* make - an empty file that was not there; MODE whatever the umask */
static enum error
make(const struct swap *s, const char *name, mode_t mode, gid_t group,
    struct error_text *why)
{
	enum error e = OK;
	int fd;

	if (unlinkat(s->folder, name, 0) != 0 && errno != ENOENT)
		return failed(s, "remove", name, why);
	fd = openat(s->folder, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, PRIVATE_MODE);
	if (fd < 0)
		return failed(s, "create", name, why);
	if (fchown(fd, (uid_t)-1, group) != 0 || fchmod(fd, mode) != 0)
		e = failed(s, "set the group of", name, why);
	close(fd);
	return e;
}

enum error
replace_file_open(struct swap *s, const char *dir, bool in_turn, struct error_text *why)
{
	enum error e;

	s->dir = dir;
	s->folder = -1;
	e = state_dir_path(s->made, dir, MADE, why);
	if (e == OK)
		e = open_folder(s, in_turn, why);
	if (e == OK)
		e = make(s, MADE, PRIVATE_MODE, (gid_t)-1, why);
	if (e != OK && s->folder >= 0) {
		close(s->folder);
		s->folder = -1;
	}
	return e;
}

enum error
replace_file_give(
    struct swap *s, uid_t user, gid_t group, mode_t mode, struct error_text *why)
{
	int fd = openat(s->folder, MADE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum error e = OK;

	if (fd < 0)
		return failed(s, "open", MADE, why);
	if (fchown(fd, user, group) != 0 || fchmod(fd, mode) != 0)
		e = failed(s, "set owner and mode of", MADE, why);
	else if (fsync(fd) != 0)
		e = failed(s, "write", MADE, why);
	close(fd);
	return e;
}

enum error
replace_file_put(struct swap *s, struct error_text *why)
{
	if (renameat(s->folder, MADE, s->folder, STORE_DATA) != 0)
		return failed(s, "replace", STORE_DATA, why);
	if (fsync(s->folder) != 0)
		return failed(s, "write", "", why);
	return OK;
}

void
replace_file_close(struct swap *s)
{
	if (s->folder < 0)
		return;
	unlinkat(s->folder, MADE, 0);
	close(s->folder);
	s->folder = -1;
}
