/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_holder - who holds the flock(2) of a file */
#include "policy/kernel/lock_holder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/monotonic.h"
#include "policy/kernel/proc.h"

#ifdef __linux__
#include <sys/sysmacros.h> /* elsewhere in <sys/types.h> */
#endif

/* parse_number - in BASE, where *AT leads; *AT moves behind it and the character END */
static bool
parse_number(char **at, int base, char end, uint64_t *out_r)
{
	char *behind;

	errno = 0;
	*out_r = strtoull(*at, &behind, base);
	if (errno != 0 || behind == *at || *behind != end)
		return false;
	*at = behind + 1;
	return true;
}

/* A writer has few files open: a process with more is not searched to the end. */
#define FDS_MAX 1000

#define FLAGS "flags:" /* a line of /PID/fdinfo/N: in octal, as of open(2) */

/* may_write - whether descriptor NAME of /PID/fdinfo was opened to write */
static bool
may_write(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	FILE *info = fd >= 0 ? fdopen(fd, "r") : NULL;
	unsigned long flags = O_RDONLY;
	char line[256];

	if (info == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (fgets(line, sizeof line, info) != NULL)
		if (strncmp(line, FLAGS, sizeof FLAGS - 1) == 0)
			flags = strtoul(line + sizeof FLAGS - 1, NULL, 8);
	fclose(info);
	return (flags & O_ACCMODE) != O_RDONLY;
}

/*
 * can_write - whether the process has the file ST open to write, as far as can be seen
 * until UNTIL. Its owner tells nothing: a process that runs a set-user-ID program is
 * root's, and keeps its locks.
 */
static bool
can_write(uint64_t pid, const struct stat *st, int64_t until)
{
	char path[64];
	struct dirent *entry;
	struct stat file;
	bool found = false;
	DIR *fds;
	int infos, folder;

	snprintf(path, sizeof path, PROC "/%" PRIu64 "/fdinfo", pid);
	infos = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof path, PROC "/%" PRIu64 "/fd", pid);
	fds = infos >= 0 ? opendir(path) : NULL;
	folder = fds != NULL ? dirfd(fds) : -1;
	for (int i = 0; folder >= 0 && !found && i < FDS_MAX; i++) {
		entry = monotonic_ms() < until ? readdir(fds) : NULL;
		if (entry == NULL)
			break;
		found = fstatat(folder, entry->d_name, &file, 0) == 0 &&
		    file.st_ino == st->st_ino && file.st_dev == st->st_dev &&
		    may_write(infos, entry->d_name);
	}
	if (fds != NULL)
		closedir(fds);
	if (infos >= 0)
		close(infos);
	return found;
}

/*
 * is_ours - whether a line of /proc/locks is an exclusive flock(2) on ST of a process
 * that might write the file: "1: FLOCK  ADVISORY  WRITE 42 08:01:131 0 EOF". One that
 * waits for such a lock ("1: -> FLOCK ...") does not hold it.
 */
static bool
is_ours(char *line, const struct stat *st, int64_t until)
{
	static const char kind[] = "FLOCK  ADVISORY  WRITE ";
	uint64_t pid, major_id, minor_id, inode;
	char *at = strstr(line, kind);

	if (at == NULL || strstr(line, "->") != NULL)
		return false;
	at += sizeof kind - 1;
	if (!parse_number(&at, 10, ' ', &pid) ||
	    !parse_number(&at, 16, ':', &major_id) ||
	    !parse_number(&at, 16, ':', &minor_id) ||
	    !parse_number(&at, 10, ' ', &inode) || inode != st->st_ino ||
	    major_id != major(st->st_dev) || minor_id != minor(st->st_dev))
		return false;
	return can_write(pid, st, until);
}

bool
lock_holder_can_write(int fd, int64_t until)
{
	FILE *locks = fopen(PROC "/locks", "re");
	bool found = false;
	char line[256];
	struct stat st;

	if (locks == NULL)
		return false;
	if (fstat(fd, &st) == 0)
		while (!found && monotonic_ms() < until &&
		    fgets(line, sizeof line, locks) != NULL)
			found = is_ours(line, &st, until);
	fclose(locks);
	return found;
}
