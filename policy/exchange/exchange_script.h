/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_script - Exchange's commands as people paste them, taken line by line */
#pragma once

#include "policy/exchange/exchange.h"

#define EXCHANGE_LINE_MAX 8192    /* bytes of a line, without its end */
#define EXCHANGE_COMMAND_MAX 4096 /* bytes of a command's words, quotes taken off */

/*
 * What is understood: a command a line, or several separated by `;`; words, quoted or
 * not; backticks, also at the end of a line that goes on; comments; prompts; rows of
 * tables, of which the cells that are commands count; fences of Markdown; a pipe to
 * what prints. Everything else of PowerShell is an error, and nothing that might be
 * meant is skipped: a row without a command must be the heading of its table.
 *
 * For each line, exchange_script_line(), then exchange_script_next() until nothing is
 * found; exchange_script_end() last. No I/O, no allocation.
 */
struct exchange_script {
	uint64_t line;  /* number of the line that was given last */
	uint64_t where; /* ... of the one in which the last command or error began */
	struct exchange_span row;  /* what is left of a row of a table */
	struct exchange_span left; /* what is left of a line, or of a cell */
	bool in_row;
	bool fresh;       /* the line was given, and not looked at yet */
	bool goes_on;     /* the line before ended in a backtick */
	bool skips;       /* the same, but of a command that is wrong already */
	bool comment;     /* within <# #> */
	uint64_t started; /* line of the command's first word */
	uint64_t opened;  /* line of the comment's beginning */
	uint64_t heading; /* line of a row that must be a heading, or 0 */
	bool in_body;     /* a row of this table had commands, or its heading is over */
	size_t pipe;      /* which word is the `|`; 0: there is none */
	size_t words, used;
	struct exchange_word word[EXCHANGE_WORDS_MAX + 1];
	char buf[EXCHANGE_COMMAND_MAX];
};

void exchange_script_start(struct exchange_script *s);

/*
 * The next line, without LF; it is borrowed until the next one. One that is longer than
 * EXCHANGE_LINE_MAX, even if cut, gives an error.
 */
void exchange_script_line(struct exchange_script *s, const char *line, size_t n);

/*
 * The next command of the lines so far; FOUND_R is false where another line is needed.
 * ERR_DATA and ERR_USAGE are about the line in `where`; go on to find the next one.
 */
enum error exchange_script_next(struct exchange_script *s, struct exchange *out_r,
    bool *found_r, struct error_text *why) MUST_USE;

/* ERR_DATA where a command, a comment or a table is not complete. */
enum error exchange_script_end(
    struct exchange_script *s, struct error_text *why) MUST_USE;
