/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_merge - the usage of several machines as one */
#include "policy/usage/usage_merge.h"

#include <stdlib.h>
#include <string.h>

#include "policy/usage/auth_denied.h"
#include "policy/usage/usage_key.h"

/* A source and the login it stands at. */
struct source {
	struct usage_file_reader *reader;
	struct usage_row row;
	bool started, ended;
};

struct usage_merge {
	bool show_auth_denied;
	size_t n;
	struct source source[USAGE_MERGE_SOURCES_MAX];
	struct usage_day day[USAGE_DAYS_MAX], before[USAGE_DAYS_MAX];
	struct auth_denied denied;
};

struct usage_merge *
usage_merge_new(void)
{
	return calloc(1, sizeof(struct usage_merge));
}

void
usage_merge_free(struct usage_merge **merge)
{
	if (*merge == NULL)
		return;
	for (size_t i = 0; i < (*merge)->n; i++)
		usage_file_reader_close(&(*merge)->source[i].reader);
	free(*merge);
	*merge = NULL;
}

/* replace - of two sources of one machine, the later stays */
static void
replace(struct source *s, struct usage_file_reader *reader, const char **left_out_r)
{
	const struct recording_host *have = usage_file_reader_host(s->reader);
	const struct recording_host *other = usage_file_reader_host(reader);

	if (other->until > have->until) {
		struct usage_file_reader *old = s->reader;

		s->reader = reader;
		reader = old;
	}
	*left_out_r = usage_file_reader_name(reader);
	usage_file_reader_close(&reader);
}

enum error
usage_merge_add(struct usage_merge *merge, struct usage_file_reader *reader,
    const char **left_out_r)
{
	*left_out_r = NULL;
	for (size_t i = 0; i < merge->n; i++)
		if (recording_host_same(usage_file_reader_host(merge->source[i].reader),
			usage_file_reader_host(reader))) {
			replace(&merge->source[i], reader, left_out_r);
			return OK;
		}
	if (merge->n == USAGE_MERGE_SOURCES_MAX)
		return ERR_LIMIT;
	merge->source[merge->n++].reader = reader;
	return OK;
}

void
usage_merge_show_auth_denied(struct usage_merge *merge)
{
	merge->show_auth_denied = true;
}

struct usage_coverage
usage_merge_coverage(const struct usage_merge *merge)
{
	struct usage_coverage c = {0, INSTANT_NONE, INSTANT_NONE, 0, INSTANT_NONE};

	for (size_t i = 0; i < merge->n; i++) {
		const struct recording_host *n =
		    usage_file_reader_host(merge->source[i].reader);

		c.hosts++;
		c.since = usage_later(c.since, n->since);
		c.until = usage_earlier(c.until, n->until);
		c.dropped += n->dropped;
		c.last_dropped = usage_later(c.last_dropped, n->last_dropped);
	}
	return c;
}

static enum error
advance(struct source *s, struct error_text *why)
{
	bool found;
	enum error e = usage_file_reader_next(s->reader, &s->row, &found, why);

	s->started = true;
	s->ended = !found;
	return e;
}

/* least - the source with the first login, or NULL when all have ended */
static struct source *
least(struct usage_merge *merge)
{
	struct source *first = NULL;

	for (size_t i = 0; i < merge->n; i++) {
		struct source *s = &merge->source[i];

		if (!s->ended &&
		    (first == NULL ||
			usage_key_order(&s->row.login, &first->row.login) < 0))
			first = s;
	}
	return first;
}

/* add_days - two lists in order into one; those past the limit are the oldest */
static size_t
add_days(struct usage_merge *merge, size_t n, const struct usage_row *from)
{
	size_t i = n, j = from->days, out = USAGE_DAYS_MAX;

	memcpy(merge->before, merge->day, n * sizeof *merge->day);
	while ((i > 0 || j > 0) && out > 0) {
		struct usage_day *day = &merge->day[--out];

		if (j == 0 ||
		    (i > 0 && merge->before[i - 1].day > from->day[j - 1].day)) {
			*day = merge->before[--i];
			continue;
		}
		*day = from->day[--j];
		if (i > 0 && merge->before[i - 1].day == day->day)
			usage_day_add(day, &merge->before[--i]);
	}
	memmove(
	    merge->day, merge->day + out, (USAGE_DAYS_MAX - out) * sizeof *merge->day);
	return USAGE_DAYS_MAX - out;
}

static void
add_auth_denied(
    struct usage_merge *merge, const struct auth_denied *from, struct usage_row *row)
{
	if (from == NULL)
		return;
	auth_denied_add(&merge->denied, from);
	row->auth_denied = &merge->denied;
}

/* next - the next login of all, also one without usage */
static enum error
next(struct usage_merge *merge, struct usage_row *row_r, bool *found_r,
    struct error_text *why)
{
	const struct source *first = least(merge);
	enum error e = OK;

	*found_r = first != NULL;
	if (first == NULL)
		return OK;
	row_r->login = first->row.login;
	row_r->days = 0;
	row_r->day = merge->day;
	row_r->auth_denied = NULL;
	usage_init(&row_r->usage);
	auth_denied_init(&merge->denied);
	for (size_t i = 0; i < merge->n && e == OK; i++) {
		struct source *s = &merge->source[i];

		if (s->ended || !login_equal(&s->row.login, &row_r->login))
			continue;
		usage_add(&row_r->usage, &s->row.usage);
		row_r->days = add_days(merge, row_r->days, &s->row);
		add_auth_denied(merge, s->row.auth_denied, row_r);
		e = advance(s, why);
	}
	return e;
}

enum error
usage_merge_next(struct usage_merge *merge, struct usage_row *row_r, bool *found_r,
    struct error_text *why)
{
	enum error e = OK;

	*found_r = false;
	for (size_t i = 0; i < merge->n && e == OK; i++)
		if (!merge->source[i].started)
			e = advance(&merge->source[i], why);
	if (e != OK)
		return e;
	do
		e = next(merge, row_r, found_r, why);
	while (e == OK && *found_r && !merge->show_auth_denied &&
	    !usage_row_is_used(row_r));
	return e;
}
