/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_script - Exchange's commands as people paste them, taken line by line */
#include "policy/exchange/exchange_script.h"

#include <string.h>

#include "policy/base/unicode.h"

/* What a line is to a table in which somebody keeps commands. */
enum row_kind {
	ROW_NONE,     /* no row: an ordinary line */
	ROW_BORDER,   /* "|---|---|", "+---+", or nothing in any cell */
	ROW_HEADING,  /* "|| Who || What ||": titles, of a wiki */
	ROW_TEXT,     /* no cell has a command: a heading, if a border follows */
	ROW_COMMANDS, /* some cells are commands; the others are remarks */
};

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

/* row_is_border - whether the line, which is not empty, draws one */
static bool
row_is_border(struct exchange_span line)
{
	bool drawn = false;

	if (line.at[0] != '|' && line.at[0] != '+')
		return false;
	for (size_t i = 0; i < line.len; i++) {
		if (line.at[i] == '\0' || strchr("|+:= \t-", line.at[i]) == NULL)
			return false;
		drawn = drawn || line.at[i] == '-' || line.at[i] == '=';
	}
	return drawn;
}

/* row_cell - takes the next cell, trimmed, without the backticks of inline code */
static bool
row_cell(struct exchange_span *row, struct exchange_span *cell)
{
	const char *bar;

	if (row->len == 0)
		return false;
	bar = memchr(row->at, '|', row->len);
	*cell = (struct exchange_span){
	    row->at, bar != NULL ? (size_t)(bar - row->at) : row->len};
	*row = exchange_char_skip(*row, cell->len + (bar != NULL));
	*cell = exchange_char_trim(*cell);
	while (cell->len >= 2 && cell->at[0] == '`' && cell->at[cell->len - 1] == '`') {
		cell->at++;
		cell->len -= 2;
	}
	*cell = exchange_char_trim(*cell);
	return true;
}

/*
 * cell_is_command - whether it begins with one of PowerShell's verbs and a noun,
 * perhaps after a prompt: a command that is not ours must not pass for a remark
 */
static bool
cell_is_command(struct exchange_span cell)
{
	static const char *const verbs[] = {"add-", "clear-", "connect-", "copy-",
	    "disable-", "disconnect-", "enable-", "export-", "foreach-", "format-",
	    "get-", "import-", "invoke-", "move-", "new-", "out-", "read-", "remove-",
	    "restore-", "select-", "set-", "start-", "stop-", "test-", "update-",
	    "where-", "write-"};
	struct exchange_span noun,
	    word = exchange_char_first_word(exchange_char_skip_prompt(cell));

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		size_t n = exchange_char_match(word, verbs[i]);

		noun = exchange_char_skip(word, n);
		if (n > 0 && noun.len > 0 && ((noun.at[0] | 0x20) >= 'a') &&
		    (noun.at[0] | 0x20) <= 'z')
			return true;
	}
	return false;
}

/* cell_hides_command - whether one of our commands stands amid the text */
static bool
cell_hides_command(struct exchange_span cell)
{
	enum exchange_cmdlet cmdlet;

	while (cell.len > 0) {
		struct exchange_span word = exchange_char_first_word(cell);

		cell = exchange_char_trim(exchange_char_skip(cell, word.len));
		while (word.len > 0 && strchr("`'\"(*_", word.at[0]) != NULL)
			word = exchange_char_skip(word, 1);
		if (exchange_cmdlet_find(word, &cmdlet))
			return true;
	}
	return false;
}

/* row_kind - what a trimmed line is */
static enum error
row_kind(struct exchange_span line, enum row_kind *kind_r, struct error_text *why)
{
	struct exchange_span row = line, cell;
	bool text = false, commands = false;

	*kind_r = ROW_NONE;
	if (line.len == 0)
		return OK;
	if (row_is_border(line))
		*kind_r = ROW_BORDER;
	if (*kind_r == ROW_BORDER || line.at[0] != '|')
		return OK;
	while (row_cell(&row, &cell)) {
		if (cell_is_command(cell))
			commands = true;
		else if (cell_hides_command(cell))
			return error_set(why, ERR_DATA,
			    "a command has to stand first in its cell of a table");
		else
			text = text || cell.len > 0;
	}
	if (commands)
		*kind_r = ROW_COMMANDS;
	else if (!text)
		*kind_r = ROW_BORDER;
	else if (line.len > 4 && memcmp(line.at, "||", 2) == 0 &&
	    memcmp(line.at + line.len - 2, "||", 2) == 0)
		*kind_r = ROW_HEADING;
	else
		*kind_r = ROW_TEXT;
	return OK;
}

/* script_drop - forgets the command that is being read */
static void
script_drop(struct exchange_script *s)
{
	s->words = s->used = s->pipe = 0;
	s->goes_on = false;
}

/* ends_in_backtick - whether the line goes on in the next one */
static bool
ends_in_backtick(struct exchange_span line)
{
	line = exchange_char_trim(line);
	return line.len > 0 && line.at[line.len - 1] == '`';
}

/* script_fail - skips the rest of the line, and of the command on the lines after it */
static enum error
script_fail(struct exchange_script *s, enum error e)
{
	s->where = s->line;
	s->skips = !s->in_row && ends_in_backtick(s->left);
	s->left.len = 0;
	script_drop(s);
	return e;
}

/* script_no_heading - for a row without a command that nothing explains */
static enum error
script_no_heading(struct exchange_script *s, uint64_t line, struct error_text *why)
{
	s->where = line;
	return error_set(why, ERR_DATA, "this row of a table has no command");
}

/* script_row - what the row is to its table */
static enum error
script_row(struct exchange_script *s, enum row_kind kind, struct error_text *why)
{
	bool late = (kind == ROW_TEXT || kind == ROW_HEADING) && s->in_body;
	uint64_t heading = s->heading;

	s->heading = kind == ROW_TEXT && !late ? s->line : 0;
	s->in_row = kind == ROW_COMMANDS;
	if (s->in_row)
		s->row = s->left;
	s->left.len = 0;
	if (kind == ROW_COMMANDS || kind == ROW_HEADING ||
	    (kind == ROW_BORDER && heading != 0))
		s->in_body = true;
	if (late)
		return script_no_heading(s, s->line, why);
	if (heading != 0 && kind != ROW_BORDER)
		return script_no_heading(s, heading, why);
	return OK;
}

/* is_fence - "```powershell": where Markdown's code begins or ends */
static bool
is_fence(struct exchange_span line)
{
	return line.len >= 3 && memcmp(line.at, "```", 3) == 0 &&
	    memchr(line.at + 3, '`', line.len - 3) == NULL &&
	    memchr(line.at + 3, '-', line.len - 3) == NULL;
}

/* script_plain - an ordinary line, without what was pasted around the command */
static enum error
script_plain(struct exchange_script *s, struct error_text *why)
{
	uint64_t heading = s->heading;

	s->heading = 0;
	s->in_body = false;
	s->left = exchange_char_skip_prompt(s->left);
	if (is_fence(s->left))
		s->left.len = 0;
	else if (s->left.len > 0 && s->left.at[s->left.len - 1] == '|')
		s->left.len--; /* the border of a table of one column */
	return heading != 0 ? script_no_heading(s, heading, why) : OK;
}

/* script_look - at a line as a whole, before its words */
static enum error
script_look(struct exchange_script *s, struct error_text *why)
{
	enum row_kind kind;
	enum error e;

	s->fresh = false;
	if (s->left.len > EXCHANGE_LINE_MAX)
		e = error_set(why, ERR_DATA, "the line is longer than %d bytes",
		    EXCHANGE_LINE_MAX);
	else
		e = exchange_char_check_text(s->left, why);
	if (e != OK)
		return script_fail(s, e);
	if (s->skips) {
		s->skips = ends_in_backtick(s->left);
		s->left.len = 0;
		return OK;
	}
	if (s->comment)
		return OK;
	if (s->goes_on) {
		s->left = exchange_char_skip_prompt(s->left);
		return OK;
	}
	s->left = exchange_char_trim(s->left);
	e = row_kind(s->left, &kind, why);
	if (e != OK)
		return script_fail(s, e);
	return kind == ROW_NONE ? script_plain(s, why) : script_row(s, kind, why);
}

static void
script_advance(struct exchange_script *s, size_t n)
{
	s->left = exchange_char_skip(s->left, n);
}

/* script_skip_comment - up to "#>"; all of it where that is on a later line */
static void
script_skip_comment(struct exchange_script *s)
{
	const char *end = memmem(s->left.at, s->left.len, "#>", 2);

	if (end != NULL)
		script_advance(s, (size_t)(end - s->left.at) + 2);
	else
		s->left.len = 0;
	s->comment = end == NULL;
}

/* script_put - appends N bytes to the last word */
static enum error
script_put(struct exchange_script *s, size_t n, struct error_text *why)
{
	if (n > sizeof s->buf - s->used)
		return error_set(why, ERR_DATA, "the command is longer than %d bytes",
		    EXCHANGE_COMMAND_MAX);
	memcpy(s->buf + s->used, s->left.at, n);
	s->used += n;
	s->word[s->words].text.len += n;
	script_advance(s, n);
	return OK;
}

/* script_put_escaped - the character after a backtick */
static enum error
script_put_escaped(struct exchange_script *s, struct error_text *why)
{
	char c = (char)(s->left.len > 1 ? s->left.at[1] : '\0');

	if (c == '\0' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z'))
		return error_set(why, ERR_DATA,
		    "a backtick stands before a quote, a `$` or the end of a line only");
	script_advance(s, 1);
	return script_put(s, unicode_length(s->left.at, s->left.len), why);
}

/* script_put_quoted - a quoted part of a word; a quote in it is doubled */
static enum error
script_put_quoted(struct exchange_script *s, struct error_text *why)
{
	size_t n;
	char kind = exchange_char(s->left, &n);
	enum error e;

	script_advance(s, n);
	while (s->left.len > 0) {
		if (exchange_char(s->left, &n) == kind) {
			script_advance(s, n);
			if (exchange_char(s->left, &n) != kind)
				return OK;
		}
		if (kind == '"' && s->left.at[0] == '$')
			s->word[s->words].variable = true;
		e = kind == '"' && s->left.at[0] == '`' ? script_put_escaped(s, why)
							: script_put(s, n, why);
		if (e != OK)
			return e;
	}
	return error_set(why, ERR_DATA,
	    "a quote is not closed; a ' within a word is doubled in quotes: 'o''neil@example.com'");
}

/* script_not_plain - what is more than a plain command */
static enum error
script_not_plain(const struct exchange_script *s, struct error_text *why)
{
	if (s->pipe > 0 && s->words > s->pipe + 1)
		return exchange_unknown(s->word[s->pipe + 1].text, why);
	return error_set(why, ERR_DATA,
	    "\"%c\" is not supported: only plain commands are, without expressions",
	    s->left.at[0]);
}

/* script_goes_on - whether all that is left is a backtick at the end of the line */
static bool
script_goes_on(const struct exchange_script *s)
{
	return s->left.at[0] == '`' && exchange_char_trim(s->left).len == 1;
}

/* script_word_ends - whether a word ends here */
static bool
script_word_ends(const struct exchange_script *s)
{
	return s->left.len == 0 || exchange_char(s->left, NULL) == ' ' ||
	    s->left.at[0] == ';' || s->left.at[0] == '|' ||
	    (s->left.at[0] == ',' && s->pipe > 0) ||
	    exchange_char_match(s->left, "<#") > 0 || script_goes_on(s);
}

static enum error
script_has_room(const struct exchange_script *s, struct error_text *why)
{
	if (s->words <= EXCHANGE_WORDS_MAX)
		return OK;
	return error_set(
	    why, ERR_DATA, "the command has more than %d words", EXCHANGE_WORDS_MAX);
}

/* script_take_pipe - as a word of its own; what follows it is looked at by itself */
static enum error
script_take_pipe(struct exchange_script *s, struct error_text *why)
{
	enum error e = script_has_room(s, why);

	if (e != OK)
		return e;
	if (s->words == 0)
		return script_not_plain(s, why);
	if (s->pipe == 0)
		s->pipe = s->words;
	s->word[s->words++] =
	    (struct exchange_word){.text = {s->buf + s->used, 0}, .pipe = true};
	script_advance(s, 1);
	return OK;
}

/* script_take_word - one word, put together from its parts */
static enum error
script_take_word(struct exchange_script *s, struct error_text *why)
{
	struct exchange_word *w = &s->word[s->words];
	char kind = exchange_char(s->left, NULL);
	enum error e;

	if (s->words == 0)
		s->started = s->line;
	e = script_has_room(s, why);
	if (e != OK)
		return e;
	*w = (struct exchange_word){
	    .text = {s->buf + s->used, 0}, .quoted = kind == '\'' || kind == '"'};
	if (s->left.at[0] == '@')
		return script_not_plain(s, why);
	while (e == OK && !script_word_ends(s)) {
		kind = exchange_char(s->left, NULL);
		if (strchr("&(){}<>,", s->left.at[0]) != NULL)
			return script_not_plain(s, why);
		if (s->left.at[0] == '$')
			w->variable = true;
		if (kind == '\'' || kind == '"')
			e = script_put_quoted(s, why);
		else if (s->left.at[0] == '`')
			e = script_put_escaped(s, why);
		else
			e = script_put(s, 1, why);
	}
	s->words += e == OK;
	return e;
}

/* script_take_statement - words up to the end of a command, or of what there is */
static enum error
script_take_statement(struct exchange_script *s, struct error_text *why)
{
	enum error e = OK;
	size_t n;

	s->goes_on = false;
	while (e == OK && s->left.len > 0) {
		if (s->comment) {
			script_skip_comment(s);
		} else if (exchange_char(s->left, &n) == ' ') {
			script_advance(s, n);
		} else if (exchange_char_match(s->left, "<#") > 0) {
			s->comment = true;
			s->opened = s->line;
		} else if (s->left.at[0] == '#') {
			s->left.len = 0;
		} else if (s->left.at[0] == ';') {
			script_advance(s, 1);
			return OK;
		} else if (script_goes_on(s)) {
			s->goes_on = true;
			s->left.len = 0;
		} else if (s->left.at[0] == '|') {
			e = script_take_pipe(s, why);
		} else if (s->left.at[0] == ',' && s->pipe > 0) {
			script_advance(s, 1);
		} else {
			e = script_take_word(s, why);
		}
	}
	return e;
}

/* script_next_cell - the next command of a row of a table */
static bool
script_next_cell(struct exchange_script *s)
{
	while (s->in_row && row_cell(&s->row, &s->left)) {
		if (!cell_is_command(s->left))
			continue;
		s->left = exchange_char_skip_prompt(s->left);
		return true;
	}
	return false;
}

/* script_finish - what the words mean */
static enum error
script_finish(struct exchange_script *s, struct exchange *out_r, struct error_text *why)
{
	enum exchange_cmdlet cmdlet;
	enum error e;

	s->where = s->started;
	if (exchange_is_session(s->word[0].text)) {
		*out_r = (struct exchange){.session = true};
		memcpy(out_r->foreign, s->word[0].text.at, s->word[0].text.len);
		e = OK;
	} else if (exchange_cmdlet_find(s->word[0].text, &cmdlet) &&
	    !s->word[0].quoted) {
		e = exchange_read(
		    cmdlet, s->word + 1, s->words - 1, EXCHANGE_SCRIPT, out_r, why);
	} else {
		e = exchange_unknown(s->word[0].text, why);
	}
	script_drop(s);
	return e;
}

enum error
exchange_script_next(struct exchange_script *s, struct exchange *out_r, bool *found_r,
    struct error_text *why)
{
	enum error e = OK;

	*found_r = true;
	for (;;) {
		if (s->fresh) {
			e = script_look(s, why);
			if (e != OK)
				return e;
		} else if (s->left.len == 0 && !script_next_cell(s)) {
			break;
		}
		e = script_take_statement(s, why);
		if (e == OK && (s->goes_on || s->comment)) {
			if (!s->in_row)
				break;
			s->comment = false;
			e = error_set(why, ERR_DATA,
			    "a command in a table has to end in its cell");
		}
		if (e != OK)
			return script_fail(s, e);
		if (s->words > 0)
			return script_finish(s, out_r, why);
	}
	*found_r = false;
	return OK;
}

enum error
exchange_script_end(struct exchange_script *s, struct error_text *why)
{
	if (s->heading != 0)
		return script_no_heading(s, s->heading, why);
	s->where = s->opened;
	if (s->comment)
		return error_set(why, ERR_DATA, "a comment <# is not ended by #>");
	s->where = s->line;
	if (s->goes_on)
		return error_set(why, ERR_DATA,
		    "the command is not complete: its last line ends in a backtick");
	return OK;
}
