/* SPDX-License-Identifier: BSD-2-Clause */
/* output - tables for people and JSON for programs, on a stream */
#include "policy/ctl/frame/output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"

#define OUT_OF_MEMORY "(out of memory)" /* in place of a text: never silently none */

/* is_plain - whether S may be printed as it is, as nearly every text */
static bool
is_plain(const char *s)
{
	while (*s >= ' ' && *s <= '~' && (s[0] != '\\' || s[1] != 'x'))
		s++;
	return *s == '\0';
}

const char *
escaped(const char *s, char **made_r)
{
	size_t n = strlen(s), cap = 4 * n + 1;
	struct text t;

	*made_r = NULL;
	if (is_plain(s))
		return s;
	*made_r = malloc(cap);
	if (*made_r == NULL)
		return OUT_OF_MEMORY;
	text_init(&t, *made_r, cap);
	text_typed(&t, s, n, n);
	return *made_r;
}

void
show_line(FILE *out, const char *fmt, ...)
{
	char *line = NULL, *made = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	va_end(ap);
	fprintf(out, "%s\n", escaped(line != NULL ? line : OUT_OF_MEMORY, &made));
	free(made);
	free(line);
}

/* columns_of - characters, which is near enough to columns of a terminal */
static unsigned
columns_of(const char *s)
{
	unsigned n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

static void
print_row(const struct listing *t, const char *const *cells)
{
	for (unsigned i = 0; i < t->columns; i++) {
		unsigned have = columns_of(cells[i]);

		fputs(cells[i], t->out);
		if (i + 1 < t->columns)
			fprintf(t->out, "%*s",
			    (int)(have < t->width[i] ? t->width[i] - have : 0) + 2, "");
	}
	fputc('\n', t->out);
}

/* flush - prints and frees the rows that were kept back */
static void
flush(struct listing *t)
{
	const char *cells[LISTING_COLUMNS_MAX];

	for (unsigned r = 0; r <= t->rows && t->rows > 0; r++) {
		for (unsigned i = 0; i < t->columns; i++)
			cells[i] = t->ahead[r][i] != NULL ? t->ahead[r][i] : "";
		print_row(t, cells);
	}
	for (unsigned r = 0; r <= t->rows; r++)
		for (unsigned i = 0; i < t->columns; i++)
			free(t->ahead[r][i]);
	free(t->ahead);
	t->streaming = true;
}

static void
keep(struct listing *t, unsigned row, const char *const *cells)
{
	for (unsigned i = 0; i < t->columns; i++) {
		unsigned have = columns_of(cells[i]);

		t->ahead[row][i] = strdup(cells[i]);
		if (have > t->width[i])
			t->width[i] = have;
	}
}

void
listing_start(
    struct listing *t, FILE *out, unsigned columns, const char *const *headings)
{
	memset(t, 0, sizeof *t);
	t->out = out;
	t->columns = columns;
	t->ahead = calloc(LISTING_ROWS_AHEAD + 1, sizeof *t->ahead);
	t->streaming = t->ahead == NULL;
	if (t->ahead != NULL)
		keep(t, 0, headings);
}

void
listing_row(struct listing *t, const char *const *cells)
{
	const char *shown[LISTING_COLUMNS_MAX];
	char *made[LISTING_COLUMNS_MAX] = {NULL};

	for (unsigned i = 0; i < LISTING_COLUMNS_MAX; i++)
		shown[i] = i < t->columns ? escaped(cells[i], &made[i]) : "";
	listing_row_plain(t, shown);
	for (unsigned i = 0; i < LISTING_COLUMNS_MAX; i++)
		free(made[i]);
}

void
listing_row_plain(struct listing *t, const char *const *cells)
{
	if (!t->streaming && t->rows == LISTING_ROWS_AHEAD)
		flush(t);
	if (t->streaming)
		print_row(t, cells);
	else
		keep(t, ++t->rows, cells);
}

void
listing_end(struct listing *t)
{
	if (!t->streaming)
		flush(t);
}

static void
put(void *arg, const char *s, size_t n)
{
	fwrite(s, 1, n, arg);
}

void
json_to_stream(struct json *j, FILE *out)
{
	json_start(j, put, out);
}

void
json_line_end(struct json *j, FILE *out)
{
	fputc('\n', out);
	j->comma = false;
}

void
json_networks(struct json *j, const char *key, const struct cidr_list *list)
{
	char buf[CIDR_TEXT_MAX];

	json_array_start(j, key);
	for (unsigned i = 0; i < list->count; i++)
		json_quoted(j, NULL, cidr_print(&list->net[i], buf));
	json_array_end(j);
}

void
json_lock(struct json *j, const char *key, const struct lock_state *lock)
{
	if (!lock->set) {
		json_none(j, key);
		return;
	}
	json_object_start(j, key);
	json_instant(j, "until", lock->until);
	json_object_end(j);
}

void
property(FILE *out, const char *key, const char *value)
{
	if (*value != '\0')
		show_line(out, "%-16s %s", key, value);
}

void
property_time(FILE *out, const char *key, instant t)
{
	char buf[INSTANT_TEXT_MAX];

	if (t != INSTANT_NONE)
		property(out, key, instant_print(t, buf));
}

void
json_tenant_members(
    struct json *j, const struct tenant *t, const struct lock_state *lock)
{
	json_quoted(j, "smtp_auth", word_of_smtp_auth(t->smtp_auth));
	json_quoted(j, "action", word_of_action(t->action));
	json_quoted(j, "blocks", word_of_blocks(t->blocks));
	json_instant(j, "enforce_from", t->enforce_from);
	json_instant(j, "tempfail_until", t->tempfail_until);
	if (lock != NULL)
		json_lock(j, "lock", lock);
	json_text(j, "contact", t->contact);
	json_text(j, "reply", t->reply);
	json_text(j, "note", t->note);
}

void
json_mailbox_members(
    struct json *j, const struct mailbox *m, const struct lock_state *lock)
{
	json_quoted(j, "smtp_auth", word_of_smtp_auth(m->smtp_auth));
	json_instant(j, "until", m->until);
	json_networks(j, "clients", &m->clients);
	if (lock != NULL)
		json_lock(j, "lock", lock);
	json_text(j, "note", m->note);
}

void
json_lock_members(struct json *j, const struct lock *lock)
{
	json_instant(j, "until", lock->until);
	json_text(j, "note", lock->note);
	json_text(j, "who", lock->who);
	json_instant(j, "when", lock->when);
}
