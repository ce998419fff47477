/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_reader - rows of comma-separated values (RFC 4180), from a stream */
#include "policy/import/csv_reader.h"

#include <stdlib.h>
#include <string.h>

/* What ended a field. */
enum stop { STOP_COMMA, STOP_ROW, STOP_END };

void
csv_reader_start(struct csv_reader *r, FILE *in, uint64_t line)
{
	memset(r, 0, offsetof(struct csv_reader, block));
	r->in = in;
	r->next = line;
	r->all = true;
}

void
csv_reader_end(struct csv_reader *r)
{
	free(r->text);
	r->text = NULL;
}

void
csv_reader_keep_none(struct csv_reader *r)
{
	r->all = false;
	memset(r->kept, 0, sizeof r->kept);
}

void
csv_reader_keep(struct csv_reader *r, size_t column)
{
	r->kept[column] = 1;
}

const char *
csv_reader_field(const struct csv_reader *r, size_t column)
{
	bool kept = column < r->columns && (r->all || r->kept[column]);

	return kept ? r->text + r->start[column] : "";
}

/* A row on its way: the first thing that is wrong with it is told at its end. */
struct row {
	struct csv_reader *r;
	size_t field;    /* where the present one begins in TEXT */
	bool keep, seen; /* ... whether the row has anything at all */
	const char *wrong;
	enum error error;
};

/* peek - the next byte, which stays; EOF at the end */
static int
peek(struct csv_reader *r)
{
	if (r->pos == r->end) {
		r->end = fread(r->block, 1, sizeof r->block, r->in);
		r->pos = 0;
	}
	return r->end > 0 ? (unsigned char)r->block[r->pos] : EOF;
}

/* get - the next byte; lines are counted */
static int
get(struct csv_reader *r)
{
	int c = peek(r);

	r->pos += c != EOF;
	r->next += c == '\n';
	return c;
}

/* make_room - for N bytes more and a NUL */
static void
make_room(struct row *row, size_t n)
{
	struct csv_reader *r = row->r;
	size_t room = r->room > 0 ? r->room : 4096;
	char *text;

	while (room - r->len < n + 1)
		room *= 2;
	if (room == r->room)
		return;
	text = realloc(r->text, room);
	if (text == NULL) {
		row->error = ERR_MEMORY;
		return;
	}
	r->text = text;
	r->room = room;
}

/* add - bytes of the present field, as long as nothing is wrong with the row */
static void
add(struct row *row, const char *s, size_t n)
{
	struct csv_reader *r = row->r;

	row->seen = true;
	if (!row->keep || row->wrong != NULL)
		return;
	if (r->len - row->field + n > CSV_FIELD_MAX) {
		row->wrong = "a field is too long";
		return;
	}
	make_room(row, n);
	if (row->error != OK)
		return;
	memcpy(r->text + r->len, s, n);
	r->len += n;
}

static void
add_byte(struct row *row, int c)
{
	char byte = (char)c;

	if (c == '\0' && row->wrong == NULL)
		row->wrong = "the row has a NUL byte";
	add(row, &byte, 1);
}

/* add_plain - all that follows in the block and means nothing but itself */
static void
add_plain(struct row *row)
{
	struct csv_reader *r = row->r;
	size_t at = r->pos;

	while (at < r->end && r->block[at] != ',' && r->block[at] != '"' &&
	    r->block[at] != '\r' && r->block[at] != '\n' && r->block[at] != '\0')
		at++;
	if (at > r->pos)
		add(row, r->block + r->pos, at - r->pos);
	r->pos = at;
}

/* is_end - whether C, or CR and what follows it, ends the row */
static bool
is_end(struct csv_reader *r, int c)
{
	if (c != '\r')
		return c == '\n' || c == EOF;
	if (peek(r) != '\n')
		return peek(r) == EOF;
	get(r);
	return true;
}

/* stop_of - what C, which is no part of the field any more, ends */
static enum stop
stop_of(int c)
{
	if (c == ',')
		return STOP_COMMA;
	return c == EOF ? STOP_END : STOP_ROW;
}

/* read_quoted - behind the opening quote, to the byte behind the closing one */
static int
read_quoted(struct row *row)
{
	int c;

	while ((c = get(row->r)) != EOF) {
		if (c == '"' && (c = get(row->r)) != '"')
			return c;
		add_byte(row, c);
	}
	if (row->wrong == NULL)
		row->wrong = "the input ends within quotes";
	return EOF;
}

/* wrong_byte - what C, that ends no field, does where it stands */
static const char *
wrong_byte(int c, bool quoted)
{
	if (quoted)
		return "something follows a closing quote";
	if (c == '"')
		return "a quote stands in a field without quotes";
	return c == '\r' ? "a carriage return stands in a field without quotes" : NULL;
}

static enum stop
read_field(struct row *row)
{
	struct csv_reader *r = row->r;
	bool quoted = peek(r) == '"';
	int c;

	row->seen = row->seen || quoted;
	if (quoted)
		get(r);
	else
		add_plain(row);
	c = quoted ? read_quoted(row) : get(r);
	while (c != ',' && !is_end(r, c)) {
		if (row->wrong == NULL)
			row->wrong = wrong_byte(c, quoted);
		add_byte(row, c);
		c = get(r);
	}
	return stop_of(c == '\r' ? '\n' : c);
}

/* begin_field - one more column */
static void
begin_field(struct row *row)
{
	struct csv_reader *r = row->r;

	row->field = r->len;
	row->keep = false;
	if (r->columns == CSV_COLUMNS_MAX) {
		if (row->wrong == NULL)
			row->wrong = "the row has too many fields";
		return;
	}
	row->keep = r->all || r->kept[r->columns];
	r->start[r->columns++] = r->len;
}

/* end_field - the NUL */
static void
end_field(struct row *row)
{
	if (!row->keep || row->wrong != NULL)
		return;
	make_room(row, 0);
	if (row->error == OK)
		row->r->text[row->r->len++] = '\0';
}

static enum stop
read_row(struct row *row)
{
	struct csv_reader *r = row->r;
	enum stop stop;

	r->columns = r->len = 0;
	r->line = r->next;
	do {
		begin_field(row);
		stop = read_field(row);
		end_field(row);
	} while (stop == STOP_COMMA && row->error == OK);
	return stop;
}

enum error
csv_reader_next(struct csv_reader *r, struct error_text *why)
{
	enum stop stop;

	for (;;) {
		struct row row = {.r = r};

		stop = read_row(&row);
		if (ferror(r->in))
			return error_set(why, ERR_IO, "cannot read the input");
		if (row.error != OK)
			return error_set(why, row.error, "%s", error_string(row.error));
		if (row.wrong != NULL)
			return error_set(why, ERR_DATA, "%s", row.wrong);
		if (row.seen || r->columns > 1)
			return OK;
		if (stop == STOP_END)
			return ERR_NOTFOUND;
	}
}
