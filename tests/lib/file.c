/* SPDX-License-Identifier: BSD-2-Clause */
/* file.c - whole files in tests: reading, writing in place, replacing, removing. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw() */
#endif
#include "tests/lib/file.h"

#include "tests/lib/deadline.h"

#include <check.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDERS_OPEN = 16 };

/* grow - realloc(3) that keeps nothing where it fails */
static char *
grow(char *bytes, size_t size)
{
	char *more = realloc(bytes, size);

	if (more == NULL)
		free(bytes);
	return more;
}

/* bytes_read - reads all of an open file */
static char *
bytes_read(int fd, size_t *size)
{
	size_t room = 4096, used = 0;
	char *bytes = malloc(room + 1);

	while (bytes != NULL) {
		ssize_t got = read(fd, bytes + used, room - used);

		if (got <= 0)
			break;
		used += (size_t)got;
		if (used == room) {
			room *= 2;
			bytes = grow(bytes, room + 1);
		}
	}
	if (bytes != NULL)
		bytes[used] = '\0';
	if (size != NULL)
		*size = used;
	return bytes;
}

char *
file_read(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes;

	if (size != NULL)
		*size = 0;
	if (fd < 0)
		return NULL;
	bytes = bytes_read(fd, size);
	close(fd);
	return bytes;
}

FILE *
file_of(const void *bytes, size_t size)
{
	FILE *file = tmpfile();

	if (file != NULL && fwrite(bytes, 1, size, file) != size) {
		fclose(file);
		return NULL;
	}
	if (file != NULL)
		rewind(file);
	return file;
}

/* bytes_write - opens with the given flags and writes all */
static bool
bytes_write(const char *path, int flags, const char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0660);
	ssize_t put = 0;

	if (fd < 0)
		return false;
	while (size > 0 && put >= 0) {
		put = write(fd, bytes, size);
		if (put > 0) {
			bytes += put;
			size -= (size_t)put;
		}
	}
	close(fd);
	return size == 0;
}

bool
file_write(const char *path, const void *bytes, size_t size)
{
	return bytes_write(path, O_TRUNC, bytes, size);
}

void
file_rewrite(const char *path)
{
	int fd = open(path, O_RDWR);
	int64_t deadline = deadline_in(5000);
	struct stat before, after;
	char byte;

	ck_assert_int_eq(fstat(fd, &before), 0);
	ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
	do {
		ck_assert_int_eq(pwrite(fd, &byte, 1, 0), 1);
		ck_assert_int_eq(fstat(fd, &after), 0);
	} while (before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
	    before.st_mtim.tv_nsec == after.st_mtim.tv_nsec &&
	    deadline_pause(deadline));
	close(fd);
	ck_assert(before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
	    before.st_mtim.tv_nsec != after.st_mtim.tv_nsec);
}

bool
file_replace(const char *path, const void *bytes, size_t size)
{
	char next[PATH_MAX];
	struct stat old;

	snprintf(next, sizeof(next), "%s.next", path);
	if (!bytes_write(next, O_EXCL, bytes, size))
		return false;
	if (stat(path, &old) == 0 && chmod(next, old.st_mode & 07777) != 0)
		return false;
	return rename(next, path) == 0;
}

bool
file_add_line(const char *path, const char *line)
{
	return bytes_write(path, O_APPEND, line, strlen(line)) &&
	    bytes_write(path, O_APPEND, "\n", 1);
}

off_t
file_size(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 ? file.st_size : -1;
}

/* entry_remove - called by nftw() for each file, and for each folder after its files */
static int
entry_remove(const char *path, const struct stat *entry, int type, struct FTW *ftw)
{
	(void)entry;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
folder_remove(const char *path)
{
	nftw(path, entry_remove, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
}
