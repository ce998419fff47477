/* SPDX-License-Identifier: BSD-2-Clause */
/* process.h - running programs: to their end with their output, or beside the test. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { OUTCOME_SIZE = 16384, PROCESS_RUNS = -1 };

/* What a program that has ended left: exit status (128 + signal if one ended it), and
 * what it wrote, each cut at OUTCOME_SIZE - 1 bytes. */
struct outcome {
	int status;
	char out[OUTCOME_SIZE];
	char err[OUTCOME_SIZE];
};

/* Runs argv[0] with the NULL-terminated `argv` until it ends. Returns false when it
 * cannot be started. */
bool process_run(char *const *argv, struct outcome *outcome);

/* Starts argv[0], its standard output and error appended to the file `log`, and with
 * `listener` (-1: none) as descriptor 3, announced as systemd does. Returns its pid or
 * -1. It is killed when the caller ends. */
pid_t process_start(char *const *argv, const char *log, int listener);

/* Waits up to `milliseconds` (times deadline_factor()) for a child to end. Returns its
 * exit status as in struct outcome, or PROCESS_RUNS if it has not ended. */
int process_wait(pid_t pid, int milliseconds);

/* How many threads of a process do not block a signal, or wait for it in sigwait(). */
int process_open_to(pid_t pid, int signal);
