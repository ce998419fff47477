/* SPDX-License-Identifier: BSD-2-Clause */
/* csv - rows of comma-separated values (RFC 4180), on a stream */
#include "policy/ctl/csv.h"

#include <string.h>

static void
field(FILE *out, const char *s)
{
	if (strpbrk(s, ",\"\r\n") == NULL) {
		fputs(s, out);
		return;
	}
	putc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"')
			putc('"', out);
		putc(*s, out);
	}
	putc('"', out);
}

void
csv_row(FILE *out, const char *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			putc(',', out);
		field(out, fields[i]);
	}
	fputs("\r\n", out);
}
