/* SPDX-License-Identifier: BSD-2-Clause */
/* decision_log - the log line of a decision */
#pragma once

#include "policy/decision/submission.h"

struct decision_log_entry {
	const char *id;
	const struct submission *submission;
	const struct outcome *outcome;
	const char *sender; /* of MAIL FROM, as it came; NULL: there is none */
	const char *door;   /* which daemon was asked; NULL: the milter */
	const char *answer; /* what it answered; NULL: what the verdict says */
};

/*
 * Logs the line; one that allows only if ALLOWED is set, or if it does so for a store
 * error. Thread-safe, no allocation.
 */
void decision_log_write(const struct decision_log_entry *l, bool allowed);
