/* SPDX-License-Identifier: BSD-2-Clause */
/* reporter - the thread that writes usage, heartbeat and metrics */
#ifndef MILTER_REPORTER_H
#define MILTER_REPORTER_H

#include "policy/config/config.h"
#include "policy/live/live_store.h"

/*
 * Starts a thread that writes usage, heartbeat and metrics now, every `usage-flush`
 * seconds, and when the policy database becomes good or bad. What cannot be written is
 * logged, tried again (a heartbeat that failed every second, at most 5 s later), and
 * changes nothing else. Both are borrowed until the process ends. ERR_MEMORY.
 */
enum error reporter_start(
    const struct config *config, struct live_store *keeper) MUST_USE;

/* Write soon: the memory for usage fills up. Waits for nothing. Thread-safe. */
void reporter_hurry(void);

/*
 * Writes all for the last time and ends the thread; no decisions may be under way. It
 * waits at most LIMIT_MS; what is not written by then is lost, and the log says so.
 */
void reporter_stop(unsigned limit_ms);

#endif
