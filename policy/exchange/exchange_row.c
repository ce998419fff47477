/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_row - a line that may be a row of a table in which somebody keeps commands
 */
#include "policy/exchange/exchange_row.h"

#include <string.h>

#include "policy/exchange/exchange.h"

#define FOLDED_MAX 64

/* is_border - whether the line draws one */
static bool
is_border(struct exchange_span line)
{
	static const char drawing[] = {'|', '+', ':', '=', ' ', '\t', '-'};
	bool drawn = false;

	if (line.at[0] != '|' && line.at[0] != '+')
		return false;
	for (size_t i = 0; i < line.len; i++) {
		if (memchr(drawing, line.at[i], sizeof drawing) == NULL)
			return false;
		drawn = drawn || line.at[i] == '-' || line.at[i] == '=';
	}
	return drawn;
}

/* next_cell - up to the next bar, trimmed, without the backticks of inline code */
static bool
next_cell(struct exchange_span *row, struct exchange_span *cell)
{
	const char *bar;

	if (row->len == 0)
		return false;
	bar = memchr(row->at, '|', row->len);
	*cell = (struct exchange_span){
	    row->at, bar != NULL ? (size_t)(bar - row->at) : row->len};
	row->at += cell->len + (bar != NULL);
	row->len -= cell->len + (bar != NULL);
	*cell = exchange_trim(*cell);
	while (cell->len >= 2 && cell->at[0] == '`' && cell->at[cell->len - 1] == '`') {
		cell->at++;
		cell->len -= 2;
	}
	*cell = exchange_trim(*cell);
	return true;
}

/*
 * looks_like_command - whether a word is one of PowerShell's verbs with something
 * behind it: one that is not ours must not pass for a remark
 */
static bool
looks_like_command(struct exchange_span word)
{
	static const char *const verbs[] = {"add-", "clear-", "connect-", "copy-",
	    "disable-", "disconnect-", "enable-", "export-", "foreach-", "format-",
	    "get-", "import-", "invoke-", "move-", "new-", "out-", "read-", "remove-",
	    "restore-", "select-", "set-", "start-", "stop-", "test-", "update-",
	    "where-", "write-"};
	char folded[FOLDED_MAX];
	size_t n;

	if (word.len >= FOLDED_MAX)
		word.len = FOLDED_MAX - 1;
	if (!exchange_fold(word, folded, sizeof folded))
		return false;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		n = strlen(verbs[i]);
		if (strncmp(folded, verbs[i], n) == 0 && folded[n] >= 'a' &&
		    folded[n] <= 'z')
			return true;
	}
	return false;
}

/* name_of - the first word, if a `;` ends it too */
static struct exchange_span
name_of(struct exchange_span s)
{
	struct exchange_span word = exchange_first_word(s);
	const char *end = memchr(word.at, ';', word.len);

	if (end != NULL)
		word.len = (size_t)(end - word.at);
	return word;
}

/* is_command - whether a cell begins as one, perhaps behind a prompt */
static bool
is_command(struct exchange_span cell)
{
	return looks_like_command(name_of(exchange_skip_prompt(cell)));
}

/* hides_command - whether one of our commands stands amid a cell's text */
static bool
hides_command(struct exchange_span cell)
{
	enum exchange_cmdlet cmdlet;

	while (cell.len > 0) {
		struct exchange_span word = exchange_first_word(cell);

		cell.at += word.len;
		cell.len -= word.len;
		while (word.len > 0 && strchr("`'\"(*_", word.at[0]) != NULL) {
			word.at++;
			word.len--;
		}
		if (exchange_cmdlet_find(word, &cmdlet))
			return true;
		cell = exchange_trim(cell);
	}
	return false;
}

/* count_cells - how many are commands, how many are something else */
static enum error
count_cells(
    struct exchange_span row, size_t *commands, size_t *texts, struct error_text *why)
{
	struct exchange_span cell;

	*commands = *texts = 0;
	while (next_cell(&row, &cell)) {
		if (is_command(cell)) {
			++*commands;
		} else if (hides_command(cell)) {
			return error_set(why, ERR_DATA,
			    "a command has to stand first in its cell of a table");
		} else {
			*texts += cell.len > 0;
		}
	}
	return OK;
}

enum error
exchange_row_kind(
    struct exchange_span line, enum exchange_row *kind_r, struct error_text *why)
{
	size_t commands, texts;
	enum error e;

	*kind_r = EXCHANGE_ROW_NONE;
	if (line.len == 0)
		return OK;
	if (is_border(line)) {
		*kind_r = EXCHANGE_ROW_BORDER;
		return OK;
	}
	if (line.at[0] != '|')
		return OK;
	e = count_cells(line, &commands, &texts, why);
	if (e != OK)
		return e;
	if (commands > 0)
		*kind_r = EXCHANGE_ROW_COMMANDS;
	else if (texts == 0)
		*kind_r = EXCHANGE_ROW_BORDER;
	else if (line.len > 4 && memcmp(line.at, "||", 2) == 0 &&
	    memcmp(line.at + line.len - 2, "||", 2) == 0)
		*kind_r = EXCHANGE_ROW_HEADING;
	else
		*kind_r = EXCHANGE_ROW_TEXT;
	return OK;
}

bool
exchange_row_next(struct exchange_span *row, struct exchange_span *cell_r)
{
	while (next_cell(row, cell_r))
		if (is_command(*cell_r))
			return true;
	return false;
}
