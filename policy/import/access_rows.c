/* SPDX-License-Identifier: BSD-2-Clause */
/* access_rows - mailboxes from a Postfix table as check_sasl_access reads it */
#include "policy/import/access_rows.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r"
#define REPLY_CODE 3 /* digits */

void
access_rows_start(struct access_rows *a, FILE *in, uint64_t line, instant now)
{
	memset(a, 0, sizeof *a);
	a->now = now;
	line_reader_start(&a->reader, in, line, ACCESS_LINE_MAX);
}

void
access_rows_end(struct access_rows *a)
{
	line_reader_end(&a->reader);
}

/* access_is_empty - whether a line of the file is blank, or a comment */
static bool
access_is_empty(struct bytes line)
{
	const char *text = line.at;
	size_t i = 0;

	while (i < line.len && text[i] != '\0' && strchr(BLANKS, text[i]) != NULL)
		i++;
	return i == line.len || text[i] == '#';
}

/* access_add - a line of the file to LINE */
static enum error
access_add(struct access_rows *a, struct bytes more, struct error_text *why)
{
	size_t n = strlen(a->line);

	if (memchr(more.at, '\0', more.len) != NULL)
		return error_set(why, ERR_DATA, "the line has a NUL byte");
	if (more.len > ACCESS_LINE_MAX - n)
		return error_set(why, ERR_DATA,
		    "the line, with those that continue it, is longer than %d bytes",
		    ACCESS_LINE_MAX);
	memcpy(a->line + n, more.at, more.len);
	a->line[n + more.len] = '\0';
	return OK;
}

/*
 * access_continues - whether what follows can belong to this line: one that begins with
 * a blank does, also after empty lines and comments
 */
static bool
access_continues(const struct access_rows *a)
{
	int c = getc(a->reader.in);

	ungetc(c, a->reader.in);
	return c > 0 && strchr(BLANKS "\n#", c) != NULL;
}

/* access_read - a line with those that continue it, also after what is wrong with it */
static enum error
access_read(
    struct access_rows *a, uint64_t *where_r, bool *found_r, struct error_text *why)
{
	enum error e, bad = OK;
	struct bytes more;
	bool begun = false;

	a->line[0] = '\0';
	do {
		e = line_reader_next(&a->reader, &more, found_r);
		if (e != OK && e != ERR_LIMIT)
			return error_set(why, e, "cannot read the input");
		if (!*found_r || (e == OK && access_is_empty(more)))
			continue;
		if (!begun)
			*where_r = a->reader.line;
		begun = true;
		if (bad == OK && e == ERR_LIMIT)
			bad = error_set(why, ERR_DATA,
			    "the line is longer than %d bytes", ACCESS_LINE_MAX);
		else if (bad == OK)
			bad = access_add(a, more, why);
	} while (*found_r && (!begun || access_continues(a)));
	*found_r = begun;
	return bad;
}

/* access_is_reply - "550 text", "4.7.1" is for the text; digits alone are none */
static bool
access_is_reply(const char *action, char class)
{
	return action[0] == class && isdigit((unsigned char)action[1]) &&
	    isdigit((unsigned char)action[2]) &&
	    (action[REPLY_CODE] == ' ' || action[REPLY_CODE] == '\t');
}

/* access_action - the setting that ACTION stands for; TEXT_R is what follows it */
static enum error
access_action(struct access_rows *a, const char *action, enum smtp_auth *out_r,
    const char **text_r, struct error_text *why)
{
	size_t n = strcspn(action, BLANKS);
	bool defer = (n == 5 && strncasecmp(action, "DEFER", n) == 0) ||
	    access_is_reply(action, '4');

	a->deferred = a->deferred || defer;
	*text_r = action + n + strspn(action + n, BLANKS);
	if (defer || (n == 6 && strncasecmp(action, "REJECT", n) == 0) ||
	    access_is_reply(action, '5'))
		*out_r = SMTP_AUTH_DISABLED;
	else if (n == 2 && strncasecmp(action, "OK", n) == 0)
		*out_r = SMTP_AUTH_ENABLED;
	else if (n == 5 && strncasecmp(action, "DUNNO", n) == 0)
		*out_r = SMTP_AUTH_INHERIT;
	else
		return error_set(why, ERR_DATA,
		    "bad action \"%.100s\": use REJECT, DEFER, OK or DUNNO", action);
	return OK;
}

/* access_fill - ROW from LINE, which is cut into its parts */
static enum error
access_fill(struct access_rows *a, struct row *row, struct error_text *why)
{
	char *end = a->line + strlen(a->line);
	size_t n = strcspn(a->line, BLANKS);
	const char *action, *text;
	enum error e;

	row_start(row, ROW_MAILBOX);
	row->name = a->line;
	row->says = 0;
	if (n == 0)
		return error_set(why, ERR_DATA,
		    "the line begins with a blank, and there is none that it continues");
	while (end > a->line && strchr(BLANKS, end[-1]) != NULL)
		*--end = '\0';
	for (char *at = a->line; at < end; at++) /* a note has no control characters */
		if (strchr(BLANKS, *at) != NULL)
			*at = ' ';
	if (a->line[n] == '\0')
		return error_set(why, ERR_DATA, "\"%.*s\" has no action after it",
		    (int)strcspn(a->line, ":"), a->line);
	a->line[n] = '\0';
	action = a->line + n + 1 + strspn(a->line + n + 1, BLANKS);
	e = access_action(a, action, &row->mailbox.smtp_auth, &text, why);
	if (e != OK || *text == '\0' || row->mailbox.smtp_auth != SMTP_AUTH_DISABLED)
		return e;
	row->says = ROW_NOTE;
	return row_set(row, row_field_find(ROW_MAILBOX, "note"), text, a->now, why);
}

enum error
access_rows_next(
    struct access_rows *a, struct row *row, bool *found_r, struct error_text *why)
{
	enum error e = access_read(a, &row->line, found_r, why);

	return e == OK && *found_r ? access_fill(a, row, why) : e;
}
