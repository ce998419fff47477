/* SPDX-License-Identifier: BSD-2-Clause */
/* watchdog - tells the service manager that decisions end, as long as they do */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "policy/base/error.h"

/* A decision takes at most some 12 s: 10 for a first scan, 1 for a free snapshot. */
#define WATCHDOG_PATIENCE_MS 30000

/* Returns how many decisions have ended, and whether some are under way. */
typedef uint64_t watchdog_progress(void *arg, bool *busy_r);

struct watchdog {
	watchdog_progress *progress;
	void *arg;
	uint64_t ended; /* decisions, at the last look */
	int64_t since;  /* when that number was new, or none was under way */
	bool stuck;
	struct timespec pause; /* between two looks */
	uint64_t looks;        /* since the last sign of life */
	uint64_t looks_a_sign;
};

/*
 * Starts a thread of its own where the manager asks for signs of life (WatchdogSec= in
 * a unit). It gives one every half of that time, but none while decisions are under way
 * and none has ended for WATCHDOG_PATIENCE_MS. A usage database or a log that cannot be
 * written does not count: mail does not depend on them. W lives until the process ends.
 * ERR_MEMORY.
 */
enum error watchdog_start(
    struct watchdog *w, watchdog_progress *progress, void *arg) MUST_USE;
