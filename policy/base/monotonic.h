/* SPDX-License-Identifier: BSD-2-Clause */
/* monotonic - a clock that nobody sets, for time limits */
#pragma once

#include <stdint.h>

/* Milliseconds since some point in the past. Thread-safe. */
int64_t monotonic_ms(void);

/* The same in nanoseconds, to measure with. */
int64_t monotonic_ns(void);
