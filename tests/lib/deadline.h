/* SPDX-License-Identifier: BSD-2-Clause */
/* deadline.h - waiting for a condition, with a limit that slow runs can stretch. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How many times longer than usual things may take: 1, and 5 where the environment
 * says TEST_SLOW=1 (sanitizers, emulation, a loaded machine). */
int deadline_factor(void);

/* Milliseconds of a clock that only goes forward. */
int64_t clock_now(void);

/* A point in time, `milliseconds` times the factor from now. */
int64_t deadline_in(int milliseconds);

/* Sleeps a few milliseconds; false, at once, when the deadline has passed. For loops
 * of the form `while (!condition && deadline_pause(deadline))`. */
bool deadline_pause(int64_t deadline);
