/* SPDX-License-Identifier: BSD-2-Clause */
/* asker.h - one milter connection that asks about one submission after the other. */
#pragma once

#include <stdint.h>

/* Times are of the monotonic clock, in nanoseconds. */
struct asker {
	int fd;        /* does not block */
	int64_t since; /* when the question that waits for its answer was due */
	unsigned have; /* bytes of the answer that have come */
	char answer[5];
};

/* Connects to SOCKET and negotiates as an MTA does, by blocking. Ends the program when
 * that fails. */
void asker_open(struct asker *asker, const char *socket);

/* Sends what Postfix sends for the next message of a session, in one write: the end of
 * the last one, the macros of MAIL with LOGIN, and MAIL. */
void asker_ask(struct asker *asker, const char *login, int64_t since);

/* Reads what has come: 1 for ACCEPT, 0 while the answer is not complete. Any other
 * answer ends the program. */
int asker_take(struct asker *asker);

int64_t asker_now(void);
