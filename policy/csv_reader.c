/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_reader - rows of comma-separated values (RFC 4180), from a stream */
#include "policy/csv_reader.h"

#include <stdlib.h>
#include <string.h>

/* What ended a field. */
enum stop { STOP_COMMA, STOP_ROW, STOP_END };

void
csv_reader_start(struct csv_reader *r, FILE *in, uint64_t line)
{
	memset(r, 0, sizeof *r);
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

static void
grow(struct row *row)
{
	size_t room = row->r->room > 0 ? 2 * row->r->room : 4096;
	char *text = realloc(row->r->text, room);

	if (text == NULL) {
		row->error = ERR_MEMORY;
		return;
	}
	row->r->text = text;
	row->r->room = room;
}

static void
add(struct row *row, int c)
{
	struct csv_reader *r = row->r;

	row->seen = true;
	if (c == '\0' && row->wrong == NULL)
		row->wrong = "the row has a NUL byte";
	if (!row->keep || row->wrong != NULL)
		return;
	if (r->len - row->field >= CSV_FIELD_MAX) {
		row->wrong = "a field is too long";
		return;
	}
	if (r->len == r->room)
		grow(row);
	if (row->error == OK)
		r->text[r->len++] = (char)c;
}

/* get - the next byte; lines are counted */
static int
get(struct csv_reader *r)
{
	int c = getc_unlocked(r->in);

	if (c == '\n')
		r->next++;
	return c;
}

/* is_end - whether C, or CR and what follows it, ends the row */
static bool
is_end(struct csv_reader *r, int c)
{
	if (c != '\r')
		return c == '\n' || c == EOF;
	c = getc_unlocked(r->in);
	if (c == '\n') {
		r->next++;
		return true;
	}
	ungetc(c, r->in);
	return c == EOF;
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
		add(row, c);
	}
	if (row->wrong == NULL)
		row->wrong = "the input ends within quotes";
	return EOF;
}

static enum stop
read_field(struct row *row)
{
	struct csv_reader *r = row->r;
	int c = get(r);
	bool quoted = c == '"';

	row->seen = row->seen || quoted;
	if (quoted)
		c = read_quoted(row);
	while (c != ',' && !is_end(r, c)) {
		if (row->wrong == NULL && quoted)
			row->wrong = "something follows a closing quote";
		else if (row->wrong == NULL && c == '"')
			row->wrong = "a quote stands in a field without quotes";
		else if (row->wrong == NULL && c == '\r')
			row->wrong =
			    "a carriage return stands in a field without quotes";
		add(row, c);
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
	if (row->r->len == row->r->room)
		grow(row);
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
