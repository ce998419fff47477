/* SPDX-License-Identifier: BSD-2-Clause */
/* request - from what the MTA says at MAIL FROM to the reply and the log line */
#ifndef MILTER_REQUEST_H
#define MILTER_REQUEST_H

#include "policy/config/config.h"
#include "policy/decision/reply.h"
#include "policy/live/live_store.h"

/* Knows nothing of libmilter. */

/* The MTA's macros and the sender; never NULL, "" for what was not sent. */
struct request {
	const char *login;     /* {auth_authen}; "": not authenticated */
	const char *mechanism; /* {auth_type} */
	const char *client;    /* {client_addr} */
	const char *listener;  /* {daemon_name} */
	const char *version;   /* v */
	const char *tls;       /* {tls_version} */
	const char *sender;    /* of MAIL FROM, in angle brackets as it came */
};

/* What decides: both are shared by all threads and only read. */
struct decider {
	const struct config *config;
	struct live_store *keeper;
};

/*
 * Decides, writes the log line, counts usage, and fills REPLY_R; its code is "" for a
 * verdict that passes. Any doubt ends in the configured on-error. Thread-safe.
 */
struct decision request_decide(
    const struct decider *decider, const struct request *t, struct reply *reply_r);

#endif
