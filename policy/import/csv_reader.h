/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_reader - rows of comma-separated values (RFC 4180), from a stream */
#ifndef POLICY_IMPORT_CSV_READER_H
#define POLICY_IMPORT_CSV_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"

#define CSV_COLUMNS_MAX 1000
#define CSV_FIELD_MAX 16384 /* bytes of a field that is kept */

/*
 * Fields are parted by commas, rows end with LF or CR LF; a field in quotes may hold
 * all of these, and a quote as two. Empty lines are passed over. One thread at a time.
 */
struct csv_reader {
	FILE *in;
	uint64_t line; /* where the row that was read last began, from 1 */
	uint64_t next; /* the line that the stream stands in */
	size_t columns;
	uint8_t
	    kept[CSV_COLUMNS_MAX]; /* which columns are kept; set after the first row */
	size_t start[CSV_COLUMNS_MAX]; /* of each kept field in TEXT */
	char *text;
	size_t len, room;
	bool all;        /* the first row: all are kept */
	size_t pos, end; /* what is read and not used yet of BLOCK */
	char block[1 << 16];
};

/* Starts where IN stands, in line LINE. */
void csv_reader_start(struct csv_reader *r, FILE *in, uint64_t line);
void csv_reader_end(struct csv_reader *r);

/*
 * Reads a row. ERR_NOTFOUND at the end; ERR_DATA with WHY for one that is no CSV, after
 * which the next one can be read: a NUL, a quote within a field without quotes,
 * something behind a closing quote, an end within quotes, a field or a row that is too
 * long; ERR_IO; ERR_MEMORY.
 */
enum error csv_reader_next(struct csv_reader *r, struct error_text *why) MUST_USE;

/* Keeps only the columns marked in KEPT from now on; the first row is kept whole. */
void csv_reader_keep(struct csv_reader *r, size_t column);
void csv_reader_keep_none(struct csv_reader *r);

/* The field of a column that is kept, NUL-terminated, until the next row; "" if none.
 */
const char *csv_reader_field(const struct csv_reader *r, size_t column);

#endif
