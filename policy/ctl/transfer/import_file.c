/* SPDX-License-Identifier: BSD-2-Clause */
/* import_file - the rows of the file that import reads, in either format */
#include "policy/ctl/transfer/import_file.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/monotonic.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/input_file.h"

#define PROGRESS_ROWS 4096 /* between two looks at the clock */
#define PROGRESS_MS 200

/* import_file_skip - byte order mark and white space; FIRST_R is what follows */
static enum error
import_file_skip(struct ctl *c, uint64_t *line, int *first_r)
{
	int at = getc(c->in);

	*line = 1;
	if (at == 0xFF || at == 0xFE)
		return error_set(&c->why, ERR_DATA,
		    "%s looks like UTF-16: save it as UTF-8",
		    input_file_name(argument_word(c, 0)));
	if (at == 0xEF) { /* nothing we read begins with another character like that */
		if (getc(c->in) != 0xBB || getc(c->in) != 0xBF)
			return error_set(&c->why, ERR_DATA,
			    "%s: the first bytes are no text",
			    input_file_name(argument_word(c, 0)));
		at = getc(c->in);
	}
	while (at == ' ' || at == '\t' || at == '\r' || at == '\n') {
		*line += at == '\n';
		at = getc(c->in);
	}
	*first_r = at;
	if (at != EOF)
		ungetc(at, c->in);
	return OK;
}

/* import_file_format - as asked for, or as the first character suggests */
static enum error
import_file_format(struct ctl *c, int first, bool *csv_r)
{
	const char *format = argument_option(c, OPT_FORMAT);

	*csv_r =
	    format != NULL ? strcmp(format, "csv") == 0 : first != '{' && first != EOF;
	if (format == NULL || *csv_r || strcmp(format, "jsonl") == 0)
		return OK;
	return error_set(&c->why, ERR_USAGE,
	    "bad value \"%s\" for --format: use csv or jsonl", format);
}

enum error
import_file_open(struct import_file *f, struct ctl *c)
{
	struct stat st;
	uint64_t line;
	int first = EOF;
	enum error e;

	memset(f, 0, sizeof *f);
	e = import_file_skip(c, &line, &first);
	if (e == OK)
		e = import_file_format(c, first, &f->is_csv);
	if (e != OK)
		return e;
	if (f->is_csv)
		csv_rows_start(&f->of.csv, c->in, line, c->now);
	else
		jsonl_start(&f->of.jsonl, c->in, line, c->now);
	f->terminal = isatty(STDERR_FILENO);
	f->size = fstat(fileno(c->in), &st) == 0 ? (int64_t)st.st_size : 0;
	return OK;
}

void
import_file_close(struct import_file *f)
{
	import_file_hide(f);
	if (f->is_csv)
		csv_rows_end(&f->of.csv);
	else
		jsonl_end(&f->of.jsonl);
}

void
import_file_hide(struct import_file *f)
{
	if (f->shown)
		fputs("\r\033[K", stderr);
	f->shown = false;
}

/* import_file_progress - a few times a second */
static void
import_file_progress(struct import_file *f, struct ctl *c)
{
	int64_t now = monotonic_ms(), at = (int64_t)ftello(c->in);

	if (now < f->next_ms)
		return;
	f->next_ms = now + PROGRESS_MS;
	f->shown = true;
	fprintf(stderr, "\r%llu rows", (unsigned long long)f->rows);
	if (f->size > 0)
		fprintf(stderr, ", %lld %%", (long long)(at * 100 / f->size));
}

enum error
import_file_next(struct import_file *f, struct ctl *c, struct row *row, bool *found_r,
    struct error_text *why)
{
	if (f->terminal && f->rows++ % PROGRESS_ROWS == 0)
		import_file_progress(f, c);
	if (f->is_csv)
		return csv_rows_next(&f->of.csv, row, found_r, why);
	return jsonl_next(&f->of.jsonl, row, found_r, why);
}
