/* SPDX-License-Identifier: BSD-2-Clause */
/* probe - asks a running milter as an MTA would, and an SMTP service as a client */
#pragma once

#include "policy/config/endpoint.h"
#include "policy/decision/submission.h"

#define PROBE_TEXT_MAX 1023

/* The answer to MAIL FROM. */
struct probe {
	enum { PROBE_PASSES, PROBE_REPLIES, PROBE_REFUSES } kind;
	char reply[PROBE_TEXT_MAX + 1]; /* PROBE_REPLIES: "550 5.7.1 ..." */
};

/*
 * Opens a connection to the milter, negotiates, and sends one MAIL FROM with S's login,
 * client, listener and mechanism as macros, encoded as S's MTA does. Gives up when
 * nothing comes for 15 s: a decision may wait 10 s for a first scan. ERR_IO with WHY
 * when the milter is not there or speaks otherwise, ERR_PERMISSION when this user may
 * not connect.
 */
enum error probe_milter(const struct endpoint *at, const struct submission *s,
    struct probe *out, struct error_text *why) MUST_USE;

#define PROBE_LISTENER_S 5

/* No errno: it takes connections and does not answer as a milter. */
#define PROBE_NO_ANSWER (-1)

/*
 * Whether a milter answers there: 0, or the errno of the connection, or
 * PROBE_NO_ANSWER, after PROBE_LISTENER_S at the latest. A connection alone says
 * nothing: systemd holds the sockets of programs that do not run.
 */
int probe_listener(const struct endpoint *at) MUST_USE;

/* How long a greeting is waited for: Postfix looks up the client's name before it. */
#define PROBE_SERVICE_S 10

enum probe_service {
	PROBE_SERVICE_WELL, /* greeting, EHLO and AUTH; with TLS at once: an answer */
	PROBE_SERVICE_NO_AUTH, /* greeting and EHLO, and AUTH is not offered */
	PROBE_SERVICE_ABSENT,  /* nobody listens there */
	PROBE_SERVICE_CLOSED,  /* connected, and closed without a greeting */
	PROBE_SERVICE_SILENT,  /* connected, and no greeting within PROBE_SERVICE_S */
	PROBE_SERVICE_OTHER,   /* it speaks, but does not let us look */
};

/*
 * Connects, waits for a greeting, sends EHLO, looks for AUTH, and sends QUIT. With
 * TLS at once (smtpd_tls_wrappermode) the first message of a handshake is sent, and any
 * answer is enough. An address that cannot be reached, or is another machine's, is
 * PROBE_SERVICE_OTHER.
 */
enum probe_service probe_service(const struct endpoint *at, bool tls);
