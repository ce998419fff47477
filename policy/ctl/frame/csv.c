/* SPDX-License-Identifier: BSD-2-Clause */
/* csv - rows of comma-separated values (RFC 4180), on a stream */
#include "policy/ctl/frame/csv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/frame/output.h"

/* begin - a field */
static void
begin(struct csv *row)
{
	if (row->comma)
		putc(',', row->out);
	row->comma = true;
}

/* put - PREFIX (may be "") and S as one field */
static void
put(struct csv *row, const char *prefix, const char *s)
{
	bool quote = strpbrk(s, ",\"\r\n") != NULL || *s == ' ';

	begin(row);
	if (quote)
		putc('"', row->out);
	fputs(prefix, row->out);
	for (; *s != '\0'; s++) {
		if (*s == '"')
			putc('"', row->out);
		putc(*s, row->out);
	}
	if (quote)
		putc('"', row->out);
}

void
csv_text(struct csv *row, const char *s)
{
	put(row, "", s);
}

void
csv_name(struct csv *row, const char *s)
{
	char *made;

	s = escaped(s, &made);
	put(row, *s != '\0' && strchr("=+-@'", *s) != NULL ? "'" : "", s);
	free(made);
}

void
csv_number(struct csv *row, uint64_t n)
{
	begin(row);
	fprintf(row->out, "%" PRIu64, n);
}

void
csv_instant(struct csv *row, instant t)
{
	char buf[INSTANT_TEXT_MAX];

	put(row, "", t != INSTANT_NONE ? instant_print(t, buf) : "");
}

void
csv_end(struct csv *row)
{
	fputs("\r\n", row->out);
	row->comma = false;
}
