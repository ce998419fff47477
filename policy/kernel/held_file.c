/* SPDX-License-Identifier: BSD-2-Clause */
/* held_file - owner and mode of a file that open(2) cannot open, as a socket */
#include "policy/kernel/held_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/kernel/linux_calls.h"
#include "policy/kernel/proc.h"

#if defined(O_PATH) && defined(AT_EMPTY_PATH) && !defined(PORTABLE_ONLY)
#define HOLDS_FILES 1
#define SEARCH_ONLY O_PATH
#else
#define SEARCH_ONLY O_RDONLY
#endif

/*
 * is_roots - whether only root can put another file in the place of PATH. The folders
 * above may be sticky, as /tmp is: others cannot rename what is root's there.
 */
static bool
is_roots(const char *path)
{
	mode_t sticky = 0;
	char dir[PATH_MAX];
	struct stat st;
	char *slash;

	if (path[0] != '/' || snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir)
		return false;
	while ((slash = strrchr(dir, '/')) != NULL) {
		*slash = '\0';
		if (lstat(dir[0] != '\0' ? dir : "/", &st) != 0 ||
		    !S_ISDIR(st.st_mode) || st.st_uid != 0 ||
		    ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
			(st.st_mode & sticky) == 0))
			return false;
		sticky = S_ISVTX;
	}
	return true;
}

/* may_name - whether the file can be changed by its name, and is still the one seen */
static bool
may_name(struct held_file *file)
{
	struct stat st;

	file->refused = geteuid() == 0 && !is_roots(file->path);
	if (file->refused) {
		errno = EPERM;
		return false;
	}
	if (lstat(file->path, &st) != 0)
		return false;
	errno = ENOENT;
	return st.st_dev == file->st.st_dev && st.st_ino == file->st.st_ino;
}

bool
held_file_open(struct held_file *file, const char *path)
{
	*file = (struct held_file){.path = path, .fd = -1};
#ifdef HOLDS_FILES
	file->fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return file->fd >= 0 && fstat(file->fd, &file->st) == 0;
#else
	return lstat(path, &file->st) == 0;
#endif
}

void
held_file_close(struct held_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

bool
held_file_set_owner(struct held_file *file, uid_t user, gid_t group)
{
#ifdef HOLDS_FILES
	if (fchownat(file->fd, "", user, group, AT_EMPTY_PATH) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
#endif
	return may_name(file) && lchown(file->path, user, group) == 0;
}

/* set_mode_by_name - the portable way */
static bool
set_mode_by_name(struct held_file *file, mode_t mode)
{
	if (!may_name(file))
		return false;
	/* chmod(2) follows links, and older systems have nothing else */
	return fchmodat(AT_FDCWD, file->path, mode, AT_SYMLINK_NOFOLLOW) == 0 ||
	    (errno == EOPNOTSUPP && !S_ISLNK(file->st.st_mode) &&
		chmod(file->path, mode) == 0);
}

bool
held_file_set_mode(struct held_file *file, mode_t mode)
{
#ifdef HOLDS_FILES
	char by_number[PROC_PATH_MAX];

	if (chmod(proc_path(file->fd, by_number), mode) == 0)
		return true;
	if (errno != ENOENT && errno != ENOTDIR)
		return false;
	if (fchmodat(file->fd, "", mode, AT_EMPTY_PATH) == 0) /* Linux 6.6 and newer */
		return true;
#endif
	return set_mode_by_name(file, mode);
}

const char *
held_file_why(const struct held_file *file)
{
	return file->refused
	    ? "on this system root does so only if its folder and all above it belong to root, and nobody else can write there"
	    : strerror(errno);
}

int
held_file_open_dir(const char *dir)
{
	return open(dir, SEARCH_ONLY | O_DIRECTORY | O_CLOEXEC);
}
