/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_merge - the usage of several machines as one */
#pragma once

#include "policy/usage/usage_file.h"

#define USAGE_MERGE_SOURCES_MAX 256

struct usage_merge;

/* What the records of all machines together cover. */
struct usage_coverage {
	unsigned hosts;
	instant since; /* all of them record from then on; INSTANT_NONE without any */
	instant until; /* and all of them up to then */
	uint64_t dropped; /* submissions that could not be counted, ever */
	instant last_dropped;
};

struct usage_merge *usage_merge_new(void);

/* Frees it with its readers. */
void usage_merge_free(struct usage_merge **merge);

/*
 * Adds a source and takes it over. Of a machine that is there already, the older one
 * (by its last writing) is closed and left out; LEFT_OUT_R is its name, or NULL. Before
 * the first usage_merge_next(). ERR_LIMIT; then the reader is still the caller's.
 */
enum error usage_merge_add(struct usage_merge *merge, struct usage_file_reader *reader,
    const char **left_out_r) MUST_USE;

/*
 * From now on usage_merge_next() gives logins, too, that were refused at AUTH and have
 * no usage. Only for who shows them: they may be guessed names.
 */
void usage_merge_show_auth_denied(struct usage_merge *merge);

struct usage_coverage usage_merge_coverage(const struct usage_merge *merge);

/*
 * The next login in the order of keys that has usage, with what all machines know of
 * it; its days and refusals are valid until the next call. Not found: the end of all.
 * As usage_file_reader_next().
 */
enum error usage_merge_next(struct usage_merge *merge, struct usage_row *row_r,
    bool *found_r, struct error_text *why) MUST_USE;
