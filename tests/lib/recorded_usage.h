/* SPDX-License-Identifier: BSD-2-Clause */
/* recorded_usage.h - the usage database of a state folder, in plain words. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { RECORDED_LOGIN = 512, RECORDED_ADDRESS = 64, RECORDED_MECHANISMS = 300 };
enum {
	RECORDED_ALLOWED,
	RECORDED_DENIED,
	RECORDED_WOULD_DENY,
	RECORDED_EXEMPT,
	RECORDED_KINDS
};

/* One login; times are seconds since 1970, 0 for never. */
struct recorded_login {
	char login[RECORDED_LOGIN];
	int64_t first_seen, last_seen, last_use, last_exempt;
	char client[RECORDED_ADDRESS]; /* "": none */
	const char *mechanism, *tls;   /* of the last time seen */
	char mechanisms[RECORDED_MECHANISMS];
	size_t days;
	uint64_t count[RECORDED_KINDS]; /* of all its days */
	uint64_t all;
};

/* Calls FN for each login. Returns how many submissions the machine's record says were
 * dropped. Fails the test when the database cannot be read. */
uint64_t recorded_usage_read(const char *dir,
    void (*fn)(void *arg, const struct recorded_login *row), void *arg);
