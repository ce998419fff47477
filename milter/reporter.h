/* SPDX-License-Identifier: BSD-2-Clause */
/* reporter - the thread that writes usage, heartbeat and metrics */
#pragma once

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
	int64_t say_dropped; /* not before, in monotonic_ms() */
	int64_t due;         /* the next writing */
	pthread_t thread;
	pthread_t before; /* the one that handed over to it */
	/* Shared: */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool hurry, judged, stop, ended;
};

/* Before any other call; no thread yet. */
void reporter_init(struct daemon *d);

/*
 * Starts the thread, which writes at once, every `usage-flush` seconds, and when the
 * state of the policy database changes. Failures are logged and tried again.
 * ERR_MEMORY.
 */
enum error reporter_start(struct daemon *d) MUST_USE;

/* Asks for a writing soon, because the usage counter fills up. Thread-safe. */
void reporter_hurry(struct daemon *d);

/*
 * The state of the policy database is known: it is written, and then the service
 * manager is told that the daemon is ready. Thread-safe, also before the start.
 */
void reporter_judged(struct daemon *d);

/* Writes all for the last time; waits at most LIMIT_MS, and logs what is lost. */
void reporter_stop(struct daemon *d, unsigned limit_ms);
