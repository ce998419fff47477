/* SPDX-License-Identifier: BSD-2-Clause */
/* mend - owners and modes of a policy that is there */
#include "policy/mend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/folder.h"
#include "policy/store.h"
#include "policy/write_lock.h"

static enum error
failed(struct error_text *why, const char *what, const char *path)
{
	int err = errno;

	return error_set(
	    why, error_from_errno(err), "cannot %s %s: %s", what, path, strerror(err));
}

/* mend - a file that is open as FD */
static enum error
mend(int fd, const struct stat *folder, mode_t mode, const char *path,
    struct error_text *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return failed(why, "look at", path);
	if (!S_ISREG(st.st_mode) || (geteuid() != 0 && st.st_uid != geteuid()))
		return OK;
	if (geteuid() == 0 && folder->st_uid == 0 && st.st_uid != 0 &&
	    fchown(fd, 0, (gid_t)-1) != 0)
		return failed(why, "set the owner of", path);
	if ((mode & S_IRWXG) != 0 && st.st_gid != folder->st_gid &&
	    fchown(fd, (uid_t)-1, folder->st_gid) != 0)
		return failed(why, "set the group of", path);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) != 0)
		return failed(why, "set the mode of", path);
	return OK;
}

/* mend_file - one that is missing, or not ours to open, is left alone */
static enum error
mend_file(const char *dir, const char *name, const struct stat *folder, mode_t mode,
    struct error_text *why)
{
	char path[PATH_MAX];
	enum error e = folder_path(path, dir, name, why);
	int fd;

	if (e != OK)
		return e;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return OK;
	e = mend(fd, folder, mode, path, why);
	close(fd);
	return e;
}

enum error
mend_files(const char *dir, struct error_text *why)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = {{STORE_DATA, STORE_DATA_MODE}, {TURN_FILE, TURN_FILE_MODE},
	    {WRITERS_FILE, WRITERS_FILE_MODE}};
	struct stat folder;
	enum error e = OK;

	if (stat(dir, &folder) != 0)
		return failed(why, "look at", dir);
	for (size_t i = 0; e == OK && i < sizeof files / sizeof *files; i++)
		e = mend_file(dir, files[i].name, &folder, files[i].mode, why);
	return e;
}
