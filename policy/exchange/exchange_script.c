/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_script - Exchange's commands as people paste them, taken line by line */
#include "policy/exchange/exchange_script.h"

#include <string.h>

#include "policy/base/unicode.h"
#include "policy/exchange/exchange_row.h"

void
exchange_script_start(struct exchange_script *s)
{
	memset(s, 0, sizeof *s);
}

void
exchange_script_line(struct exchange_script *s, const char *line, size_t n)
{
	s->line++;
	if (s->line == 1 && n >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) {
		line += 3;
		n -= 3;
	}
	if (n > 0 && line[n - 1] == '\r')
		n--;
	s->left = (struct exchange_span){line, n};
	s->row = (struct exchange_span){line, 0};
	s->in_row = false;
	s->fresh = true;
}

/* drop - forgets the command that is being read */
static void
drop(struct exchange_script *s)
{
	s->words = s->used = 0;
	s->goes_on = false;
}

/* ends_in_backtick - whether the line goes on in the next one */
static bool
ends_in_backtick(struct exchange_span line)
{
	line = exchange_trim(line);
	return line.len > 0 && line.at[line.len - 1] == '`';
}

/* fail - passes over the rest of the line, and of the command on the lines behind it */
static enum error
fail(struct exchange_script *s, enum error e)
{
	s->where = s->line;
	s->skips = !s->in_row && ends_in_backtick(s->left);
	s->left.len = 0;
	drop(s);
	return e;
}

/* is_fence - "```powershell": where Markdown's code begins or ends */
static bool
is_fence(struct exchange_span line)
{
	return line.len >= 3 && memcmp(line.at, "```", 3) == 0 &&
	    memchr(line.at + 3, '`', line.len - 3) == NULL &&
	    memchr(line.at + 3, '-', line.len - 3) == NULL;
}

/* not_a_heading - for a row without a command that nothing explains */
static enum error
not_a_heading(struct exchange_script *s, uint64_t line, struct error_text *why)
{
	s->where = line;
	return error_set(why, ERR_DATA, "this row of a table has no command");
}

/* table_row - what the row is to its table */
static enum error
table_row(struct exchange_script *s, enum exchange_row kind, struct error_text *why)
{
	bool text = kind == EXCHANGE_ROW_TEXT || kind == EXCHANGE_ROW_HEADING;
	uint64_t heading = s->heading;
	bool late = text && s->in_body;

	s->heading = kind == EXCHANGE_ROW_TEXT && !late ? s->line : 0;
	if (kind == EXCHANGE_ROW_COMMANDS) {
		s->row = s->left;
		s->in_row = true;
	}
	s->left.len = 0;
	if (kind == EXCHANGE_ROW_COMMANDS || kind == EXCHANGE_ROW_HEADING ||
	    (kind == EXCHANGE_ROW_BORDER && heading != 0))
		s->in_body = true;
	if (late)
		return not_a_heading(s, s->line, why);
	if (heading != 0 && kind != EXCHANGE_ROW_BORDER)
		return not_a_heading(s, heading, why);
	return OK;
}

/* plain_line - an ordinary line, without what was pasted around the command */
static enum error
plain_line(struct exchange_script *s, struct error_text *why)
{
	uint64_t heading = s->heading;

	s->heading = 0;
	s->in_body = false;
	s->left = exchange_skip_prompt(s->left);
	if (is_fence(s->left))
		s->left.len = 0;
	else if (s->left.len > 0 && s->left.at[s->left.len - 1] == '|')
		s->left.len--; /* the border of a table of one column */
	return heading != 0 ? not_a_heading(s, heading, why) : OK;
}

/* look - at a line as a whole, before its words */
static enum error
look(struct exchange_script *s, struct error_text *why)
{
	enum exchange_row kind;
	enum error e;

	s->fresh = false;
	if (s->left.len > EXCHANGE_LINE_MAX)
		e = error_set(why, ERR_DATA, "the line is longer than %d bytes",
		    EXCHANGE_LINE_MAX);
	else
		e = exchange_check_text(s->left, why);
	if (e != OK)
		return fail(s, e);
	if (s->skips) {
		s->skips = ends_in_backtick(s->left);
		s->left.len = 0;
		return OK;
	}
	if (s->comment)
		return OK;
	if (s->goes_on) {
		s->left = exchange_skip_prompt(s->left);
		return OK;
	}
	s->left = exchange_trim(s->left);
	e = exchange_row_kind(s->left, &kind, why);
	if (e != OK)
		return fail(s, e);
	return kind == EXCHANGE_ROW_NONE ? plain_line(s, why) : table_row(s, kind, why);
}

static void
advance(struct exchange_script *s, size_t n)
{
	s->left.at += n;
	s->left.len -= n;
}

static bool
begins(const struct exchange_script *s, const char *what)
{
	size_t n = strlen(what);

	return s->left.len >= n && memcmp(s->left.at, what, n) == 0;
}

/* skip_comment - up to "#>"; all of it where that is on a later line */
static void
skip_comment(struct exchange_script *s)
{
	while (s->left.len > 0 && !begins(s, "#>"))
		advance(s, 1);
	if (s->left.len == 0)
		return;
	advance(s, 2);
	s->comment = false;
}

/* put - appends to the word at the end */
static enum error
put(struct exchange_script *s, size_t n, struct error_text *why)
{
	if (n > sizeof s->buf - s->used)
		return error_set(why, ERR_DATA, "the command is longer than %d bytes",
		    EXCHANGE_COMMAND_MAX);
	memcpy(s->buf + s->used, s->left.at, n);
	s->used += n;
	s->word[s->words].text.len += n;
	advance(s, n);
	return OK;
}

/* put_escaped - the character behind a backtick */
static enum error
put_escaped(struct exchange_script *s, struct error_text *why)
{
	char c = (char)(s->left.len > 1 ? s->left.at[1] : '\0');

	if (c == '\0' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z'))
		return error_set(why, ERR_DATA,
		    "a backtick stands before a quote, a `$` or the end of a line "
		    "only");
	advance(s, 1);
	return put(s, unicode_length(s->left.at, s->left.len), why);
}

/* put_quoted - a quoted part of a word; a quote in it is doubled */
static enum error
put_quoted(struct exchange_script *s, struct error_text *why)
{
	char kind, other;
	enum error e = OK;
	size_t n;

	advance(s, exchange_quote(s->left.at, s->left.len, &kind));
	while (e == OK && s->left.len > 0) {
		n = exchange_quote(s->left.at, s->left.len, &other);
		if (n > 0 && other == kind) {
			advance(s, n);
			n = exchange_quote(s->left.at, s->left.len, &other);
			if (n == 0 || other != kind)
				return OK;
		}
		if (kind == '"' && s->left.at[0] == '$')
			s->word[s->words].variable = true;
		if (kind == '"' && s->left.at[0] == '`')
			e = put_escaped(s, why);
		else
			e = put(s, n > 0 ? n : 1, why);
	}
	return e != OK ? e
		       : error_set(why, ERR_DATA,
			     "a quote is not closed; a ' within a word is doubled in "
			     "quotes: 'o''neil@example.com'");
}

/* not_plain - what is more than a plain command */
static enum error
not_plain(const struct exchange_script *s, struct error_text *why)
{
	if (s->left.at[0] == '|')
		return error_set(why, ERR_DATA,
		    "pipelines are not supported; a row of a table begins with |");
	return error_set(why, ERR_DATA,
	    "\"%c\" is not supported: only plain commands are, without expressions",
	    s->left.at[0]);
}

/* is_end - whether a word ends here */
static bool
is_end(const struct exchange_script *s)
{
	return s->left.len == 0 || exchange_blank(s->left.at, s->left.len) > 0 ||
	    s->left.at[0] == ';' || begins(s, "<#") ||
	    (s->left.at[0] == '`' && exchange_trim(s->left).len == 1);
}

/* take_word - one word, put together from its parts */
static enum error
take_word(struct exchange_script *s, struct error_text *why)
{
	struct exchange_word *w = &s->word[s->words];
	enum error e = OK;
	char kind;

	if (s->words == 0)
		s->started = s->line;
	if (s->words > EXCHANGE_WORDS_MAX)
		return error_set(why, ERR_DATA, "the command has more than %d words",
		    EXCHANGE_WORDS_MAX);
	*w = (struct exchange_word){.text = {s->buf + s->used, 0}};
	w->quoted = exchange_quote(s->left.at, s->left.len, &kind) > 0;
	if (s->left.at[0] == '@')
		return not_plain(s, why);
	while (e == OK && !is_end(s)) {
		if (strchr("|&(){}<>,", s->left.at[0]) != NULL)
			return not_plain(s, why);
		if (s->left.at[0] == '$')
			w->variable = true;
		if (exchange_quote(s->left.at, s->left.len, &kind) > 0)
			e = put_quoted(s, why);
		else if (s->left.at[0] == '`')
			e = put_escaped(s, why);
		else
			e = put(s, 1, why);
	}
	s->words += e == OK;
	return e;
}

/* take_statement - words up to the end of a command, or of what there is */
static enum error
take_statement(struct exchange_script *s, struct error_text *why)
{
	enum error e = OK;
	size_t blank;

	s->goes_on = false;
	while (e == OK && s->left.len > 0) {
		blank = exchange_blank(s->left.at, s->left.len);
		if (s->comment) {
			skip_comment(s);
		} else if (blank > 0) {
			advance(s, blank);
		} else if (begins(s, "<#")) {
			s->comment = true;
			s->opened = s->line;
		} else if (s->left.at[0] == '#') {
			s->left.len = 0;
		} else if (s->left.at[0] == ';') {
			advance(s, 1);
			return OK;
		} else if (s->left.at[0] == '`' && exchange_trim(s->left).len == 1) {
			s->goes_on = true;
			s->left.len = 0;
		} else {
			e = take_word(s, why);
		}
	}
	return e;
}

/* next_cell - the next command of a row of a table */
static bool
next_cell(struct exchange_script *s)
{
	if (!s->in_row || !exchange_row_next(&s->row, &s->left))
		return false;
	s->left = exchange_skip_prompt(s->left);
	return true;
}

/* finish - what the words mean */
static enum error
finish(struct exchange_script *s, struct exchange *out_r, struct error_text *why)
{
	enum exchange_cmdlet cmdlet;
	enum error e;

	s->where = s->started;
	if (exchange_cmdlet_find(s->word[0].text, &cmdlet) && !s->word[0].quoted)
		e = exchange_read(
		    cmdlet, s->word + 1, s->words - 1, EXCHANGE_SCRIPT, out_r, why);
	else
		e = exchange_unknown(s->word[0].text, why);
	drop(s);
	return e;
}

enum error
exchange_script_next(
    struct exchange_script *s, struct exchange *out_r, struct error_text *why)
{
	enum error e = OK;

	for (;;) {
		if (s->fresh)
			e = look(s, why);
		else if (s->left.len == 0 && !next_cell(s))
			return ERR_NOTFOUND;
		if (e != OK)
			return e;
		e = take_statement(s, why);
		if (e == OK && (s->goes_on || s->comment)) {
			if (!s->in_row)
				return ERR_NOTFOUND;
			s->comment = false;
			e = error_set(why, ERR_DATA,
			    "a command in a table has to end in its cell");
		}
		if (e != OK)
			return fail(s, e);
		if (s->words > 0)
			return finish(s, out_r, why);
	}
}

enum error
exchange_script_end(struct exchange_script *s, struct error_text *why)
{
	if (s->heading != 0)
		return not_a_heading(s, s->heading, why);
	s->where = s->opened;
	if (s->comment)
		return error_set(why, ERR_DATA, "a comment <# is not ended by #>");
	s->where = s->line;
	if (s->goes_on)
		return error_set(why, ERR_DATA,
		    "the command is not complete: its last line ends in a backtick");
	return OK;
}
