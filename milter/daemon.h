/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - one running milter: all its parts, and its life */
#pragma once

#include <pthread.h>

#include "milter/metrics.h"
#include "milter/reporter.h"
#include "milter/service/listener.h"
#include "milter/service/watchdog.h"
#include "milter/status_line.h"
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
	struct status_line status_line;
	struct watchdog watchdog;
	pthread_t owner;   /* gets SIGUSR1 when filter_serve() has returned */
	enum error served; /* ... this */
};

/*
 * Opens the socket, or takes the one that systemd passes (config.socket is its address
 * then), and gives up root for good. ERR_CONFIG and others with WHY.
 */
enum error daemon_open(struct daemon *d, struct error_text *why) MUST_USE;

/* Starts the threads: live store, reporter, watchdog, filter. ERR_MEMORY. */
enum error daemon_start(struct daemon *d) MUST_USE;

/* Waits for a signal, on the thread of daemon_start(). ERR_IO: libmilter gave up. */
enum error daemon_wait(struct daemon *d) MUST_USE;

/*
 * Lets the decisions under way end, begins no others, and writes usage, heartbeat and
 * metrics for the last time. Most threads run on until the process ends.
 */
void daemon_stop(struct daemon *d);
