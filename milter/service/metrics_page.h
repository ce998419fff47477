/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics_page - a file of metrics for Prometheus, in the text format 0.0.4 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "policy/base/instant.h"
#include "policy/live/live_store.h"

#define METRICS_PAGE_LABEL_MAX 500

/* What a series is printed with. */
struct metrics_page {
	FILE *to;
	char label[METRICS_PAGE_LABEL_MAX + 1]; /* daemon="..." */
};

/* Starts a page on TO, every series of which gets the label daemon="NAME". */
void metrics_page_start(struct metrics_page *p, FILE *to, const char *name);

/* The head of the family smtpauth_NAME, before its series. */
void metrics_page_head(
    struct metrics_page *p, const char *name, const char *type, const char *help);

/* One series; MORE is further labels, ",name=\"value\"", "}" and the value. */
void metrics_page_sample(struct metrics_page *p, const char *name, const char *more,
    ...) __attribute__((format(printf, 3, 4)));

/* A family of one series; seconds is a gauge from milliseconds. */
void metrics_page_gauge(
    struct metrics_page *p, const char *name, int64_t value, const char *help);
void metrics_page_counter(
    struct metrics_page *p, const char *name, uint64_t value, const char *help);
void metrics_page_seconds(
    struct metrics_page *p, const char *name, int64_t ms, const char *help);

/* What every daemon says of its process. */
struct metrics_page_facts {
	instant started;
	unsigned interval; /* seconds to the next writing */
	uint64_t log_lost;
	int64_t now_ms;        /* milliseconds since 1970 */
	long files, files_max; /* descriptors; less than 0: not known */
};

/* Fills in `now_ms` and the descriptors. */
void metrics_page_measure(struct metrics_page_facts *f);

void metrics_page_policy(struct metrics_page *p, const struct live_store_report *k);
void metrics_page_process(struct metrics_page *p, const struct metrics_page_facts *f);

/*
 * Writes PATH.tmp, with mode 0644, by PRINT, and renames it to PATH, so that PATH is
 * always complete. Its base name without ".prom" is the label. As error_from_errno(),
 * with WHY.
 */
typedef void metrics_page_printer(void *arg, struct metrics_page *p);
enum error metrics_page_write(const char *path, metrics_page_printer *print, void *arg,
    struct error_text *why) MUST_USE;
