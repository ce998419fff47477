/* SPDX-License-Identifier: BSD-2-Clause */
/* transaction - from what the MTA says at MAIL FROM to the reply and the log line */
#ifndef MILTER_TRANSACTION_H
#define MILTER_TRANSACTION_H

#include "policy/config/config.h"
#include "policy/decision/reply.h"
#include "policy/live/live_store.h"

/* Knows nothing of libmilter. */

/* The MTA's macros and the sender; never NULL, "" for what was not sent. */
struct transaction {
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
struct decision transaction_decide(
    const struct decider *decider, const struct transaction *t, struct reply *reply_r);

#endif
