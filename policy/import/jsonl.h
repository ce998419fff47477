/* SPDX-License-Identifier: BSD-2-Clause */
/* jsonl - the policy from JSON Lines (the only file with jansson) */
#ifndef POLICY_IMPORT_JSONL_H
#define POLICY_IMPORT_JSONL_H

#include "policy/import/json_plain.h"
#include "policy/import/line_reader.h"
#include "policy/import/row.h"

/*
 * One object a line, told apart by "type": setting, tenant, mailbox, alias. A key that
 * is left out, or null, takes its default; one that is not known is an error, as it
 * could be a slip of the pen, and so is one that is there twice.
 */
#define JSONL_PLAIN_MAX 2048 /* bytes of a line that is tried as a plain one */

struct jsonl {
	struct line_reader reader;
	void *value;  /* jansson's, of the last row */
	char *joined; /* a setting's list as one text */
	struct json_plain plain;
	char copy[JSONL_PLAIN_MAX]; /* the line that PLAIN is of */
	instant now;
};

/* Starts where IN stands, in line LINE. */
void jsonl_start(struct jsonl *j, FILE *in, uint64_t line, instant now);
void jsonl_end(struct jsonl *j);

/* As csv_rows_next(), but for ERR_FORMAT. ROW's list of domains is kept and grown. */
enum error jsonl_next(struct jsonl *j, struct row *row, uint64_t *line_r,
    struct error_text *why) MUST_USE;

#endif
