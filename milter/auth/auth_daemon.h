/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_daemon - one running smtpauth-authd: all its parts, and its life */
#pragma once

#include "milter/auth/auth_door.h"
#include "milter/auth/http_server.h"
#include "milter/service/listener.h"
#include "milter/service/watchdog.h"
#include "policy/store/auth_key.h"

/* All zero but for `config` at first. */
struct auth_daemon {
	struct config config;
	struct listener listener;
	int fd; /* the listening socket */
	struct auth_key key;
	struct live_store *store;
	struct auth_metrics metrics;
	struct auth_denials denials;
	struct auth_door door;
	struct http_server *server;
	struct watchdog watchdog;
	instant started;
	struct error_text metrics_said; /* the last complaint */
};

/* Reads the key of the configuration; auth_daemon_open() does. ERR_CONFIG with WHY. */
enum error auth_daemon_read_key(struct auth_daemon *d, struct error_text *why) MUST_USE;

/*
 * Reads the key, opens the socket or takes the one that systemd passes, and gives up
 * root for good. ERR_CONFIG, also for a key that cannot be had, and others; with WHY.
 */
enum error auth_daemon_open(struct auth_daemon *d, struct error_text *why) MUST_USE;

/* Starts the threads: live store, denials, server, watchdog. ERR_MEMORY. */
enum error auth_daemon_start(struct auth_daemon *d) MUST_USE;

/* Writes metrics until a signal comes, on the thread of auth_daemon_start(). */
void auth_daemon_wait(struct auth_daemon *d);

/* Lets the question under way end, and writes what was counted for the last time. */
void auth_daemon_stop(struct auth_daemon *d);
