/* SPDX-License-Identifier: BSD-2-Clause */
/* filter - the milter protocol side (the only file with libmilter) */
#ifndef MILTER_FILTER_H
#define MILTER_FILTER_H

#include "milter/transaction.h"
#include "policy/error.h"

/*
 * Registers the filter and opens the listening socket SPEC ("inet:PORT@HOST",
 * "inet6:...", "unix:PATH", "fd:N"). Once per process: libmilter has no handle.
 * ERR_IO with WHY.
 */
enum error filter_open(const char *spec, struct error_text *why) MUST_USE;

/*
 * Serves until filter_stop(); DECIDER is borrowed until the process ends. ERR_IO when
 * libmilter gives up. Takes SIGHUP, SIGTERM and SIGINT, blocked by the caller, as
 * reasons to stop.
 */
enum error filter_serve(const struct decider *decider) MUST_USE;

/* Stops serving. Callbacks may still run; filter_is_idle() tells when none does. */
void filter_stop(void);
bool filter_is_idle(void);

#endif
