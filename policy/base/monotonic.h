/* SPDX-License-Identifier: BSD-2-Clause */
/* monotonic - a clock that nobody sets, for time limits */
#ifndef POLICY_BASE_MONOTONIC_H
#define POLICY_BASE_MONOTONIC_H

#include <stdint.h>

/* Milliseconds since some point in the past. Thread-safe. */
int64_t monotonic_ms(void);

#endif
