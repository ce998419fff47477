/* SPDX-License-Identifier: BSD-2-Clause */
/* held_file - owner and mode of a file that open(2) cannot open, as a socket */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * The folder may belong to somebody with fewer rights, who can put another file in the
 * place of this one: so the file is held, and changed only as the one that was seen.
 */
struct held_file {
	const char *path;
	int fd; /* -1: this system holds no file; it is known by ST */
	struct stat st;
	bool refused; /* root may not go by the name here */
};

/* Holds PATH, never what a link there leads to. The path outlives it. False: errno. */
bool held_file_open(struct held_file *file, const char *path);

void held_file_close(struct held_file *file);

/*
 * As chown(2) and chmod(2). Where files cannot be held, root is refused in a folder in
 * which somebody else can rename files. False: errno, and held_file_why().
 */
bool held_file_set_owner(struct held_file *file, uid_t user, gid_t group);
bool held_file_set_mode(struct held_file *file, mode_t mode);

/* Why the last of these failed, as words. */
const char *held_file_why(const struct held_file *file);

/*
 * The folder DIR, for fstat(2) and openat(2), or -1 with errno. The right to search DIR
 * is enough, but where no file can be held it must be readable, too.
 */
int held_file_open_dir(const char *dir);
