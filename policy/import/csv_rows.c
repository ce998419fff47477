/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_rows - mailboxes from CSV, with our columns or those of Exchange's Export-Csv */
#include "policy/import/csv_rows.h"

#include <string.h>
#include <strings.h>

static const char *const csv_names[CSV_COLUMNS] = {
    [CSV_ADDRESS] = "address",
    [CSV_SMTP_AUTH] = "smtp_auth",
    [CSV_UNTIL] = "until",
    [CSV_CLIENTS] = "clients",
    [CSV_NOTE] = "note",
    [CSV_EXCHANGE_ADDRESS] = "PrimarySmtpAddress",
    [CSV_EXCHANGE_DISABLED] = "SmtpClientAuthenticationDisabled",
};

void
csv_rows_start(struct csv_rows *c, FILE *in, uint64_t line, instant now)
{
	memset(c, 0, sizeof *c);
	c->now = now;
	csv_reader_start(&c->reader, in, line);
}

void
csv_rows_end(struct csv_rows *c)
{
	csv_reader_end(&c->reader);
}

/* csv_rows_bad_heading - what is wrong with the line of column names */
static enum error
csv_rows_bad_heading(const char *what, const char *name, struct error_text *why)
{
	return error_set(why, ERR_FORMAT,
	    "%s%s%.100s%s: the first line names the columns, address,smtp_auth[,until,clients,note] or PrimarySmtpAddress,SmtpClientAuthenticationDisabled",
	    what, *name != '\0' ? " \"" : "", name, *name != '\0' ? "\"" : "");
}

/* csv_rows_place - where a known column stands; UNKNOWN is the first that is not */
static enum error
csv_rows_place(
    struct csv_rows *c, size_t at, const char **unknown, struct error_text *why)
{
	const char *name = csv_reader_field(&c->reader, at);

	for (int i = 0; i < CSV_COLUMNS; i++) {
		if (strcasecmp(name, csv_names[i]) != 0)
			continue;
		if (c->place[i] != CSV_NOWHERE)
			return csv_rows_bad_heading(
			    "a column is there twice:", name, why);
		c->place[i] = at;
		return OK;
	}
	if (*unknown == NULL)
		*unknown = name;
	return OK;
}

static bool
csv_rows_has(const struct csv_rows *c, enum csv_column column)
{
	return c->place[column] != CSV_NOWHERE;
}

/* csv_rows_check - one kind of columns, and all of them that are needed */
static enum error
csv_rows_check(struct csv_rows *c, const char *unknown, struct error_text *why)
{
	bool ours = csv_rows_has(c, CSV_ADDRESS) || csv_rows_has(c, CSV_SMTP_AUTH);
	int first;

	c->exchange = csv_rows_has(c, CSV_EXCHANGE_ADDRESS) ||
	    csv_rows_has(c, CSV_EXCHANGE_DISABLED);
	if (ours && c->exchange)
		return csv_rows_bad_heading("columns of both kinds", "", why);
	if (!ours && !c->exchange)
		return csv_rows_bad_heading("no column that is known", "", why);
	if (ours && unknown != NULL)
		return csv_rows_bad_heading("unknown column", unknown, why);
	first = c->exchange ? CSV_EXCHANGE_ADDRESS : CSV_ADDRESS;
	for (int i = first; i < first + 2; i++)
		if (!csv_rows_has(c, (enum csv_column)i))
			return csv_rows_bad_heading(
			    "a column is missing:", csv_names[i], why);
	return OK;
}

/* csv_rows_heading - reads which column is where, after a line "#TYPE ..." */
static enum error
csv_rows_heading(struct csv_rows *c, struct error_text *why)
{
	const char *unknown = NULL;
	bool found;
	enum error e = csv_reader_next(&c->reader, &found, why);

	c->started = true;
	if (e == OK && strncmp(csv_reader_field(&c->reader, 0), "#TYPE", 5) == 0)
		e = csv_reader_next(&c->reader, &found, why);
	if (e == OK && !found)
		return csv_rows_bad_heading("there is no line", "", why);
	if (e != OK)
		return e == ERR_DATA ? ERR_FORMAT : e;
	for (int i = 0; i < CSV_COLUMNS; i++)
		c->place[i] = CSV_NOWHERE;
	c->columns = c->reader.columns;
	for (size_t i = 0; e == OK && i < c->columns; i++)
		e = csv_rows_place(c, i, &unknown, why);
	if (e == OK)
		e = csv_rows_check(c, unknown, why);
	csv_reader_keep(&c->reader, c->place, CSV_COLUMNS);
	return e;
}

static const char *
csv_rows_field(const struct csv_rows *c, enum csv_column column)
{
	return csv_reader_field(&c->reader, c->place[column]);
}

/* csv_rows_disabled - Exchange's word, the other way round */
static enum error
csv_rows_disabled(const char *value, enum smtp_auth *out_r, struct error_text *why)
{
	value += *value == '$';
	if (strcasecmp(value, "True") == 0)
		*out_r = SMTP_AUTH_DISABLED;
	else if (strcasecmp(value, "False") == 0)
		*out_r = SMTP_AUTH_ENABLED;
	else if (*value == '\0' || strcasecmp(value, "null") == 0)
		*out_r = SMTP_AUTH_INHERIT;
	else
		return error_set(why, ERR_DATA,
		    "bad SmtpClientAuthenticationDisabled \"%.100s\": use True, False or nothing",
		    value);
	return OK;
}

static enum error
csv_rows_set(const struct csv_rows *c, enum csv_column column, struct row *row,
    struct error_text *why)
{
	return row_set(row, row_field_find(ROW_MAILBOX, csv_names[column]),
	    csv_rows_field(c, column), c->now, why);
}

/* csv_rows_fill - ROW from the fields; empty ones are left at their default */
static enum error
csv_rows_fill(const struct csv_rows *c, struct row *row, struct error_text *why)
{
	const char *clients = csv_rows_field(c, CSV_CLIENTS);
	enum error e;

	row_start(row, ROW_MAILBOX);
	if (c->reader.columns != c->columns)
		return error_set(why, ERR_DATA, "%zu fields, but %zu columns",
		    c->reader.columns, c->columns);
	row->name = csv_rows_field(c, c->exchange ? CSV_EXCHANGE_ADDRESS : CSV_ADDRESS);
	row->says = (csv_rows_has(c, CSV_UNTIL) ? ROW_UNTIL : 0) |
	    (csv_rows_has(c, CSV_CLIENTS) ? ROW_CLIENTS : 0) |
	    (csv_rows_has(c, CSV_NOTE) ? ROW_NOTE : 0);
	if (*row->name == '\0')
		return error_set(why, ERR_DATA, "the address is empty");
	e = c->exchange ? csv_rows_disabled(csv_rows_field(c, CSV_EXCHANGE_DISABLED),
			      &row->mailbox.smtp_auth, why)
			: csv_rows_set(c, CSV_SMTP_AUTH, row, why);
	if (e == OK && *csv_rows_field(c, CSV_UNTIL) != '\0')
		e = csv_rows_set(c, CSV_UNTIL, row, why);
	if (e == OK && *clients != '\0')
		e = cidr_list_parse(clients, &row->mailbox.clients, why);
	if (e == OK)
		e = csv_rows_set(c, CSV_NOTE, row, why);
	return e == OK ? row_check_mailbox(row, why) : e;
}

enum error
csv_rows_next(
    struct csv_rows *c, struct row *row, bool *found_r, struct error_text *why)
{
	enum error e = c->started ? OK : csv_rows_heading(c, why);

	if (e == OK)
		e = csv_reader_next(&c->reader, found_r, why);
	row->line = c->reader.line;
	return e == OK && *found_r ? csv_rows_fill(c, row, why) : e;
}
