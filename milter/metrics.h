/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics - counts decisions, and writes what is known as Prometheus text */
#ifndef MILTER_METRICS_H
#define MILTER_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "milter/usage_writer.h"
#include "policy/base/instant.h"
#include "policy/decision/decision.h"
#include "policy/live/live_store.h"
#include "policy/usage/heartbeat.h"

/*
 * Recording. The counters are those of the process: they start at 0, only grow, and
 * 64 bits do not overflow. Thread-safe, without a lock, an allocation or a system call
 * (the clock is read in user space). Each thread counts in one of 16 parts, so that
 * processors seldom wait for each other; what is read is their sum.
 */

/* A decision begins. Returns the time, in nanoseconds, for metrics_end(). */
int64_t metrics_begin(void);

/* It is not made after all. On the thread that has begun it, as metrics_end(). */
void metrics_cancel(void);

/*
 * It has ended as D. One that is not authenticated (VERDICT_PASS) is counted apart and
 * not timed: it asks nothing of the database.
 */
void metrics_end(int64_t begin, const struct decision *d);

/* How many decisions have begun and not ended; and how many have ended. */
int64_t metrics_in_progress(void);
uint64_t metrics_ended(void);

/* The sums of what was counted, but for those of usage. */
void metrics_totals(struct heartbeat_counters *out_r);

/* What is not counted here, but known when the text is written. */
struct metrics_facts {
	const char *daemon; /* the label of every series */
	instant started;
	int64_t now_ms;    /* milliseconds since 1970 */
	unsigned interval; /* seconds to the next writing */
	struct live_store_report policy;
	struct usage_writer_report usage;
	uint64_t log_lost;
	long files, files_max; /* descriptors; less than 0: not known */
};

/* Prints the text exposition format 0.0.4; seconds and bytes are the units. */
void metrics_print(FILE *to, const struct metrics_facts *facts);

#endif
