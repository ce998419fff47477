/* SPDX-License-Identifier: BSD-2-Clause */
/* file.h - whole files in tests: reading, writing in place, replacing, removing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* The file's bytes with a NUL behind them, and their number in *size (may be NULL);
 * NULL if it cannot be read. The caller frees it. */
char *file_read(const char *path, size_t *size);

/* A file without a name that has these bytes, at its start; NULL if it cannot be made.
 * The caller closes it. */
FILE *file_of(const void *bytes, size_t size);

/* Writes a file in place as cp(1) does: same inode, cut to nothing first. */
bool file_write(const char *path, const void *bytes, size_t size);

/* Writes the file's first byte as it is, until its time of writing has moved. Fails the
 * test when it does not. */
void file_rewrite(const char *path);

/* Puts a new file with these bytes in the place of `path` by rename(2). */
bool file_replace(const char *path, const void *bytes, size_t size);

/* Adds a line to a file, which is made if there is none. */
bool file_add_line(const char *path, const char *line);

/* The file's size in bytes, -1 when there is none. */
off_t file_size(const char *path);

/* Removes a folder and all in it. */
void folder_remove(const char *path);
