/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_csv.c - CSV of any bytes: read, imported, and written again. */
#include "fuzz.h"
#include "policy.h"

#include "policy/import/csv_rows.h"

#include <stdlib.h>
#include <string.h>

/* A growing text. */
struct copy {
	FILE *to;
	char *at;
	size_t n;
};

/* write_row - every field in quotes, with its quotes doubled */
static void
write_row(const struct csv_reader *r, FILE *to)
{
	for (size_t i = 0; i < r->columns; i++) {
		fputs(i > 0 ? ",\"" : "\"", to);
		for (const char *s = csv_reader_field(r, i); *s != '\0'; s++) {
			if (*s == '"')
				putc('"', to);
			putc(*s, to);
		}
		putc('"', to);
	}
	putc('\n', to);
}

/* read_all - every row that is CSV, written again; returns how many there are */
static size_t
read_all(const void *bytes, size_t size, struct copy *copy)
{
	struct csv_reader *r = malloc(sizeof *r);
	FILE *in = fuzz_stream(bytes, size);
	uint64_t last = 0;
	bool found = true;
	size_t n = 0;
	enum error e;

	fuzz_expect(r != NULL);
	copy->to = open_memstream(&copy->at, &copy->n);
	fuzz_expect(copy->to != NULL);
	csv_reader_start(r, in, 1);
	for (;;) {
		e = csv_reader_next(r, &found, NULL);
		if (!found)
			break;
		fuzz_expect(e == OK || e == ERR_DATA);
		fuzz_expect(r->line > last && r->next >= r->line);
		last = r->line;
		if (e != OK)
			continue;
		n++;
		fuzz_expect(r->columns > 0 && r->columns <= CSV_COLUMNS_MAX);
		write_row(r, copy->to);
	}
	fuzz_expect(e == OK && last <= size + 1);
	csv_reader_end(r);
	fclose(in);
	fclose(copy->to);
	free(r);
	return n;
}

/* is_stable - what was written again is read as the same rows */
static void
is_stable(const uint8_t *data, size_t size)
{
	struct copy one, two;
	size_t n = read_all(data, size, &one);

	fuzz_expect(read_all(one.at, one.n, &two) == n);
	fuzz_expect(one.n == two.n && memcmp(one.at, two.at, one.n) == 0);
	free(one.at);
	free(two.at);
}

/* write_pieces - the fields of one row, in quotes; returns how many there are */
static size_t
write_pieces(const uint8_t *data, size_t size, FILE *to)
{
	size_t n = 1;

	putc('"', to);
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '"')
			putc('"', to);
		if (data[i] == ';') {
			fputs("\",\"", to);
			n++;
		} else {
			putc(data[i], to);
		}
	}
	fputs("\"\r\n", to);
	return n;
}

/* trim - blanks at the ends are no part of a field */
static char *
trim(char *piece)
{
	size_t n;

	piece += strspn(piece, " \t");
	n = strlen(piece);
	while (n > 0 && (piece[n - 1] == ' ' || piece[n - 1] == '\t'))
		piece[--n] = '\0';
	return piece;
}

/* is_faithful - the input, as fields parted by semicolons, comes back */
static void
is_faithful(const uint8_t *data, size_t size)
{
	struct csv_reader *r = malloc(sizeof *r);
	struct fuzz_input input = {data, size};
	struct copy row;
	bool found;
	size_t n;
	FILE *in;

	row.to = open_memstream(&row.at, &row.n);
	fuzz_expect(r != NULL && row.to != NULL);
	n = write_pieces(data, size, row.to);
	fclose(row.to);
	in = fuzz_stream(row.at, row.n);
	csv_reader_start(r, in, 1);
	if (csv_reader_next(r, &found, NULL) == OK) {
		fuzz_expect(r->columns == n);
		for (size_t i = 0; i < n; i++) {
			char *piece = fuzz_piece(&input, ';');

			fuzz_expect(strcmp(trim(piece), csv_reader_field(r, i)) == 0);
			free(piece);
		}
		fuzz_expect(csv_reader_next(r, &found, NULL) == OK && !found);
	} else {
		fuzz_expect(n > CSV_COLUMNS_MAX || size > CSV_FIELD_MAX);
	}
	csv_reader_end(r);
	fclose(in);
	free(row.at);
	free(r);
}

static enum error
next(void *reader, struct row *row, bool *found_r, struct error_text *why)
{
	return csv_rows_next(reader, row, found_r, why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csv_rows *c = malloc(sizeof *c);
	FILE *in = fuzz_stream(data, size);

	fuzz_expect(c != NULL);
	csv_rows_start(c, in, 1, true, POLICY_NOW);
	policy_import(&(struct policy_rows){next, c});
	csv_rows_end(c);
	free(c);
	fclose(in);
	is_stable(data, size);
	if (size == 0 || memchr(data, '\0', size) == NULL)
		is_faithful(data, size);
	return 0;
}
