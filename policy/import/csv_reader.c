/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_reader - rows of comma-separated values (RFC 4180), from a stream */
#include "policy/import/csv_reader.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"

void
csv_reader_start(struct csv_reader *r, FILE *in, uint64_t line)
{
	memset(r, 0, sizeof *r);
	r->in = in;
	r->next = line;
	r->delimiter = CSV_DELIMITER_UNKNOWN;
	memset(r->kept, true, sizeof r->kept);
}

void
csv_reader_end(struct csv_reader *r)
{
	free(r->text);
	r->text = NULL;
}

void
csv_reader_keep(struct csv_reader *r, const size_t *column, size_t n)
{
	memset(r->kept, false, sizeof r->kept);
	for (size_t i = 0; i < n; i++)
		if (column[i] < CSV_COLUMNS_MAX)
			r->kept[column[i]] = true;
}

const char *
csv_reader_field(const struct csv_reader *r, size_t column)
{
	return column < r->columns && r->kept[column] ? r->text + r->start[column] : "";
}

/* csv_reader_get - the next byte; counts lines */
static int
csv_reader_get(struct csv_reader *r)
{
	int c = getc_unlocked(r->in);

	r->next += c == '\n';
	return c;
}

/* csv_reader_spoil - the row is wrong; the first reason is reported at its end */
static void
csv_reader_spoil(struct csv_reader *r, const char *what)
{
	if (r->wrong == NULL)
		r->wrong = what;
}

/* csv_reader_store - a byte at the end of TEXT */
static void
csv_reader_store(struct csv_reader *r, char c)
{
	if (r->len == r->room) {
		char *text = array_grow(r->text, r->len, &r->room, 1);

		if (text == NULL) {
			r->error = ERR_MEMORY;
			return;
		}
		r->text = text;
	}
	r->text[r->len++] = c;
}

/* csv_reader_put - a byte of the present field, whose blanks at both ends go */
static void
csv_reader_put(struct csv_reader *r, int c)
{
	bool blank = c == ' ' || c == '\t';

	r->seen = r->seen || !blank;
	if (c == '\0')
		csv_reader_spoil(r,
		    "the row has a NUL byte: is the file text? Save a spreadsheet as CSV, in UTF-8");
	if (!r->keep || r->wrong != NULL ||
	    (blank && r->len == r->start[r->columns - 1]))
		return;
	if (r->len - r->start[r->columns - 1] == CSV_FIELD_MAX)
		csv_reader_spoil(r, "a field is too long");
	else
		csv_reader_store(r, (char)c);
	if (!blank)
		r->end = r->len;
}

/* csv_reader_quoted - up to and with the closing quote; returns the byte after it */
static int
csv_reader_quoted(struct csv_reader *r)
{
	int c;

	r->seen = true;
	while ((c = csv_reader_get(r)) != EOF) {
		if (c == '"' && (c = csv_reader_get(r)) != '"')
			return c;
		csv_reader_put(r, c);
	}
	csv_reader_spoil(r, "the input ends within quotes");
	return EOF;
}

/* csv_reader_line_end - C, or LF or EOF where C is a CR before it */
static int
csv_reader_line_end(struct csv_reader *r, int c)
{
	int next;

	if (c != '\r')
		return c;
	next = getc_unlocked(r->in);
	ungetc(next, r->in);
	return next == '\n' || next == EOF ? csv_reader_get(r) : c;
}

/* csv_reader_is_delimiter - the first one that stands outside quotes is all others */
static bool
csv_reader_is_delimiter(struct csv_reader *r, int c)
{
	if (c != ',' && c != ';' && c != '\t')
		return false;
	if (r->delimiter == CSV_DELIMITER_UNKNOWN)
		r->delimiter = (char)c;
	return c == r->delimiter;
}

/* csv_reader_blanks - C, or the byte after the blanks that begin with it */
static int
csv_reader_blanks(struct csv_reader *r, int c)
{
	while ((c == ' ' || c == '\t') && !csv_reader_is_delimiter(r, c))
		c = csv_reader_get(r);
	return c;
}

/* csv_reader_read - a field; returns what ends it: a delimiter, LF or EOF */
static int
csv_reader_read(struct csv_reader *r)
{
	int c = csv_reader_blanks(r, csv_reader_get(r));
	bool quoted = c == '"';

	if (quoted)
		c = csv_reader_blanks(r, csv_reader_quoted(r));
	for (;; c = csv_reader_get(r)) {
		c = csv_reader_line_end(r, c);
		if (csv_reader_is_delimiter(r, c) || c == '\n' || c == EOF)
			return c;
		if (quoted)
			csv_reader_spoil(r, "something follows a closing quote");
		else if (c == '"')
			csv_reader_spoil(r, "a quote stands in a field without quotes");
		else if (c == '\r')
			csv_reader_spoil(
			    r, "a carriage return stands in a field without quotes");
		csv_reader_put(r, c);
	}
}

/* csv_reader_row - all fields of a row; returns LF or EOF */
static int
csv_reader_row(struct csv_reader *r)
{
	int c;

	r->columns = r->len = 0;
	r->line = r->next;
	r->seen = false;
	r->wrong = NULL;
	r->error = OK;
	do {
		r->keep = r->columns < CSV_COLUMNS_MAX && r->kept[r->columns];
		if (r->columns < CSV_COLUMNS_MAX)
			r->start[r->columns++] = r->len;
		else
			csv_reader_spoil(r, "the row has too many fields");
		r->end = r->len;
		c = csv_reader_read(r);
		r->len = r->end;
		if (r->keep && r->wrong == NULL)
			csv_reader_store(r, '\0');
	} while (c != '\n' && c != EOF && r->error == OK);
	return c;
}

enum error
csv_reader_next(struct csv_reader *r, bool *found_r, struct error_text *why)
{
	int c;

	*found_r = true;
	do {
		c = csv_reader_row(r);
		if (ferror(r->in))
			return error_set(why, ERR_IO, "cannot read the input");
		if (r->error != OK)
			return error_set(why, r->error, "%s", error_string(r->error));
		if (r->wrong != NULL)
			return error_set(why, ERR_DATA, "%s", r->wrong);
		if (r->seen)
			return OK;
	} while (c != EOF);
	*found_r = false;
	return OK;
}
