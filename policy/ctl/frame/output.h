/* SPDX-License-Identifier: BSD-2-Clause */
/* output - tables for people and JSON for programs, on a stream */
#ifndef POLICY_CTL_FRAME_OUTPUT_H
#define POLICY_CTL_FRAME_OUTPUT_H

#include <stdio.h>

#include "policy/base/cidr.h"
#include "policy/base/json.h"
#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/tenant.h"

static inline void
json_object_start(struct json *j, const char *key)
{
	json_open(j, key, "{");
}

static inline void
json_object_end(struct json *j)
{
	json_close(j, "}");
}

static inline void
json_array_start(struct json *j, const char *key)
{
	json_open(j, key, "[");
}

static inline void
json_array_end(struct json *j)
{
	json_close(j, "]");
}

static inline void
json_number(struct json *j, const char *key, int64_t n)
{
	char buf[24];

	snprintf(buf, sizeof buf, "%lld", (long long)n);
	json_literal(j, key, buf);
}

static inline void
json_bool(struct json *j, const char *key, bool b)
{
	json_literal(j, key, b ? "true" : "false");
}

static inline void
json_none(struct json *j, const char *key)
{
	json_literal(j, key, "null");
}

#define LISTING_COLUMNS_MAX 12

/* Rows that are kept back to find out how wide the columns are. */
#define LISTING_ROWS_AHEAD 200

/*
 * S as text_typed() escapes it, for people: S itself where nothing has to be escaped,
 * else *MADE_R, which is for free() in any case.
 */
const char *escaped(const char *s, char **made_r);

/*
 * A line for people, with a newline at its end. Whatever the values in it hold is
 * escaped as text_typed() does it.
 */
void show_line(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * A list whose columns align. Cells are copied, and escaped as text_typed() does it.
 * The first rows decide the widths; later ones are printed as they come, so that a list
 * of millions starts at once and needs no memory.
 */
struct listing {
	FILE *out;
	unsigned columns;
	unsigned rows;
	unsigned width[LISTING_COLUMNS_MAX];
	char *(*ahead)[LISTING_COLUMNS_MAX]; /* the heading, then the rows */
	bool streaming;
};

/* HEADINGS are COLUMNS strings. */
void listing_start(
    struct listing *t, FILE *out, unsigned columns, const char *const *headings);
void listing_row(struct listing *t, const char *const *cells);
/* A row whose cells may be printed as they are. */
void listing_row_plain(struct listing *t, const char *const *cells);
/* Prints what is kept back and frees it. Without rows nothing is printed. */
void listing_end(struct listing *t);

/* JSON that goes to OUT; json_line_end() ends the line of one object. */
void json_to_stream(struct json *j, FILE *out);
void json_line_end(struct json *j, FILE *out);

/* Members that several objects share. */
void json_networks(struct json *j, const char *key, const struct cidr_list *list);
void json_lock(struct json *j, const char *key, const struct lock_state *lock);

/* A line "key value" of a list of properties, escaped; nothing for "". */
void property(FILE *out, const char *key, const char *value);
void property_time(FILE *out, const char *key, instant t);

void json_tenant_members(
    struct json *j, const struct tenant *t, const struct lock_state *lock);
void json_mailbox_members(
    struct json *j, const struct mailbox *m, const struct lock_state *lock);
void json_lock_members(struct json *j, const struct lock *lock);

#endif
