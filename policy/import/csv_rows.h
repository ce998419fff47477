/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_rows - mailboxes from CSV, with our columns or those of Exchange's Export-Csv */
#pragma once

#include "policy/import/csv_reader.h"
#include "policy/import/row.h"

/*
 * Ours: address, smtp_auth and optionally until, clients, note; another column is an
 * error, as it could be a slip of the pen. Exchange's: PrimarySmtpAddress and
 * SmtpClientAuthenticationDisabled (True, False, or nothing for inherit); others are
 * skipped, and so is a first line #TYPE. The case of names does not matter.
 */
enum csv_column {
	CSV_ADDRESS,
	CSV_SMTP_AUTH,
	CSV_UNTIL,
	CSV_CLIENTS,
	CSV_NOTE,
	CSV_EXCHANGE_ADDRESS,
	CSV_EXCHANGE_DISABLED,
	CSV_COLUMNS,
};

struct csv_rows {
	struct csv_reader reader;
	size_t columns;            /* that each row must have */
	size_t place[CSV_COLUMNS]; /* of each column, or CSV_NOWHERE */
	bool started, exchange;
	instant now;
};

#define CSV_NOWHERE SIZE_MAX

void csv_rows_start(struct csv_rows *c, FILE *in, uint64_t line, instant now);
void csv_rows_end(struct csv_rows *c);

/*
 * The next row, with its line; FOUND_R is false at the end. ERR_DATA for a bad row,
 * after which there may be more; ERR_FORMAT for a bad heading, after which nothing can
 * be read; ERR_IO, ERR_MEMORY; with WHY.
 */
enum error csv_rows_next(struct csv_rows *c, struct row *row, bool *found_r,
    struct error_text *why) MUST_USE;
