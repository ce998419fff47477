/* SPDX-License-Identifier: BSD-2-Clause */
/* output_file - a file, written beside its place and moved there once whole */
#pragma once

#include "policy/ctl/frame/ctl.h"

/* Readers of the file see the old one or the new one, never a part. */
struct output_file {
	const char *path; /* NULL: standard output */
	char *temporary;  /* its name until then, or NULL */
	FILE *file;       /* to write to, and to read back */
};

/*
 * Makes the temporary file for PATH; "-" is standard output. What is there already and
 * is no regular file is ERR_CREATE. Errors have their line in C's `why`.
 */
enum error output_file_open(
    struct output_file *o, struct ctl *c, const char *path) MUST_USE;

/* Brings to disk what was written; it has mode 0640 then. */
enum error output_file_sync(struct output_file *o, struct ctl *c) MUST_USE;

/* Puts the file in its place, or prints it. output_file_sync() comes first. */
enum error output_file_deliver(struct output_file *o, struct ctl *c) MUST_USE;

/* Brings the new name PATH of a file or folder to disk; best effort. */
void output_file_sync_name(const char *path);

/* Closes it; one that was not delivered is gone. */
void output_file_close(struct output_file *o);
