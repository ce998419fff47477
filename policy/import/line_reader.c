/* SPDX-License-Identifier: BSD-2-Clause */
/* line_reader - the lines of a stream, with a limit on their length */
#include "policy/import/line_reader.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN ((size_t)1 << 16)

void
line_reader_start(struct line_reader *r, FILE *in, uint64_t line)
{
	memset(r, 0, sizeof *r);
	r->in = in;
	r->line = line - 1;
}

void
line_reader_end(struct line_reader *r)
{
	free(r->text);
	r->text = NULL;
}

/* make_room - behind END: what is used goes, or the buffer grows */
static enum error
make_room(struct line_reader *r)
{
	size_t room = r->room == 0 ? ROOM_MIN : 2 * r->room;
	char *text;

	if (r->pos > 0) {
		memmove(r->text, r->text + r->pos, r->end - r->pos);
		r->end -= r->pos;
		r->pos = 0;
		return OK;
	}
	if (r->room > LINE_MAX_BYTES)
		return ERR_LIMIT;
	text = realloc(r->text, room);
	if (text == NULL)
		return ERR_MEMORY;
	r->text = text;
	r->room = room;
	return OK;
}

/* fill - reads more; ERR_NOTFOUND when there is no more */
static enum error
fill(struct line_reader *r)
{
	enum error e = r->end == r->room ? make_room(r) : OK;
	size_t n;

	if (e != OK)
		return e;
	n = fread(r->text + r->end, 1, r->room - r->end, r->in);
	r->end += n;
	if (n > 0)
		return OK;
	return ferror(r->in) ? ERR_IO : ERR_NOTFOUND;
}

/* skip_rest - of a line that is too long */
static enum error
skip_rest(struct line_reader *r)
{
	char *lf = NULL;
	enum error e = OK;

	r->end = 0;
	while (e == OK && lf == NULL) {
		e = fill(r);
		lf = e == OK ? memchr(r->text, '\n', r->end) : NULL;
		if (lf == NULL)
			r->end = 0;
	}
	r->pos = lf != NULL ? (size_t)(lf - r->text) + 1 : 0;
	return e == OK || e == ERR_NOTFOUND ? ERR_LIMIT : e;
}

enum error
line_reader_next(struct line_reader *r, struct bytes *line_r)
{
	size_t looked = r->pos, n;
	char *lf = NULL;
	enum error e = OK;

	r->line++;
	for (;;) {
		if (r->end > looked)
			lf = memchr(r->text + looked, '\n', r->end - looked);
		if (lf != NULL || e == ERR_NOTFOUND)
			break;
		looked = r->end - r->pos; /* POS may move to the start */
		e = fill(r);
		looked += r->pos;
		if (e == ERR_LIMIT)
			return skip_rest(r);
		if (e != OK && e != ERR_NOTFOUND)
			return e;
	}
	if (lf == NULL && r->pos == r->end)
		return ERR_NOTFOUND;
	n = lf != NULL ? (size_t)(lf - r->text) - r->pos : r->end - r->pos;
	*line_r = (struct bytes){r->text + r->pos, n};
	r->pos += n + (lf != NULL);
	return n > LINE_MAX_BYTES ? ERR_LIMIT : OK;
}
