/* SPDX-License-Identifier: BSD-2-Clause */
/* status_line - what `systemctl status` shows: what is enforced, then how it is */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/decision/enforcement.h"
#include "policy/live/live_store.h"

struct daemon;

struct status_line {
	pthread_mutex_t mutex; /* for all below */
	char enforced[ENFORCEMENT_TEXT_MAX];
	struct error_text event; /* the last one of the live store */
	bool good;               /* it was one of a policy that decides */
	char sent[ENFORCEMENT_TEXT_MAX + ERROR_TEXT_MAX + 4]; /* the last line */
	uint64_t commit; /* the policy that `enforced` is about */
	int64_t due;     /* no other counting before, in monotonic_ms() */
};

/* Before the live store and the reporter start. */
void status_line_start(struct daemon *d);

/* Sends the line with an event of the live store, on whose thread this is called. */
void status_line_event(struct daemon *d, const char *text);

/*
 * Sends it again if what is enforced has changed since: by a commit, or because a date
 * has come. For the reporter's thread, once a second; it counts the tenants after a
 * commit and once a minute, and spends a tenth of its time on that at most.
 */
void status_line_look(struct daemon *d);
