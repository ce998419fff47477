/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics - counts decisions, and writes a file of metrics for Prometheus */
#pragma once

#include <stdint.h>

#include "milter/service/metrics_page.h"
#include "milter/usage_writer.h"
#include "policy/base/instant.h"
#include "policy/decision/decision.h"
#include "policy/live/live_store.h"
#include "policy/usage/heartbeat.h"

#define METRICS_VERDICTS (VERDICT_REJECT + 1)
#define METRICS_REASONS (REASON_STORE_ERROR + 1)
#define METRICS_BUCKETS 23

/* Counters since the start of the process. Counting is thread-safe and lock-free. */
struct metrics {
	_Atomic int64_t in_progress;
	_Atomic uint64_t decisions[METRICS_VERDICTS][METRICS_REASONS];
	_Atomic uint64_t bucket[METRICS_BUCKETS];
	_Atomic uint64_t nanoseconds;
};

/* Notes that a decision begins; returns the time, in nanoseconds, for metrics_end(). */
int64_t metrics_begin(struct metrics *m);

/* Notes that it has ended as D; VERDICT_PASS is counted apart and not timed. */
void metrics_end(struct metrics *m, int64_t begin, const struct decision *d);

/* The number of decisions that have ended. */
uint64_t metrics_ended(const struct metrics *m);

/* Fills in the sums, except for those of usage. */
void metrics_totals(const struct metrics *m, struct heartbeat_counters *out_r);

/* What is not counted here. */
struct metrics_facts {
	struct live_store_report policy;
	struct usage_report usage;
	struct metrics_page_facts process;
};

/* Prints all on a page. */
void metrics_print(
    struct metrics_page *p, const struct metrics *m, const struct metrics_facts *facts);

/* Writes the file PATH, as metrics_page_write(). */
enum error metrics_write(const char *path, const struct metrics *m,
    struct metrics_facts *facts, struct error_text *why) MUST_USE;
