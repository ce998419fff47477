/* SPDX-License-Identifier: BSD-2-Clause */
/* process - what a daemon does about its own process */
#ifndef MILTER_PROCESS_H
#define MILTER_PROCESS_H

#include "policy/base/error.h"
#include "policy/config/config.h"

/* Descriptors below which the daemon does not start. */
#define PROCESS_FILES_MIN 4096

/*
 * Raises the limit on open files to its hard limit. ERR_CONFLICT when that is below
 * PROCESS_FILES_MIN: without descriptors libmilter's accept loop spins.
 */
enum error process_raise_files(struct error_text *why) MUST_USE;

/*
 * Becomes the user for good: supplementary groups, group, user, in that order. Only
 * root can; others stay who they are. ERR_CONFIG for an unknown user.
 */
enum error process_become(const char *user, struct error_text *why) MUST_USE;

/* Blocks the signals that stop the daemon, in this thread and those it starts. */
void process_block_signals(void);

/*
 * Waits for one of them, SECONDS at most; 0: for as long as it takes. Returns the
 * signal, or 0 when the time is over. SIGUSR1 is the daemon's own: the filter has
 * returned.
 */
int process_wait_signal(unsigned seconds);

#endif
