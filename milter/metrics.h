/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics - counts decisions, and writes what is known as Prometheus text */
#ifndef MILTER_METRICS_H
#define MILTER_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "milter/recorder.h"
#include "policy/decision.h"
#include "policy/heartbeat.h"
#include "policy/instant.h"
#include "policy/keeper.h"

/*
 * Recording. The counters are those of the process: they start at 0, only grow, and
 * 64 bits do not overflow. Thread-safe, without a lock, an allocation or a system call
 * (the clock is read in user space): two reads of CLOCK_MONOTONIC and five relaxed
 * atomic operations a decision, some 0.1 us.
 */

/* A decision begins. Returns the time, in nanoseconds, for metrics_end(). */
int64_t metrics_begin(void);

/*
 * It has ended as D. One that is not authenticated (VERDICT_PASS) is counted apart and
 * not timed: it asks nothing of the database.
 */
void metrics_end(int64_t begin, const struct decision *d);

/* The sums of what was counted, but for those of usage. */
void metrics_totals(struct heartbeat_counters *out_r);

/* What is not counted here, but known when the text is written. */
struct metrics_facts {
	const char *daemon; /* the label of every series */
	instant started;
	int64_t now_ms;    /* milliseconds since 1970 */
	unsigned interval; /* seconds to the next writing */
	struct keeper_report policy;
	struct recorder_report usage;
	uint64_t log_lost;
	long files, files_max; /* descriptors; less than 0: not known */
};

/* Prints the text exposition format 0.0.4; seconds and bytes are the units. */
void metrics_print(FILE *to, const struct metrics_facts *facts);

#endif
