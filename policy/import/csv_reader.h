/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_reader - rows of comma-separated values (RFC 4180), from a stream */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"

#define CSV_COLUMNS_MAX 1000
#define CSV_FIELD_MAX 16384 /* bytes of a field that is kept */

#define CSV_DELIMITER_UNKNOWN '\0'

/*
 * A delimiter separates fields, LF or CR LF ends a row; a field in quotes may contain
 * all of these, and a quote written twice. Blanks at the ends of a field are no part of
 * it, in quotes or not. A row of nothing but blanks and delimiters is skipped. One
 * thread at a time.
 */
struct csv_reader {
	FILE *in;
	char delimiter; /* ',', ';' or tab; while unknown, the first of them is it */
	uint64_t line;  /* where the last row began, from 1 */
	uint64_t next;  /* the line that comes next */
	size_t columns;
	bool kept[CSV_COLUMNS_MAX];
	size_t start[CSV_COLUMNS_MAX]; /* of each kept field in TEXT */
	char *text;
	size_t len, room;
	size_t end; /* of the present field, without the blanks after it */
	/* The row being read: */
	bool keep;         /* the present field is kept */
	bool seen;         /* the row has a quote, or a byte that is no blank */
	const char *wrong; /* the first thing that is wrong with it */
	enum error error;
};

/* Starts where IN stands, in line LINE; all columns are kept. */
void csv_reader_start(struct csv_reader *r, FILE *in, uint64_t line);
void csv_reader_end(struct csv_reader *r);

/*
 * Reads a row; FOUND_R is false at the end of the input. ERR_DATA with WHY for a row
 * that is not CSV, after which the next one can be read: a NUL, a quote or CR in a
 * field without quotes, text after a closing quote, an end within quotes, a field or
 * row that is too long. ERR_IO; ERR_MEMORY.
 */
enum error csv_reader_next(
    struct csv_reader *r, bool *found_r, struct error_text *why) MUST_USE;

/* From the next row on, keeps only these N columns; what is no column is ignored. */
void csv_reader_keep(struct csv_reader *r, const size_t *column, size_t n);

/* The field of a kept column, until the next row; "" if there is none. */
const char *csv_reader_field(const struct csv_reader *r, size_t column);
