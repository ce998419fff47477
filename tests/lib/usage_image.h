/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_image.h - usage files in memory, for tests. */
#pragma once

#include "policy/usage/recording_host.h"
#include "policy/usage/usage.h"
#include "tests/lib/state.h"

#include <stddef.h>
#include <stdint.h>

/* A stream; `at` is for free(). */
struct usage_image {
	char *at;
	size_t n;
};

/*
 * What a login ("": usage_others()) did on a day; an odd count comes from a client.
 * With a '!' before the login: how often AUTH refused it.
 */
struct usage_sample {
	const char *login;
	uint32_t day, count;
};

/* The stream of a database with these samples and this host, or fails the test. */
struct usage_image usage_image_make(
    const struct usage_sample *samples, size_t n, const struct recording_host *host);

/* Makes an empty state folder, and opens a new usage database in it for writing. */
struct db *usage_image_open(struct state *state);

/* Use that was seen once; "" is no client. */
struct usage usage_image_seen(instant t, const char *client, const char *mechanism);

/* A machine with a random number. */
struct recording_host recording_host_make(
    const char *name, instant since, instant until);
