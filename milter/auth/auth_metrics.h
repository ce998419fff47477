/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_metrics - counts answers at AUTH, and writes a file of metrics for Prometheus */
#pragma once

#include <stdint.h>

#include "milter/auth/auth_denials.h"
#include "milter/service/metrics_page.h"
#include "policy/decision/decision.h"

#define AUTH_METRICS_VERDICTS (VERDICT_REJECT + 1)
#define AUTH_METRICS_REASONS (REASON_STORE_ERROR + 1)

/* Counters since the start of the process. Counting is thread-safe and lock-free. */
struct auth_metrics {
	_Atomic int64_t in_progress;
	_Atomic uint64_t decisions[AUTH_METRICS_VERDICTS][AUTH_METRICS_REASONS];
	_Atomic uint64_t refused; /* of these */
	_Atomic uint64_t nanoseconds;
	_Atomic uint64_t unauthorized; /* requests without the key */
	_Atomic uint64_t bad_requests;
	_Atomic int64_t connections;
	_Atomic uint64_t dropped; /* connections that had to make room, or were late */
};

/* Notes that a decision begins; returns the time, in nanoseconds, for the end. */
int64_t auth_metrics_begin(struct auth_metrics *m);

/* Notes that it has ended as D, and whether the login was refused. */
void auth_metrics_end(
    struct auth_metrics *m, int64_t begin, const struct decision *d, bool refused);

/* The number of decisions that have ended. */
uint64_t auth_metrics_ended(const struct auth_metrics *m);

/* What is not counted here. */
struct auth_metrics_facts {
	struct live_store_report policy;
	struct auth_denials_report denials;
	struct metrics_page_facts process;
};

void auth_metrics_print(struct metrics_page *p, const struct auth_metrics *m,
    const struct auth_metrics_facts *facts);

/* Writes the file PATH, as metrics_page_write(). */
enum error auth_metrics_write(const char *path, const struct auth_metrics *m,
    struct auth_metrics_facts *facts, struct error_text *why) MUST_USE;
