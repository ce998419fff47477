/* SPDX-License-Identifier: BSD-2-Clause */
/* csv - rows of comma-separated values (RFC 4180), on a stream */
#ifndef POLICY_CTL_FRAME_CSV_H
#define POLICY_CTL_FRAME_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/instant.h"

/* A row under construction; begin with {OUT, false}. */
struct csv {
	FILE *out;
	bool comma; /* the next field needs one in front */
};

/* A field, quoted where it has to be. */
void csv_text(struct csv *row, const char *s);

/*
 * A name that others chose: a spreadsheet would run one that begins like a formula. It
 * gets an apostrophe in front, and so does one that begins with an apostrophe: whoever
 * takes one leading apostrophe off has the name again. It is escaped as text_typed()
 * does it: a person reads it.
 */
void csv_name(struct csv *row, const char *s);

void csv_number(struct csv *row, uint64_t n);

/* RFC 3339, or nothing for INSTANT_NONE. */
void csv_instant(struct csv *row, instant t);

/* Ends the row with CR LF; the next one may begin. */
void csv_end(struct csv *row);

#endif
