/* SPDX-License-Identifier: BSD-2-Clause */
/* reporter - the thread that writes usage, heartbeat and metrics */
#ifndef MILTER_REPORTER_H
#define MILTER_REPORTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/usage/heartbeat.h"

struct daemon;

struct reporter {
	struct heartbeat heartbeat;
	struct error_text said, metrics_said; /* the last complaints */
	uint64_t said_dropped;
	int64_t say_dropped; /* when that may be said again, and */
	int64_t due;         /* when the next writing is due, in monotonic_ms() */
	pthread_t thread;
	pthread_t before; /* the thread that this one has taken over from, */
	bool follows;     /* if it has */
	/* Shared: */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool hurry, stop, ended;
};

/*
 * Starts the thread, which writes now, every `usage-flush` seconds, and when the policy
 * database becomes good or bad. What cannot be written is logged, tried again (a
 * heartbeat that failed every second, at most 5 s later), and changes nothing else.
 * ERR_MEMORY.
 */
enum error reporter_start(struct daemon *d) MUST_USE;

/* Write soon: the memory for usage fills up. Waits for nothing. Thread-safe. */
void reporter_hurry(struct daemon *d);

/*
 * Writes all for the last time and ends the thread; no decisions may be under way.
 * Waits at most LIMIT_MS; what is not written by then is lost, and the log says so.
 */
void reporter_stop(struct daemon *d, unsigned limit_ms);

#endif
