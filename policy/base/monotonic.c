/* SPDX-License-Identifier: BSD-2-Clause */
/* monotonic - a clock that nobody sets, for time limits */
#include "policy/base/monotonic.h"

#include <time.h>

int64_t
monotonic_ms(void)
{
	return monotonic_ns() / 1000000;
}

int64_t
monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
