/* SPDX-License-Identifier: BSD-2-Clause */
/* findings - mistakes found on this machine, and their remedies */
#include "policy/doctor/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
finding_clear(struct finding *f)
{
	free(f->where);
	free(f->text);
	free(f->fix);
}

/* has_place - whether WHERE is one of the places of the finding */
static bool
has_place(const struct finding *f, const char *where)
{
	size_t n = strlen(where);

	for (const char *at = f->where; at[0] != '\0'; at += strspn(at, ", ")) {
		size_t len = strcspn(at, ",");

		if (len == n && memcmp(at, where, n) == 0)
			return true;
		at += len;
	}
	return n == 0;
}

/* findings_join - whether the finding is there, at another place; it is there now */
static bool
findings_join(
    struct findings *list, const char *id, const char *where, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		struct finding *f = &list->item[i];
		char *both;

		if (strcmp(f->id, id) != 0 || strcmp(f->text, text) != 0)
			continue;
		list->last = i;
		list->joined = true;
		if (has_place(f, where))
			return true;
		if (asprintf(&both, "%s, %s", f->where, where) < 0) {
			list->failed = true;
			return true;
		}
		free(f->where);
		f->where = both;
		return true;
	}
	return false;
}

/* findings_append - a new one; false without memory */
static bool
findings_append(
    struct findings *list, const char *id, const char *where, const char *text)
{
	struct finding *f = reallocarray(list->item, list->count + 1, sizeof *f);

	if (f == NULL)
		return false;
	list->item = f;
	f += list->count;
	*f = (struct finding){
	    .id = id, .where = strdup(where), .text = strdup(text), .fix = strdup("")};
	if (f->text == NULL || f->where == NULL || f->fix == NULL) {
		finding_clear(f);
		return false;
	}
	list->last = list->count++;
	list->joined = false;
	return true;
}

void
findings_add(
    struct findings *list, const char *id, const char *where, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		list->failed = true;
		return;
	}
	if (!findings_join(list, id, where, text) &&
	    !findings_append(list, id, where, text))
		list->failed = true;
	free(text);
}

/* step_length - up to the next "; " that is not in quotes */
static size_t
step_length(const char *s)
{
	bool quoted = false;
	size_t n = 0;

	for (; s[n] != '\0' && (quoted || strncmp(s + n, "; ", 2) != 0); n++)
		quoted ^= s[n] == '\'';
	return n;
}

/* step_place - where in FIX the step belongs, FIX's length for its end; -1: it is there
 */
static ssize_t
step_place(const char *fix, const char *step, size_t n)
{
	static const char reload[] = "postfix reload";
	size_t head = strcspn(step, "'"), len;
	ssize_t after = -1, before = -1, at = 0;

	for (; fix[at] != '\0'; at += (ssize_t)len) {
		len = step_length(fix + at);
		if (len == n && memcmp(fix + at, step, n) == 0)
			return -1;
		if (head < n && len > head && memcmp(fix + at, step, head + 1) == 0)
			after = at + (ssize_t)len;
		if (len == sizeof reload - 1 && memcmp(fix + at, reload, len) == 0)
			before = at;
		len += fix[at + (ssize_t)len] == ';' ? 2 : 0;
	}
	return after >= 0 ? after : before >= 0 ? before : at;
}

/* steps_joined - FIX and the steps of MORE that it does not have; NULL without memory
 */
static char *
steps_joined(const char *fix, const char *more)
{
	char *out = strdup(fix), *grown;

	for (size_t n; out != NULL && *more != '\0'; more += n) {
		ssize_t at;

		n = step_length(more);
		at = step_place(out, more, n);
		if (at >= 0) {
			bool end = out[at] == ';' || out[at] == '\0';

			if (asprintf(&grown, "%.*s%s%.*s%s%s", (int)at, out,
				end ? "; " : "", (int)n, more, end ? "" : "; ",
				out + at) < 0)
				grown = NULL;
			free(out);
			out = grown;
		}
		n += more[n] == ';' ? 2 : 0;
	}
	return out;
}

void
findings_fix(struct findings *list, const char *fmt, ...)
{
	struct finding *f;
	char *fix, *joined;
	va_list ap;

	if (list->failed || list->count == 0)
		return;
	f = &list->item[list->last];
	va_start(ap, fmt);
	list->failed = vasprintf(&fix, fmt, ap) < 0;
	va_end(ap);
	if (list->failed)
		return;
	if (list->joined && f->fix[0] != '\0') {
		joined = steps_joined(f->fix, fix);
		free(fix);
		fix = joined;
	}
	list->failed = fix == NULL;
	if (list->failed)
		return;
	free(f->fix);
	f->fix = fix;
}

void
findings_drop(struct findings *list, size_t number)
{
	finding_clear(&list->item[number]);
	list->count--;
	memmove(&list->item[number], &list->item[number + 1],
	    (list->count - number) * sizeof *list->item);
}

void
findings_free(struct findings *list)
{
	while (list->count > 0)
		findings_drop(list, list->count - 1);
	free(list->item);
	*list = (struct findings){0};
}
