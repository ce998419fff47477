/* SPDX-License-Identifier: BSD-2-Clause */
/* access_rows - mailboxes from a Postfix table as check_sasl_access reads it */
#pragma once

#include "policy/import/line_reader.h"
#include "policy/import/row.h"

#define ACCESS_LINE_MAX 4096 /* bytes of a line, with those that continue it */

/*
 * The source of a table, as in access(5): a login and an action a line, "#" begins a
 * comment, a line that begins with a blank continues the one before, also across
 * comments and empty lines. REJECT, DEFER and replies of the classes 4 and 5 are
 * disabled, with their text as note; OK is enabled, DUNNO inherit. Any other action is
 * an error.
 */
struct access_rows {
	struct line_reader reader;
	instant now;
	char line[ACCESS_LINE_MAX + 1];
	bool deferred; /* some row had DEFER or a reply of class 4 */
};

void access_rows_start(struct access_rows *a, FILE *in, uint64_t line, instant now);
void access_rows_end(struct access_rows *a);

/* As csv_rows_next(), without ERR_FORMAT. */
enum error access_rows_next(struct access_rows *a, struct row *row, bool *found_r,
    struct error_text *why) MUST_USE;
