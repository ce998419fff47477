/* SPDX-License-Identifier: BSD-2-Clause */
/* filter - the milter protocol side (the only file with libmilter) */
#ifndef MILTER_FILTER_H
#define MILTER_FILTER_H

#include "policy/base/error.h"

struct daemon;

/*
 * Registers the filter and opens the listening socket SPEC ("inet:PORT@HOST",
 * "inet6:...", "unix:PATH", "fd:N"). Once per process: libmilter has no handle.
 * ERR_IO with WHY.
 */
enum error filter_open(const char *spec, struct error_text *why) MUST_USE;

/*
 * Serves until the process ends; D is borrowed for as long. Returns when libmilter
 * gives up (ERR_IO), or when its own thread, not the caller's, was handed one of the
 * blocked signals SIGHUP, SIGTERM and SIGINT (OK, up to 5 s later).
 */
enum error filter_serve(struct daemon *d) MUST_USE;

/*
 * No decision begins from now on: sessions that ask wait for the end of the process,
 * which closes their connection. metrics.in_progress says when the last has ended.
 */
void filter_close(void);

#endif
