/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_row - a line that may be a row of a table in which somebody keeps commands
 */
#ifndef POLICY_EXCHANGE_EXCHANGE_ROW_H
#define POLICY_EXCHANGE_EXCHANGE_ROW_H

#include "policy/base/error.h"
#include "policy/exchange/exchange_char.h"

enum exchange_row {
	EXCHANGE_ROW_NONE,    /* no row: an ordinary line */
	EXCHANGE_ROW_BORDER,  /* "|---|---|", "+---+", or nothing in any cell */
	EXCHANGE_ROW_HEADING, /* "|| Who || What ||": titles, of a wiki */
	EXCHANGE_ROW_TEXT, /* no cell has a command: a heading, if a border follows */
	EXCHANGE_ROW_COMMANDS, /* some cells are commands; the others are remarks */
};

/* What a trimmed line is. ERR_DATA where a command stands amid the text of a cell. */
enum error exchange_row_kind(struct exchange_span line, enum exchange_row *kind_r,
    struct error_text *why) MUST_USE;

/*
 * Takes the next cell that is a command out of ROW (the line at first), without the
 * backticks of Markdown around it; false where there is none left.
 */
bool exchange_row_next(struct exchange_span *row, struct exchange_span *cell_r);

#endif
