/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_rows - mailboxes from CSV, with our columns or those of Exchange's Export-Csv */
#include "policy/import/csv_rows.h"

#include <string.h>
#include <strings.h>

#include "policy/base/near_word.h"

static const char *const csv_names[CSV_COLUMNS] = {
    [CSV_ADDRESS] = "address",
    [CSV_SMTP_AUTH] = "smtp_auth",
    [CSV_UNTIL] = "until",
    [CSV_CLIENTS] = "clients",
    [CSV_NOTE] = "note",
    [CSV_EXCHANGE_ADDRESS] = "PrimarySmtpAddress",
    [CSV_EXCHANGE_DISABLED] = "SmtpClientAuthenticationDisabled",
    [CSV_EXCHANGE_LOGIN] = "UserPrincipalName",
    [CSV_EXCHANGE_ADDRESSES] = "EmailAddresses",
};

void
csv_rows_start(struct csv_rows *c, FILE *in, uint64_t line, bool aliases, instant now)
{
	memset(c, 0, sizeof *c);
	text_init(&c->passed, c->names, sizeof c->names);
	c->aliases = aliases;
	c->now = now;
	csv_reader_start(&c->reader, in, line);
}

void
csv_rows_end(struct csv_rows *c)
{
	csv_reader_end(&c->reader);
}

#define HEADINGS \
	"address,smtp_auth[,until,clients,note] or PrimarySmtpAddress,SmtpClientAuthenticationDisabled"

/* csv_rows_bad_heading - what is wrong with the line of column names */
static enum error
csv_rows_bad_heading(const char *what, const char *name, struct error_text *why)
{
	return error_set(why, ERR_FORMAT,
	    "%s%s%.100s%s: the first line names the columns, " HEADINGS, what,
	    *name != '\0' ? " \"" : "", name, *name != '\0' ? "\"" : "");
}

/* csv_rows_pass_over - an unknown column, unless it looks like a slip of the pen */
static enum error
csv_rows_pass_over(struct csv_rows *c, const char *name, struct error_text *why)
{
	static const char *const optional[] = {"until", "clients", "note"};
	const char *near = near_word_find(name, optional, 3);

	if (near != NULL)
		return error_set(why, ERR_FORMAT,
		    "unknown column \"%.100s\": do you mean \"%s\"?", name, near);
	if (*name == '\0')
		return OK;
	text_puts(&c->passed, c->passed.len > 0 ? ", \"" : "\"");
	text_show(&c->passed, name, strlen(name), CSV_NAME_SHOWN);
	text_puts(&c->passed, "\"");
	return OK;
}

/* csv_rows_place - where a known column stands */
static enum error
csv_rows_place(struct csv_rows *c, size_t at, struct error_text *why)
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
	return csv_rows_pass_over(c, name, why);
}

static bool
csv_rows_has(const struct csv_rows *c, enum csv_column column)
{
	return c->place[column] != CSV_NOWHERE;
}

/* csv_rows_unknown - a heading without any column of ours: say what the file may be */
static enum error
csv_rows_unknown(const struct csv_rows *c, struct error_text *why)
{
	const char *name = csv_reader_field(&c->reader, 0), *at = strchr(name, '@');

	if (at != NULL && strchr(at, ':') != NULL)
		return error_set(why, ERR_FORMAT,
		    "this is a password file, not a file of settings; contrib/panels has a recipe for it");
	if (at != NULL)
		return error_set(why, ERR_FORMAT,
		    "\"%.100s\" is no name of a column: begin with the line address,smtp_auth and write ADDRESS,enabled in each of the others; a table for check_sasl_access needs --format access",
		    name);
	if (strcasecmp(name, "Sender address") == 0)
		return error_set(why, ERR_FORMAT,
		    "this is a report of SMTP AUTH clients, not of settings: \"Importing\" in smtpauthctl(8) makes exceptions of it");
	return error_set(why, ERR_FORMAT,
	    "no column that is known, the first is \"%.100s\": the first line names the columns, " HEADINGS
	    "; contrib/panels has recipes for the databases of panels",
	    name);
}

/* csv_rows_check - one kind of columns, and all of them that are needed */
static enum error
csv_rows_check(struct csv_rows *c, struct error_text *why)
{
	bool ours = csv_rows_has(c, CSV_ADDRESS) || csv_rows_has(c, CSV_SMTP_AUTH);
	int first;

	c->exchange = csv_rows_has(c, CSV_EXCHANGE_ADDRESS) ||
	    csv_rows_has(c, CSV_EXCHANGE_DISABLED);
	if (ours && c->exchange)
		return csv_rows_bad_heading("columns of both kinds", "", why);
	if (!ours && !c->exchange)
		return csv_rows_unknown(c, why);
	first = c->exchange ? CSV_EXCHANGE_ADDRESS : CSV_ADDRESS;
	for (int i = first; i < first + 2; i++)
		if (!csv_rows_has(c, (enum csv_column)i))
			return csv_rows_bad_heading(
			    "a column is missing:", csv_names[i], why);
	return OK;
}

/* csv_rows_is_preamble - a line that PowerShell or Excel puts before the heading */
static bool
csv_rows_is_preamble(struct csv_rows *c)
{
	const char *first = csv_reader_field(&c->reader, 0);

	if (strncmp(first, "#TYPE", 5) == 0) {
		c->reader.delimiter = CSV_DELIMITER_UNKNOWN;
		return true;
	}
	/* the delimiter that "sep=;" names has been seen there, unless it is in quotes
	 */
	if (strncasecmp(first, "sep=", 4) != 0)
		return false;
	if (first[4] != '\0' && first[5] == '\0' && strchr(",;\t", first[4]) != NULL)
		c->reader.delimiter = first[4];
	return first[4] == '\0' || first[5] == '\0';
}

/* csv_rows_heading - reads which column is where */
static enum error
csv_rows_heading(struct csv_rows *c, struct error_text *why)
{
	bool found;
	enum error e;

	c->started = true;
	do
		e = csv_reader_next(&c->reader, &found, why);
	while (e == OK && found && csv_rows_is_preamble(c));
	if (e == OK && !found)
		return csv_rows_bad_heading("there is no line", "", why);
	if (e != OK)
		return e == ERR_DATA ? ERR_FORMAT : e;
	for (int i = 0; i < CSV_COLUMNS; i++)
		c->place[i] = CSV_NOWHERE;
	c->columns = c->reader.columns;
	for (size_t i = 0; e == OK && i < c->columns; i++)
		e = csv_rows_place(c, i, why);
	if (e == OK)
		e = csv_rows_check(c, why);
	c->has_aliases = csv_rows_has(c, CSV_EXCHANGE_LOGIN) ||
	    csv_rows_has(c, CSV_EXCHANGE_ADDRESSES);
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

/* csv_rows_unwrap - the address, without what mail programs and exports put around it
 */
static enum error
csv_rows_unwrap(const char *cell, char *out, struct error_text *why)
{
	size_t n = strlen(cell), prefix = strcspn(cell, ":") + 1;

	if (prefix <= n &&
	    (strncasecmp(cell, "smtp:", prefix) == 0 ||
		strncasecmp(cell, "mailto:", prefix) == 0)) {
		cell += prefix;
		n -= prefix;
	}
	if (n >= 2 && cell[0] == '<' && strchr(cell, '>') == cell + n - 1) {
		cell++;
		n -= 2;
	}
	if (n > LOGIN_RAW_MAX)
		return error_set(why, ERR_DATA,
		    "the address \"%.40s...\" is longer than %d bytes", cell,
		    LOGIN_RAW_MAX);
	memcpy(out, cell, n);
	out[n] = '\0';
	return OK;
}

/* csv_rows_fill - ROW from the fields; empty ones are left at their default */
static enum error
csv_rows_fill(struct csv_rows *c, struct row *row, struct error_text *why)
{
	const char *cell, *clients = csv_rows_field(c, CSV_CLIENTS);
	enum error e;

	row_start(row, ROW_MAILBOX);
	if (c->reader.columns != c->columns)
		return error_set(why, ERR_DATA, "%zu fields, but %zu columns",
		    c->reader.columns, c->columns);
	cell = csv_rows_field(c, c->exchange ? CSV_EXCHANGE_ADDRESS : CSV_ADDRESS);
	e = csv_rows_unwrap(cell, c->address, why);
	if (e != OK)
		return e;
	row->name = c->address;
	for (int i = 0; i < CSV_COLUMNS; i++)
		c->valued[i] =
		    c->valued[i] || *csv_rows_field(c, (enum csv_column)i) != '\0';
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

bool
csv_rows_is_blank(const struct csv_rows *c, enum csv_column column)
{
	return csv_rows_has(c, column) && !c->valued[column];
}

/* csv_rows_is_known - whether the mailbox has that login anyway */
static bool
csv_rows_is_known(const struct csv_rows *c, const char *login)
{
	return *login == '\0' || strcasecmp(login, c->address) == 0;
}

/* csv_rows_take_login - one of EmailAddresses, without its "smtp:" */
static enum error
csv_rows_take_login(
    struct csv_rows *c, const char *address, size_t n, struct error_text *why)
{
	const char *at = memchr(address, '@', n);

	if (n > LOGIN_RAW_MAX || at == NULL ||
	    memchr(at + 1, '@', n - 1 - (size_t)(at - address)) != NULL)
		return error_set(why, ERR_DATA,
		    "EmailAddresses: \"%.*s\" is no address: blanks, commas or semicolons stand between them",
		    (int)(n < 100 ? n : 100), address);
	memcpy(c->login, address, n);
	c->login[n] = '\0';
	return OK;
}

/*
 * csv_rows_next_address - the next one of EmailAddresses; FOUND_R is false where none
 * is left. Others than SMTP's are skipped, and the braces of PowerShell's lists.
 */
static enum error
csv_rows_next_address(struct csv_rows *c, bool *found_r, struct error_text *why)
{
	static const char between[] = " ,;\t\r\n";
	enum error e = OK;
	size_t n;

	*found_r = false;
	while (e == OK && !*found_r &&
	    *(c->addresses += strspn(c->addresses, between)) != '\0') {
		const char *at = c->addresses;

		n = strcspn(at, between);
		c->addresses += n;
		if (*at == '{') {
			at++;
			n--;
		}
		if (n > 0 && at[n - 1] == '}')
			n--;
		if (n < 5 || strncasecmp(at, "smtp:", 5) != 0)
			continue;
		e = csv_rows_take_login(c, at + 5, n - 5, why);
		*found_r = e == OK && !csv_rows_is_known(c, c->login);
	}
	return e;
}

/* csv_rows_next_alias - another login of the mailbox of the row before */
static enum error
csv_rows_next_alias(
    struct csv_rows *c, struct row *row, bool *found_r, struct error_text *why)
{
	const char *login = csv_rows_field(c, CSV_EXCHANGE_LOGIN);
	enum error e;

	*found_r = false;
	if (c->addresses == NULL)
		return OK;
	row_start(row, ROW_ALIAS);
	row->value = c->address;
	row->name = c->login;
	if (!c->login_taken) {
		c->login_taken = true;
		*found_r = !csv_rows_is_known(c, login);
		if (*found_r) {
			row->name = login;
			return OK;
		}
	}
	e = csv_rows_next_address(c, found_r, why);
	if (!*found_r)
		c->addresses = NULL;
	return e;
}

/* csv_rows_start_aliases - of the row before; a cell with an object in it has none */
static enum error
csv_rows_start_aliases(struct csv_rows *c, struct error_text *why)
{
	const char *cell = csv_rows_field(c, CSV_EXCHANGE_ADDRESSES);

	if (cell[strspn(cell, "{} ")] != '\0' && strchr(cell, ':') == NULL)
		return error_set(why, ERR_DATA,
		    "EmailAddresses \"%.100s\" has no address with its kind, as smtp:name@example.com: export them joined, as $_.EmailAddresses -join ' '",
		    cell);
	c->addresses = cell;
	c->login_taken = false;
	return OK;
}

enum error
csv_rows_next(
    struct csv_rows *c, struct row *row, bool *found_r, struct error_text *why)
{
	enum error e = c->started ? OK : csv_rows_heading(c, why);

	*found_r = false;
	if (e == OK)
		e = csv_rows_next_alias(c, row, found_r, why);
	if (e == OK && *found_r)
		return OK;
	if (e == OK)
		e = csv_reader_next(&c->reader, found_r, why);
	row->line = c->reader.line;
	if (e != OK || !*found_r)
		return e;
	e = csv_rows_fill(c, row, why);
	if (e == OK && c->aliases && c->has_aliases)
		e = csv_rows_start_aliases(c, why);
	return e;
}
