/* SPDX-License-Identifier: BSD-2-Clause */
/* watchdog - tells the service manager that decisions end, as long as they do */
#ifndef MILTER_SERVICE_WATCHDOG_H
#define MILTER_SERVICE_WATCHDOG_H

#include "policy/base/error.h"

/* A decision takes at most some 12 s: 10 for a first scan, 1 for a free snapshot. */
#define WATCHDOG_PATIENCE_MS 30000

/*
 * Starts a thread of its own, where the manager asks for signs of life (WatchdogSec= in
 * a unit). It gives one every half of that time, but none while decisions are under way
 * and not one has ended for WATCHDOG_PATIENCE_MS. A usage database or a log that cannot
 * be written does not count: mail does not depend on them. ERR_MEMORY.
 */
enum error watchdog_start(void) MUST_USE;

#endif
