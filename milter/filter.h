/* SPDX-License-Identifier: BSD-2-Clause */
/* filter - the milter protocol side (the only file with libmilter) */
#pragma once

#include "policy/base/error.h"

struct daemon;

/*
 * Registers the filter and opens the listening socket SPEC ("inet:PORT@HOST",
 * "inet6:...", "unix:PATH", "fd:N"). Once per process: libmilter has no handle.
 * ERR_IO with WHY.
 */
enum error filter_open(const char *spec, struct error_text *why) MUST_USE;

/*
 * Serves until the process ends. Returns when libmilter gives up (ERR_IO), or when its
 * own thread took one of the blocked signals (OK, up to 5 s later).
 */
enum error filter_serve(struct daemon *d) MUST_USE;

/*
 * From now on no decision begins: sessions wait until the process ends and closes their
 * connections. The last decision has ended when metrics.in_progress is 0.
 */
void filter_close(void);
