/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_rows - mailboxes from CSV, with our columns or those of Exchange's Export-Csv */
#include "policy/import/csv_rows.h"

#include <string.h>
#include <strings.h>

static const char *const names[CSV_COLUMNS] = {
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

/* bad_head - what is wrong with the line of column names */
static enum error
bad_head(const char *what, const char *name, struct error_text *why)
{
	return error_set(why, ERR_FORMAT,
	    "%s%s%.100s%s: the first line names the columns, "
	    "address,smtp_auth[,until,clients,note] or "
	    "PrimarySmtpAddress,SmtpClientAuthenticationDisabled",
	    what, *name != '\0' ? " \"" : "", name, *name != '\0' ? "\"" : "");
}

/* place_column - where a known column stands; an unknown one stays nowhere */
static enum error
place_column(
    struct csv_rows *c, size_t at, const char **unknown, struct error_text *why)
{
	const char *name = csv_reader_field(&c->reader, at);

	for (int i = 0; i < CSV_COLUMNS; i++) {
		if (strcasecmp(name, names[i]) != 0)
			continue;
		if (c->place[i] != CSV_NOWHERE)
			return bad_head("a column is there twice:", name, why);
		c->place[i] = at;
		return OK;
	}
	if (*unknown == NULL)
		*unknown = name;
	return OK;
}

static bool
has(const struct csv_rows *c, enum csv_column column)
{
	return c->place[column] != CSV_NOWHERE;
}

/* check_head - one kind of columns, and all of them that are needed */
static enum error
check_head(struct csv_rows *c, const char *unknown, struct error_text *why)
{
	bool ours = has(c, CSV_ADDRESS) || has(c, CSV_SMTP_AUTH);

	c->exchange = has(c, CSV_EXCHANGE_ADDRESS) || has(c, CSV_EXCHANGE_DISABLED);
	if (ours && c->exchange)
		return bad_head("columns of both kinds", "", why);
	if (!ours && !c->exchange)
		return bad_head("no column that is known", "", why);
	if (ours && unknown != NULL)
		return bad_head("unknown column", unknown, why);
	for (int i = c->exchange ? CSV_EXCHANGE_ADDRESS : CSV_ADDRESS;
	     i <= (c->exchange ? CSV_EXCHANGE_DISABLED : CSV_SMTP_AUTH); i++)
		if (!has(c, (enum csv_column)i))
			return bad_head("a column is missing:", names[i], why);
	return OK;
}

/* read_names - the first row, behind "#TYPE ..." */
static enum error
read_names(struct csv_rows *c, struct error_text *why)
{
	enum error e = csv_reader_next(&c->reader, why);

	if (e == OK && strncmp(csv_reader_field(&c->reader, 0), "#TYPE", 5) == 0)
		e = csv_reader_next(&c->reader, why);
	if (e == ERR_NOTFOUND)
		return bad_head("there is no line", "", why);
	return e == ERR_DATA ? ERR_FORMAT : e;
}

/* read_head - which column is where */
static enum error
read_head(struct csv_rows *c, struct error_text *why)
{
	const char *unknown = NULL;
	enum error e = read_names(c, why);

	c->started = true;
	for (int i = 0; i < CSV_COLUMNS; i++)
		c->place[i] = CSV_NOWHERE;
	c->columns = c->reader.columns;
	for (size_t i = 0; e == OK && i < c->columns; i++)
		e = place_column(c, i, &unknown, why);
	if (e == OK)
		e = check_head(c, unknown, why);
	csv_reader_keep_none(&c->reader);
	for (int i = 0; i < CSV_COLUMNS; i++)
		if (c->place[i] != CSV_NOWHERE)
			csv_reader_keep(&c->reader, c->place[i]);
	return e;
}

static const char *
field(const struct csv_rows *c, enum csv_column column)
{
	return has(c, column) ? csv_reader_field(&c->reader, c->place[column]) : "";
}

/* read_disabled - Exchange's word, the other way round */
static enum error
read_disabled(const char *value, enum smtp_auth *out_r, struct error_text *why)
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
		    "bad SmtpClientAuthenticationDisabled \"%.100s\": use True, False "
		    "or "
		    "nothing",
		    value);
	return OK;
}

/* set - a field by its name, unless there is nothing in it */
static enum error
set(const struct csv_rows *c, enum csv_column column, struct row *row,
    struct error_text *why)
{
	const char *value = field(c, column);

	if (*value == '\0')
		return OK;
	return row_set_mailbox(row, names[column], value, c->now, why);
}

/* set_setting - of our column, or of Exchange's */
static enum error
set_setting(const struct csv_rows *c, struct row *row, struct error_text *why)
{
	if (c->exchange)
		return read_disabled(
		    field(c, CSV_EXCHANGE_DISABLED), &row->mailbox.smtp_auth, why);
	return row_set_mailbox(
	    row, names[CSV_SMTP_AUTH], field(c, CSV_SMTP_AUTH), c->now, why);
}

/* fill - the row from its fields */
static enum error
fill(const struct csv_rows *c, struct row *row, struct error_text *why)
{
	const char *clients = field(c, CSV_CLIENTS);
	enum error e;

	row_start(row, ROW_MAILBOX);
	if (c->reader.columns != c->columns)
		return error_set(why, ERR_DATA, "%zu fields, but %zu columns",
		    c->reader.columns, c->columns);
	row->name = field(c, c->exchange ? CSV_EXCHANGE_ADDRESS : CSV_ADDRESS);
	row->says = (has(c, CSV_UNTIL) ? ROW_UNTIL : 0) |
	    (has(c, CSV_CLIENTS) ? ROW_CLIENTS : 0) | (has(c, CSV_NOTE) ? ROW_NOTE : 0);
	if (*row->name == '\0')
		return error_set(why, ERR_DATA, "the address is empty");
	e = set_setting(c, row, why);
	if (e == OK)
		e = set(c, CSV_UNTIL, row, why);
	if (e == OK && *clients != '\0')
		e = cidr_list_parse(clients, &row->mailbox.clients, why);
	if (e == OK)
		e = set(c, CSV_NOTE, row, why);
	return e == OK ? row_check_mailbox(row, why) : e;
}

enum error
csv_rows_next(
    struct csv_rows *c, struct row *row, uint64_t *line_r, struct error_text *why)
{
	enum error e = c->started ? OK : read_head(c, why);

	if (e == OK)
		e = csv_reader_next(&c->reader, why);
	*line_r = c->reader.line;
	return e == OK ? fill(c, row, why) : e;
}
