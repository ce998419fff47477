/* SPDX-License-Identifier: BSD-2-Clause */
/* privileges - what a daemon does about its own process */
#ifndef MILTER_SERVICE_PRIVILEGES_H
#define MILTER_SERVICE_PRIVILEGES_H

#include "policy/base/error.h"
#include "policy/config/config.h"

/* Descriptors below which the daemon does not start. */
#define PRIVILEGES_FILES_MIN 4096

/*
 * Raises the limit on open files to its hard limit. ERR_CONFLICT when that is below
 * PRIVILEGES_FILES_MIN: without descriptors libmilter's accept loop spins.
 */
enum error privileges_raise_files(struct error_text *why) MUST_USE;

/*
 * Becomes the user for good: supplementary groups, group, user, in that order. Only
 * root can; others stay who they are. ERR_CONFIG for an unknown user.
 */
enum error privileges_become(const char *user, struct error_text *why) MUST_USE;

/* Blocks the signals that stop the daemon, in this thread and those it starts. */
void privileges_block_signals(void);

/*
 * Waits for one of them, SECONDS at most; 0: for as long as it takes. Returns the
 * signal, or 0 when the time is over. SIGUSR1 is the daemon's own: the filter has
 * returned.
 */
int privileges_wait_signal(unsigned seconds);

#endif
