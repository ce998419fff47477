/* SPDX-License-Identifier: BSD-2-Clause */
/* ledger.h - the usage database of a state folder, in plain words. */
#ifndef TESTS_LIB_LEDGER_H
#define TESTS_LIB_LEDGER_H

#include <stddef.h>
#include <stdint.h>

enum { LEDGER_LOGIN = 512, LEDGER_ADDRESS = 64, LEDGER_MECHANISMS = 300 };
enum { LEDGER_ALLOWED, LEDGER_DENIED, LEDGER_WOULD_DENY, LEDGER_EXEMPT, LEDGER_KINDS };

/* One login; times are seconds since 1970, 0 for never. */
struct ledger_row {
	char login[LEDGER_LOGIN];
	int64_t first_seen, last_seen, last_use, last_exempt;
	char client[LEDGER_ADDRESS]; /* "": none */
	const char *mechanism, *tls; /* of the last time seen */
	char mechanisms[LEDGER_MECHANISMS];
	size_t days;
	uint64_t count[LEDGER_KINDS]; /* of all its days */
	uint64_t all;
};

/* Calls FN for each login. Returns how many submissions the machine's record says were
 * dropped. Fails the test when the database cannot be read. */
uint64_t ledger_read(
    const char *dir, void (*fn)(void *arg, const struct ledger_row *row), void *arg);

#endif
