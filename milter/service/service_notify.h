/* SPDX-License-Identifier: BSD-2-Clause */
/* service_notify - tells the service manager how we are (the protocol of sd_notify(3))
 */
#ifndef MILTER_SERVICE_SERVICE_NOTIFY_H
#define MILTER_SERVICE_SERVICE_NOTIFY_H

#include <stdint.h>

/*
 * One datagram to the socket that NOTIFY_SOCKET names. Without it, or when the manager
 * does not take it, nothing happens: no daemon depends on being heard. Thread-safe.
 */

/* The service can be used. Said once, however often it is called. */
void service_notify_ready(void);

/* What `systemctl status` shows: the first 200 bytes of TEXT, as one line of UTF-8. */
void service_notify_status(const char *text);

/* The end has begun. */
void service_notify_stopping(void);

/* The sign of life that the watchdog waits for. */
void service_notify_alive(void);

/*
 * Microseconds after which the manager takes a silent service for hung (WATCHDOG_USEC,
 * where WATCHDOG_PID does not mean another process); 0: it does not watch.
 */
uint64_t service_notify_watchdog_usec(void);

#endif
