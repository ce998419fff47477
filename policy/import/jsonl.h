/* SPDX-License-Identifier: BSD-2-Clause */
/* jsonl - the policy from JSON Lines */
#pragma once

#include "policy/import/line_reader.h"
#include "policy/import/row.h"
#include "policy/json/json_value.h"

#define JSONL_LINE_MAX ((size_t)16 << 20) /* bytes of a line */

/*
 * One object a line, told apart by "type": setting, tenant, mailbox, alias, lock. A key
 * that is left out, or null, takes its default; one that is not known is an error, as
 * it could be a slip of the pen, and so is one that is there twice.
 */
struct jsonl {
	struct line_reader reader;
	json_value *value; /* of the last row */
	char *joined;      /* a setting's list or number as text */
	instant now;
};

/* Starts where IN stands, in line LINE. */
void jsonl_start(struct jsonl *j, FILE *in, uint64_t line, instant now);
void jsonl_end(struct jsonl *j);

/* As csv_rows_next(), without ERR_FORMAT. The caller frees ROW's `domain` last. */
enum error jsonl_next(
    struct jsonl *j, struct row *row, bool *found_r, struct error_text *why) MUST_USE;
