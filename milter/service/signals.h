/* SPDX-License-Identifier: BSD-2-Clause */
/* signals - those that end a daemon */
#ifndef MILTER_SERVICE_SIGNALS_H
#define MILTER_SERVICE_SIGNALS_H

/*
 * Blocks the signals that stop the daemon, in this thread and those it starts, and
 * ignores those that a write can raise.
 */
void signals_block(void);

/*
 * Waits for SIGHUP, SIGINT, SIGTERM or SIGUSR1, SECONDS at most; 0: for as long as it
 * takes. Returns the signal, or 0 when the time is over.
 */
int signals_wait(unsigned seconds);

#endif
