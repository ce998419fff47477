/* SPDX-License-Identifier: BSD-2-Clause */
/* service_notify - tells the service manager the daemon's state, as sd_notify(3) */
#pragma once

#include <stdint.h>

/*
 * Sends a state ("STOPPING=1") to the socket that NOTIFY_SOCKET names. Without it, or
 * when the manager does not take it, nothing happens. Thread-safe.
 */
void service_notify(const char *state);

/* Sends READY=1, once, however often it is called. */
void service_notify_ready(void);

/* Sends the first 200 bytes of TEXT, as one line of UTF-8, for `systemctl status`. */
void service_notify_status(const char *text);

/*
 * The microseconds after which the manager takes a silent service for hung
 * (WATCHDOG_USEC, unless WATCHDOG_PID is another process); 0: it does not watch.
 */
uint64_t service_notify_watchdog_usec(void);
