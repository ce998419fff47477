/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_rows - mailboxes from CSV, with our columns or those of Exchange's Export-Csv */
#pragma once

#include "policy/base/text.h"
#include "policy/import/csv_reader.h"
#include "policy/import/row.h"

/*
 * Ours: address, smtp_auth and optionally until, clients, note. Exchange's:
 * PrimarySmtpAddress and SmtpClientAuthenticationDisabled (True, False, or nothing for
 * inherit); on demand UserPrincipalName and EmailAddresses become login aliases. Lines
 * "#TYPE ..." and "sep=;" before the heading are skipped. An unknown column is passed
 * over, unless its name is near to an optional one. The case of names does not matter.
 */
enum csv_column {
	CSV_ADDRESS,
	CSV_SMTP_AUTH,
	CSV_UNTIL,
	CSV_CLIENTS,
	CSV_NOTE,
	CSV_EXCHANGE_ADDRESS,
	CSV_EXCHANGE_DISABLED,
	CSV_EXCHANGE_LOGIN,
	CSV_EXCHANGE_ADDRESSES,
	CSV_COLUMNS,
};

#define CSV_NAME_SHOWN 100

struct csv_rows {
	struct csv_reader reader;
	size_t columns;            /* that each row must have */
	size_t place[CSV_COLUMNS]; /* of each column, or CSV_NOWHERE */
	bool started, exchange;
	bool aliases;             /* are wanted */
	bool valued[CSV_COLUMNS]; /* the column has a value in some row */
	instant now;
	/* What the heading has besides; complete after the first csv_rows_next(): */
	bool has_aliases;   /* columns of login aliases */
	struct text passed; /* names of unknown columns, each in quotes; may be cut */
	char names[1000];
	/* Of the present row: */
	char address[LOGIN_RAW_MAX + 1];
	char login[LOGIN_RAW_MAX + 1];
	bool login_taken;      /* UserPrincipalName */
	const char *addresses; /* the rest of EmailAddresses; NULL: no alias is left */
};

#define CSV_NOWHERE SIZE_MAX

/* Whether the column is there, and is empty in all rows that have been read. */
bool csv_rows_is_blank(const struct csv_rows *c, enum csv_column column);

/* ALIASES: each mailbox is followed by a row for each of its login aliases. */
void csv_rows_start(
    struct csv_rows *c, FILE *in, uint64_t line, bool aliases, instant now);
void csv_rows_end(struct csv_rows *c);

/*
 * The next row, with its line; FOUND_R is false at the end. ERR_DATA for a bad row,
 * after which there may be more; ERR_FORMAT for a bad heading, after which nothing can
 * be read; ERR_IO, ERR_MEMORY; with WHY.
 */
enum error csv_rows_next(struct csv_rows *c, struct row *row, bool *found_r,
    struct error_text *why) MUST_USE;
