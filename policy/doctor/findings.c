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

void
findings_add(
    struct findings *list, const char *id, const char *where, const char *fmt, ...)
{
	struct finding *f = reallocarray(list->item, list->count + 1, sizeof *f);
	va_list ap;

	if (f == NULL) {
		list->failed = true;
		return;
	}
	list->item = f;
	f += list->count;
	*f = (struct finding){.id = id, .where = strdup(where), .fix = strdup("")};
	va_start(ap, fmt);
	if (vasprintf(&f->text, fmt, ap) < 0)
		f->text = NULL; /* the C library leaves it open */
	va_end(ap);
	if (f->text != NULL && f->where != NULL && f->fix != NULL) {
		list->count++;
		return;
	}
	finding_clear(f);
	list->failed = true;
}

void
findings_fix(struct findings *list, const char *fmt, ...)
{
	char *fix;
	va_list ap;

	if (list->failed || list->count == 0)
		return;
	va_start(ap, fmt);
	list->failed = vasprintf(&fix, fmt, ap) < 0;
	va_end(ap);
	if (list->failed)
		return;
	free(list->item[list->count - 1].fix);
	list->item[list->count - 1].fix = fix;
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
