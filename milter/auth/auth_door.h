/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_door - one question at AUTH: decide, answer, count, log */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "milter/auth/auth_denials.h"
#include "milter/auth/auth_metrics.h"
#include "policy/config/config.h"
#include "policy/live/live_store.h"

/* What an answer is made of. Its members are others', and constant. */
struct auth_door {
	const struct config *config;
	struct live_store *store;
	struct auth_denials *denials;
	struct auth_metrics *metrics;
};

#define AUTH_DOOR_ANSWER_MAX 1600 /* bytes, with the NUL */

/*
 * Answers the N bytes BODY, a JSON object (NULL: it was too long), with another, of
 * Dovecot's auth policy protocol: `status` is -1 to refuse, with `msg` for the client,
 * or 0 to go on to the password. What cannot be read is an invalid login. 0 is answered
 * to what only the milter can tell or say: a tempfail, a decision that needs a client
 * or listener which is not known, a policy that is being scanned. A question
 * of doctor's (PROBE) is neither counted nor logged. ANSWER has AUTH_DOOR_ANSWER_MAX
 * bytes.
 */
void auth_door_ask(
    struct auth_door *d, const char *body, size_t n, bool probe, char *answer);
