/* SPDX-License-Identifier: BSD-2-Clause */
/* decision_line - the line of the log that the daemon wrote about a decision */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/instant.h"

/* The length of an id, and which characters it has: see milter/service/id.h. */
#define DECISION_ID_LENGTH 10

/* Longer lines are none of ours, and values are shorter: see milter/service/log.c. */
#define DECISION_LINE_MAX 7600
#define DECISION_VALUE_MAX 600

/* A value of the line as it was before it was escaped. */
struct decision_value {
	size_t len;
	bool cut; /* the daemon has left out its end: it is no whole value */
	char at[DECISION_VALUE_MAX + 1];
};

struct decision_line {
	instant when; /* INSTANT_NONE: the line does not say it */
	char id[DECISION_ID_LENGTH + 1];
	struct decision_value verdict, reason, login, mailbox, tenant, client,
	    mechanism, listener, sender, door;
};

/* Whether S has the form of an id. */
bool decision_line_is_id(const char *s);

/*
 * Whether LINE is that of the decision ID; then OUT_R is what it says. LINE is as
 * syslog, the journal (-o short, short-iso, short-unix, cat) or the daemon itself
 * writes it, "key=value" or JSON. Where a program's name stands in front it is the
 * daemon's: what another program logs, which may be what a client sent, is no decision.
 * A time without a year is the last one before NOW, in the time zone of the process.
 */
bool decision_line_read(
    struct decision_line *out_r, const char *line, const char *id, instant now);
