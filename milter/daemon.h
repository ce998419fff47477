/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - one running milter: all its parts, and its life */
#ifndef MILTER_DAEMON_H
#define MILTER_DAEMON_H

#include <pthread.h>

#include "milter/metrics.h"
#include "milter/reporter.h"
#include "milter/service/listener.h"
#include "milter/service/watchdog.h"
#include "milter/usage_counter.h"
#include "milter/usage_writer.h"
#include "policy/config/config.h"
#include "policy/live/live_store.h"

/* All zero but for `config` at first. */
struct daemon {
	struct config config;
	struct listener listener;
	struct live_store *store;
	struct metrics metrics;
	struct usage_counter usage_counter;
	struct usage_writer usage_writer;
	struct reporter reporter;
	struct watchdog watchdog;
	pthread_t owner;   /* gets SIGUSR1 when filter_serve() has returned */
	enum error served; /* ... this */
};

/*
 * Opens the socket, the one that systemd holds or that of the configuration, which then
 * names it, and gives up root for good. ERR_CONFIG and others with WHY.
 */
enum error daemon_open(struct daemon *d, struct error_text *why) MUST_USE;

/*
 * Starts the threads: for the policy, usage and metrics, the watchdog, and the filter.
 * Signals are blocked (signals.h). ERR_MEMORY.
 */
enum error daemon_start(struct daemon *d) MUST_USE;

/*
 * Waits for a signal to stop, on the thread of daemon_start(), and tells the service
 * manager meanwhile that the daemon is ready. ERR_IO when libmilter has given up.
 */
enum error daemon_wait(struct daemon *d) MUST_USE;

/*
 * Lets the decisions under way end, begins no others, and writes usage, heartbeat and
 * metrics for the last time. The other threads run on until the process ends.
 */
void daemon_stop(struct daemon *d);

#endif
