/* SPDX-License-Identifier: BSD-2-Clause */
/* findings - what is wrong at a site, and what to do about it */
#include "policy/doctor/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
clear(struct finding *f)
{
	free(f->where);
	free(f->text);
	free(f->fix);
}

void
findings_add(
    struct findings *list, const char *id, const char *where, const char *fmt, ...)
{
	struct finding *grown =
	    realloc(list->item, (list->count + 1) * sizeof *list->item);
	struct finding *f;
	va_list ap;
	int n;

	if (grown == NULL) {
		list->failed = true;
		return;
	}
	list->item = grown;
	f = &grown[list->count];
	*f = (struct finding){.id = id, .where = strdup(where), .fix = strdup("")};
	va_start(ap, fmt);
	n = vasprintf(&f->text, fmt, ap);
	va_end(ap);
	if (n < 0)
		f->text = NULL; /* the C library leaves it open */
	if (f->text == NULL || f->where == NULL || f->fix == NULL) {
		clear(f);
		list->failed = true;
		return;
	}
	list->count++;
}

void
findings_fix(struct findings *list, const char *fmt, ...)
{
	struct finding *f;
	char *fix;
	va_list ap;
	int n;

	if (list->failed || list->count == 0)
		return;
	f = &list->item[list->count - 1];
	va_start(ap, fmt);
	n = vasprintf(&fix, fmt, ap);
	va_end(ap);
	if (n < 0) {
		list->failed = true;
		return;
	}
	free(f->fix);
	f->fix = fix;
}

void
findings_drop(struct findings *list, size_t number)
{
	clear(&list->item[number]);
	list->count--;
	memmove(&list->item[number], &list->item[number + 1],
	    (list->count - number) * sizeof *list->item);
}

void
findings_free(struct findings *list)
{
	for (size_t i = 0; i < list->count; i++)
		clear(&list->item[i]);
	free(list->item);
	*list = (struct findings){0};
}
