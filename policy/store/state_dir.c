/* SPDX-License-Identifier: BSD-2-Clause */
/* state_dir - the state folder */
#include "policy/store/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/kernel/held_file.h"

#define FOLDER_MODE 0750
#define USAGE_MODE 0700

static enum error
dir_failed(struct error_text *why, const char *what, const char *path)
{
	int err = errno;
	enum error e = error_from_errno(err);

	if (e == ERR_MISSING || e == ERR_IO)
		e = ERR_CREATE;
	return error_set(why, e, "cannot %s %s: %s", what, path, strerror(err));
}

/* dir_make - a folder with the mode whatever the umask; NEW_R tells whether it was
 * missing
 */
static enum error
dir_make(const char *path, mode_t mode, bool *new_r, struct error_text *why)
{
	struct stat st;

	*new_r = mkdir(path, 0700) == 0;
	if (*new_r)
		return chmod(path, mode) == 0
		    ? OK
		    : dir_failed(why, "set the mode of", path);
	if (errno != EEXIST)
		return dir_failed(why, "create", path);
	if (stat(path, &st) != 0)
		return dir_failed(why, "look at", path);
	if (!S_ISDIR(st.st_mode))
		return error_set(
		    why, ERR_CREATE, "cannot create %s: it is no folder", path);
	return OK;
}

/* usage_give - the folder that FD stands for: its owner, then its mode */
static enum error
usage_give(int fd, const char *dir, const char *usage, struct error_text *why)
{
	const struct passwd *pw = geteuid() == 0 ? getpwnam(STATE_DIR_ACCOUNT) : NULL;
	uid_t user = pw != NULL ? pw->pw_uid : (uid_t)-1;
	struct stat st;

	if (stat(dir, &st) != 0)
		return dir_failed(why, "look at", dir);
	if (fchown(fd, user, st.st_gid) != 0)
		return dir_failed(why, "set the owner of", usage);
	return fchmod(fd, USAGE_MODE) == 0 ? OK
					   : dir_failed(why, "set the mode of", usage);
}

/*
 * usage_give_by_path - the usage folder to the daemon's user, and to DIR's group. By
 * its descriptor, so that a link in its place is not followed; what is in the folder is
 * the daemon's, and not looked at.
 */
static enum error
usage_give_by_path(const char *dir, const char *usage, struct error_text *why)
{
	int fd = open(usage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	enum error e;

	if (fd < 0)
		return dir_failed(why, "open", usage);
	e = usage_give(fd, dir, usage, why);
	close(fd);
	return e;
}

/* dir_give - to the daemon's group, unless somebody chose another than root's */
static enum error
dir_give(const char *dir, struct error_text *why)
{
	const struct group *gr = geteuid() == 0 ? getgrnam(STATE_DIR_ACCOUNT) : NULL;
	struct stat st;

	if (gr == NULL)
		return OK;
	if (stat(dir, &st) != 0)
		return dir_failed(why, "look at", dir);
	if (st.st_uid == 0 && st.st_gid == 0 && chown(dir, (uid_t)-1, gr->gr_gid) != 0)
		return dir_failed(why, "set the group of", dir);
	return OK;
}

enum error
state_dir_path(char *path, const char *dir, const char *name, struct error_text *why)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

	if (n >= 0 && n < PATH_MAX)
		return OK;
	return error_set(why, ERR_LIMIT, "the name of the folder is too long: %s", dir);
}

enum error
state_dir_make(const char *dir, struct error_text *why)
{
	bool is_new;
	enum error e = dir_make(dir, FOLDER_MODE, &is_new, why);

	return e == OK ? dir_give(dir, why) : e;
}

enum error
state_dir_create(const char *dir, struct error_text *why)
{
	char usage[PATH_MAX];
	bool is_new = false;
	enum error e = state_dir_path(usage, dir, STATE_DIR_USAGE, why);

	if (e == OK)
		e = state_dir_make(dir, why);
	if (e == OK)
		e = dir_make(usage, USAGE_MODE, &is_new, why);
	return e == OK && (is_new || geteuid() == 0)
	    ? usage_give_by_path(dir, usage, why)
	    : e;
}

/* is_roots_alone - whether nobody but root can have given files their names there */
static bool
is_roots_alone(const struct stat *folder)
{
	return folder->st_uid == 0 && (folder->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/*
 * file_is_ours - whether to change the file: not what may be somebody else's under this
 * name. Its other names do not matter where root has made this one, as a backup by hard
 * links.
 */
static bool
file_is_ours(const struct stat *file, const struct stat *folder)
{
	return S_ISREG(file->st_mode) &&
	    (file->st_nlink == 1 || is_roots_alone(folder)) &&
	    (geteuid() == 0 || file->st_uid == geteuid());
}

/* file_give - the one that FD stands for, at PATH */
static enum error
file_give(int fd, const struct stat *folder, mode_t mode, const char *path,
    struct error_text *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return dir_failed(why, "look at", path);
	if (!file_is_ours(&st, folder))
		return OK;
	if (geteuid() == 0 && folder->st_uid == 0 && st.st_uid != 0 &&
	    fchown(fd, 0, (gid_t)-1) != 0)
		return dir_failed(why, "set the owner of", path);
	if ((mode & S_IRWXG) != 0 && st.st_gid != folder->st_gid &&
	    fchown(fd, (uid_t)-1, folder->st_gid) != 0)
		return dir_failed(why, "set the group of", path);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) != 0)
		return dir_failed(why, "set the mode of", path);
	return OK;
}

/* file_give_at - the file NAME of the folder that AT stands for, DIR */
static enum error
file_give_at(
    int at, const char *dir, const char *name, mode_t mode, struct error_text *why)
{
	struct stat folder;
	char path[PATH_MAX];
	enum error e = state_dir_path(path, dir, name, why);
	int fd;

	if (e != OK)
		return e;
	if (fstat(at, &folder) != 0)
		return dir_failed(why, "look at", dir);
	fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return OK;
	e = file_give(fd, &folder, mode, path, why);
	close(fd);
	return e;
}

enum error
state_dir_give(const char *dir, const char *name, mode_t mode, struct error_text *why)
{
	int at = held_file_open_dir(dir); /* one folder for both */
	enum error e;

	if (at < 0)
		return dir_failed(why, "look at", dir);
	e = file_give_at(at, dir, name, mode, why);
	close(at);
	return e;
}

/* What the names of all files of a policy begin with. */
#define POLICY "policy."
/* The lock of "rollout notify", which takes it before it opens the policy. */
#define NOTIFY "policy.notify"

static bool
is_trace(const char *name)
{
	return strcmp(name, STATE_DIR_USAGE) == 0 ||
	    (strncmp(name, POLICY, sizeof POLICY - 1) == 0 &&
		strcmp(name, NOTIFY) != 0);
}

bool
state_dir_has_policy(const char *dir)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;
	bool found = false;

	if (folder == NULL)
		return errno != ENOENT && errno != ENOTDIR;
	while (!found && (entry = readdir(folder)) != NULL)
		found = is_trace(entry->d_name);
	closedir(folder);
	return found;
}

enum error
state_dir_missing(const char *dir, const char *path, struct error_text *why)
{
	if (state_dir_has_policy(dir))
		return error_set(why, ERR_MISSING,
		    "the policy database is gone; bring a backup back with \"smtpauthctl restore DIR\": %s",
		    path);
	return error_set(why, ERR_MISSING,
	    "there is no policy database; run \"smtpauthctl init\": %s", path);
}
