/* SPDX-License-Identifier: BSD-2-Clause */
/* deadline.c - waiting for a condition, with a limit that slow runs can stretch. */
#include "tests/lib/deadline.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLOW_FACTOR = 5, PAUSE = 5 };

int
deadline_factor(void)
{
	const char *slow = getenv("TEST_SLOW");

	if (slow == NULL || *slow == '\0' || strcmp(slow, "0") == 0)
		return 1;
	return SLOW_FACTOR;
}

int64_t
clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
deadline_in(int milliseconds)
{
	return clock_now() + (int64_t)milliseconds * deadline_factor();
}

bool
deadline_pause(int64_t deadline)
{
	if (clock_now() >= deadline)
		return false;
	poll(NULL, 0, PAUSE);
	return true;
}
