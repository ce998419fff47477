/* SPDX-License-Identifier: BSD-2-Clause */
/* import_file - the rows of the file that import reads, in either format */
#ifndef POLICY_CTL_TRANSFER_IMPORT_FILE_H
#define POLICY_CTL_TRANSFER_IMPORT_FILE_H

#include "policy/ctl/frame/ctl.h"
#include "policy/import/csv_rows.h"
#include "policy/import/jsonl.h"

struct import_file {
	bool is_csv;
	union {
		struct csv_rows csv;
		struct jsonl jsonl;
	} of;
	/* For a line of progress on a terminal: */
	bool terminal, shown;
	int64_t next_ms;
	int64_t size; /* of the file */
	uint64_t rows;
};

/*
 * Begins to read C's `in`. Without --format, a file whose first character is "{" is
 * JSON Lines, any other CSV. ERR_USAGE for a bad --format; ERR_DATA for bytes that
 * begin no text.
 */
enum error import_file_open(struct import_file *f, struct ctl *c) MUST_USE;
void import_file_close(struct import_file *f);

/* As csv_rows_next() and jsonl_next(). */
enum error import_file_next(struct import_file *f, struct ctl *c, struct row *row,
    bool *found_r, struct error_text *why) MUST_USE;

/* Removes the line of progress; it comes again with the next row. */
void import_file_hide(struct import_file *f);

#endif
