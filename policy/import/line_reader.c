/* SPDX-License-Identifier: BSD-2-Clause */
/* line_reader - the lines of a stream, with a limit on their length */
#include "policy/import/line_reader.h"

#include <stdlib.h>

#include "policy/base/array.h"

void
line_reader_start(struct line_reader *r, FILE *in, uint64_t line, size_t max)
{
	*r = (struct line_reader){.in = in, .line = line - 1, .max = max};
}

void
line_reader_end(struct line_reader *r)
{
	free(r->text);
	r->text = NULL;
}

enum error
line_reader_next(struct line_reader *r, struct bytes *line_r, bool *found_r)
{
	bool too_long = false;
	size_t n = 0;
	char *text;
	int c;

	r->line++;
	while ((c = getc_unlocked(r->in)) != EOF && c != '\n') {
		too_long = n == r->max;
		if (too_long)
			continue;
		if (n == r->room) {
			text = array_grow(r->text, n, &r->room, 1);
			if (text == NULL)
				return ERR_MEMORY;
			r->text = text;
		}
		r->text[n++] = (char)c;
	}
	*line_r = (struct bytes){n > 0 ? r->text : "", n};
	*found_r = c != EOF || n > 0;
	if (ferror(r->in))
		return ERR_IO;
	return too_long ? ERR_LIMIT : OK;
}
