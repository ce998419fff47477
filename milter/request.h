/* SPDX-License-Identifier: BSD-2-Clause */
/* request - one MAIL FROM: decide, reply, count, log. Knows nothing of libmilter. */
#pragma once

#include "milter/service/id.h"
#include "policy/decision/reply.h"
#include "policy/decision/submission.h"

struct daemon;

/* What the MTA sends; "" for what it does not send. */
struct request {
	struct submission submission; /* login, client, listener and mechanism */
	const char *version;          /* macro v */
	const char *tls;              /* {tls_version} */
	const char *sender;           /* of MAIL FROM, in angle brackets as it came */
	char id[ID_LENGTH + 1];
};

/*
 * Decides, fills in the rest of R (id, time, MTA) and REPLY_R, whose code is "" for a
 * verdict that passes, counts and logs. Any doubt ends in on-error. Thread-safe.
 */
struct decision request_decide(
    struct daemon *d, struct request *r, struct reply *reply_r);
