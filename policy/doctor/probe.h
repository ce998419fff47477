/* SPDX-License-Identifier: BSD-2-Clause */
/* probe - asks a running milter as an MTA would */
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
 * when the milter is not there or speaks otherwise.
 */
enum error probe_milter(const struct endpoint *at, const struct submission *s,
    struct probe *out, struct error_text *why) MUST_USE;
