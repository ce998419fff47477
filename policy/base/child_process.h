/* SPDX-License-Identifier: BSD-2-Clause */
/* child_process - a process that is started, listened to, and ended in time */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/base/error.h"

#define CHILD_PROCESS_OUTPUT_MAX (4u << 20)

/* A program to run, and its result. */
struct child_process {
	const char *path;        /* not searched on PATH */
	const char *const *argv; /* ended by NULL */
	const char *input;       /* bytes for its standard input */
	size_t input_left;       /* how many; 0: it has /dev/null there */
	int output_fd;     /* what is kept, STDOUT_FILENO or STDERR_FILENO; the other is
			      /dev/null */
	size_t output_max; /* bytes that are kept; the rest is dropped, or ERR_LIMIT */
	bool whole;        /* ERR_LIMIT */
	int seconds;       /* then it is killed, with its process group */
	/* Set by child_process_run(), and `input_left` to the bytes not read: */
	char *output; /* OUTPUT_LEN bytes and a NUL, to be freed; NULL for none */
	size_t output_len;
	int status; /* as from waitpid() */
};

/*
 * Runs the program without a shell, in a process group of its own, until it ends.
 * Processes that it leaves behind are not waited for, even where they keep its output
 * open. OK: it has ended, see `status`. ERR_BUSY: it took too long; ERR_LIMIT; ERR_IO,
 * with errno: it could not be run; ERR_MEMORY. Where there is input, SIGPIPE has to be
 * ignored.
 */
enum error child_process_run(struct child_process *p) MUST_USE;

/*
 * Runs ARGV, found on PATH or in /usr/sbin, /sbin, /usr/local/sbin, /usr/bin or /bin,
 * its standard error thrown away. OUT_R is its standard output and a NUL, to be freed.
 * ERR_MISSING: there is no such program; ERR_IO: it failed, or could not be run;
 * ERR_BUSY: it did not end within 20 s; ERR_LIMIT: more than CHILD_PROCESS_OUTPUT_MAX;
 * ERR_MEMORY. OUT_R is NULL then.
 */
enum error child_process_read(const char *const *argv, char **out_r) MUST_USE;

/* As child_process_read(), but OUT_R is its standard error, however it ends. */
enum error child_process_complaints(const char *const *argv, char **out_r) MUST_USE;

/*
 * Kills the process PID, or the group -PID, and reaps it. Only a disk that hangs keeps
 * a process alive then; it is not waited for.
 */
void child_process_end(pid_t pid);
