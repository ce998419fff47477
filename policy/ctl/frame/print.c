/* SPDX-License-Identifier: BSD-2-Clause */
/* print - the output of a command: objects in any form, lines, remarks */
#include "policy/ctl/frame/print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/error.h"
#include "policy/base/text.h"

#define TABLE_ROWS_HELD 200
#define TABLE_CELL_WIDE 40 /* a longer cell moves the rest of its own row only */

/* In place of a text: never silently none. As a cell it is not for free(). */
static char out_of_memory[] = "(out of memory)";

/* escape - S as text_typed() or text_show() makes it, for free(), or NULL */
static char *
escape(const char *s, void (*as)(struct text *, const char *, size_t, size_t))
{
	size_t n = strlen(s), cap = 4 * n + 1;
	char *made = malloc(cap);
	struct text t;

	if (made == NULL)
		return NULL;
	text_init(&t, made, cap);
	as(&t, s, n, n);
	return made;
}

void
print_open(struct printer *p, FILE *out, bool json)
{
	*p = (struct printer){.out = out, .has_json = json, .array = -1};
}

/* cell_set - takes S; NULL empties the cell */
static void
cell_set(char **cell, char *s)
{
	if (*cell != out_of_memory)
		free(*cell);
	*cell = s;
}

static void
cells_free(struct printer *p, char **cell)
{
	for (unsigned i = 0; i < p->count; i++)
		cell_set(&cell[i], NULL);
}

static void
table_free(struct printer *p)
{
	for (unsigned r = 0; r < p->rows; r++)
		cells_free(p, p->held[r]);
	free(p->held);
	p->held = NULL;
	p->rows = 0;
}

void
print_close(struct printer *p)
{
	cells_free(p, p->cell);
	table_free(p);
	p->form = PRINT_LINES;
	p->count = 0;
}

/* cell_text - what people see of column I */
static const char *
cell_text(const struct printer *p, char *const *cell, unsigned i)
{
	return cell[i] != NULL && *cell[i] != '\0' ? cell[i] : p->empty;
}

/* width_of - characters, which is near enough to columns of a terminal */
static unsigned
width_of(const char *s)
{
	unsigned n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

/* column_last - the last one that is not hidden */
static unsigned
column_last(const struct printer *p)
{
	unsigned last = p->count - 1;

	while (last > 0 && p->hidden[last])
		last--;
	return last;
}

static void
table_cell(const struct printer *p, unsigned i, const char *s)
{
	unsigned have = width_of(s);

	if (p->hidden[i])
		return;
	fputs(s, p->out);
	if (i == column_last(p))
		fputc('\n', p->out);
	else
		fprintf(p->out, "%*s",
		    (int)(have < p->width[i] ? p->width[i] - have : 0) + 2, "");
}

static void
table_row(const struct printer *p, char *const *cell)
{
	for (unsigned i = 0; i < p->count; i++)
		table_cell(p, i, cell_text(p, cell, i));
}

static void
table_heading(const struct printer *p)
{
	for (unsigned i = 0; i < p->count; i++)
		table_cell(p, i, p->columns[i].heading);
}

/* table_flush - prints the heading and the rows that are held */
static void
table_flush(struct printer *p)
{
	if (p->rows > 0)
		table_heading(p);
	for (unsigned r = 0; r < p->rows; r++)
		table_row(p, p->held[r]);
	table_free(p);
}

/* column_is_empty - in all rows that are held */
static bool
column_is_empty(const struct printer *p, unsigned i)
{
	for (unsigned r = 0; r < p->rows; r++)
		if (p->held[r][i] != NULL && *p->held[r][i] != '\0')
			return false;
	return true;
}

void
print_finish(struct printer *p)
{
	for (unsigned i = 0; i < p->count && p->rows > 0; i++)
		p->hidden[i] = *p->empty == '\0' && column_is_empty(p, i);
	table_flush(p);
}

/* table_add - the row of the object: held, or printed where enough rows are */
static void
table_add(struct printer *p)
{
	if (p->held != NULL && p->rows == TABLE_ROWS_HELD)
		table_flush(p);
	if (p->held == NULL) {
		if (p->objects == 1) /* there was no memory to hold rows */
			table_heading(p);
		memset(p->hidden, 0, sizeof p->hidden);
		table_row(p, p->cell);
		cells_free(p, p->cell);
		return;
	}
	for (unsigned i = 0; i < p->count; i++) {
		unsigned have = width_of(cell_text(p, p->cell, i));

		if (have > TABLE_CELL_WIDE)
			have = TABLE_CELL_WIDE;
		if (have > p->width[i])
			p->width[i] = have;
	}
	memcpy(p->held[p->rows++], p->cell, sizeof p->cell);
	memset(p->cell, 0, sizeof p->cell);
}

/* form_start - with these columns, after all that was printed in another form */
static void
form_start(struct printer *p, enum print_form form, const struct print_column *columns)
{
	print_finish(p);
	p->form = form;
	p->objects = 0;
	p->columns = columns;
	p->empty = "";
	for (p->count = 0; columns[p->count].key != NULL; p->count++)
		;
}

void
print_table(struct printer *p, const struct print_column *columns, const char *empty)
{
	form_start(p, PRINT_TABLE, columns);
	p->empty = empty;
	memset(p->hidden, 0, sizeof p->hidden);
	for (unsigned i = 0; i < p->count; i++)
		p->width[i] = width_of(columns[i].heading);
	if (!p->has_json)
		p->held = calloc(TABLE_ROWS_HELD, sizeof *p->held);
}

bool
print_is_empty(const struct printer *p)
{
	return !p->has_json && !p->has_lines && p->form == PRINT_TABLE &&
	    p->objects == 0;
}

void
print_properties(struct printer *p, const struct print_column *columns)
{
	form_start(p, PRINT_PROPERTIES, columns);
}

void
print_csv(struct printer *p, const struct print_column *columns)
{
	form_start(p, PRINT_CSV, columns);
	for (unsigned i = 0; i < p->count && !p->has_json; i++)
		fprintf(p->out, "%s%s", i > 0 ? "," : "", columns[i].key);
	if (!p->has_json)
		fputs("\r\n", p->out);
}

static void
csv_cell(FILE *out, const char *s)
{
	bool quote = strpbrk(s, ",\"\r\n") != NULL || *s == ' ';

	if (quote)
		putc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"')
			putc('"', out);
		putc(*s, out);
	}
	if (quote)
		putc('"', out);
}

static void
csv_row(struct printer *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		if (i > 0)
			putc(',', p->out);
		csv_cell(p->out, cell_text(p, p->cell, i));
	}
	fputs("\r\n", p->out);
	cells_free(p, p->cell);
}

static void
properties_print(struct printer *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (*cell_text(p, p->cell, i) != '\0')
			fprintf(
			    p->out, "%-16s %s\n", p->columns[i].heading, p->cell[i]);
	cells_free(p, p->cell);
}

/* cell_of - where people find KEY, or NULL where they do not */
static char **
cell_of(struct printer *p, const char *key)
{
	if (p->has_json || p->depth != 1)
		return NULL;
	for (unsigned i = 0; i < p->count; i++)
		if (strcmp(p->columns[i].key, key) == 0)
			return &p->cell[i];
	return NULL;
}

/* cell_fill - takes S, which is NULL without memory */
static void
cell_fill(char **cell, char *s)
{
	cell_set(cell, s != NULL ? s : out_of_memory);
}

static void
json_put(void *arg, const char *s, size_t n)
{
	struct printer *p = arg;

	fwrite(s, 1, n, p->out);
	p->bytes += n;
}

void
print_object_start(struct printer *p, const char *key)
{
	if (p->has_json && p->depth == 0) {
		p->bytes = 0;
		json_start(&p->json, json_put, p);
	}
	if (p->has_json)
		json_open(&p->json, key, "{");
	p->depth++;
}

void
print_object_end(struct printer *p)
{
	p->depth--;
	if (p->has_json)
		json_close(&p->json, "}");
	if (p->depth > 0)
		return;
	p->objects++;
	if (p->has_json)
		fputc('\n', p->out);
	else if (p->form == PRINT_TABLE)
		table_add(p);
	else if (p->form == PRINT_PROPERTIES)
		properties_print(p);
	else if (p->form == PRINT_CSV)
		csv_row(p);
}

void
print_array_start(struct printer *p, const char *key)
{
	char **cell = cell_of(p, key);

	p->array = cell != NULL ? (int)(cell - p->cell) : -1;
	p->items_len = p->items_room = 0;
	if (p->has_json)
		json_open(&p->json, key, "[");
	p->depth++;
}

/* cell_append - an item, to those that the cell has */
static void
cell_append(struct printer *p, const char *s, size_t n)
{
	char **cell = &p->cell[p->array], *text;
	size_t need = p->items_len + n + 2; /* with a space and the NUL */

	if (p->items_room == 0)
		cell_set(cell, NULL);
	text = *cell;
	if (text == NULL || need > p->items_room) {
		p->items_room = 2 * need;
		text = realloc(*cell, p->items_room);
		if (text == NULL) {
			cell_fill(cell, NULL);
			p->array = -1;
			return;
		}
		*cell = text;
	}
	if (p->items_len > 0)
		text[p->items_len++] = ' ';
	memcpy(text + p->items_len, s, n);
	p->items_len += n;
	text[p->items_len] = '\0';
}

void
print_item(struct printer *p, const char *s, size_t n)
{
	if (p->has_json)
		json_string_n(&p->json, NULL, s, n);
	if (p->array >= 0)
		cell_append(p, s, n);
}

void
print_array_end(struct printer *p)
{
	p->array = -1;
	p->depth--;
	if (p->has_json)
		json_close(&p->json, "]");
}

/* word_print - "smtp-auth=enabled"; nothing for "" */
static void
word_print(const struct printer *p, const char *key, const char *s)
{
	char *shown = escape(s, text_show);

	for (; *s != '\0' && *key != '\0'; key++)
		putc(*key == '_' ? '-' : *key, p->out);
	if (*s != '\0')
		fprintf(p->out, "=%s\n", shown != NULL ? shown : out_of_memory);
	free(shown);
}

void
print_text(struct printer *p, const char *key, const char *s)
{
	char **cell = cell_of(p, key);

	if (p->has_json)
		json_text(&p->json, key, s);
	if (cell != NULL && s != NULL)
		cell_fill(
		    cell, p->form == PRINT_CSV ? strdup(s) : escape(s, text_typed));
	else if (p->form == PRINT_WORDS && !p->has_json && s != NULL)
		word_print(p, key, s);
}

void
print_string(struct printer *p, const char *key, const char *s)
{
	if (p->has_json)
		json_quoted(&p->json, key, s);
	else
		print_text(p, key, s);
}

void
print_name(struct printer *p, const char *key, const char *s)
{
	char **cell = cell_of(p, key), *shown, *made;

	if (cell == NULL || p->form != PRINT_CSV || *s == '\0') {
		print_text(p, key, s);
		return;
	}
	shown = escape(s, text_typed);
	if (shown == NULL ||
	    asprintf(&made, "%s%s", strchr("=+-@'", *shown) != NULL ? "'" : "", shown) <
		0)
		made = NULL;
	free(shown);
	cell_fill(cell, made);
}

/* people_put - what only people see */
static void
people_put(struct printer *p, const char *key, char *made)
{
	char **cell = p->form != PRINT_CSV ? cell_of(p, key) : NULL;

	if (cell != NULL)
		cell_fill(cell, made);
	else
		free(made);
}

void
print_words(struct printer *p, const char *key, const char *s)
{
	people_put(p, key, escape(s, text_typed));
}

void
print_shown(struct printer *p, const char *key, const char *s)
{
	people_put(p, key, escape(s, text_show));
}

void
print_plain(struct printer *p, const char *key, const char *s)
{
	people_put(p, key, strdup(s));
}

void
print_number(struct printer *p, const char *key, uint64_t n)
{
	char text[24];
	char **cell = cell_of(p, key);

	snprintf(text, sizeof text, "%" PRIu64, n);
	if (p->has_json)
		json_literal(&p->json, key, text);
	if (cell != NULL)
		cell_fill(cell, strdup(text));
}

void
print_number_if(struct printer *p, const char *key, bool known, uint64_t n)
{
	if (known)
		print_number(p, key, n);
	else
		print_none(p, key);
}

void
print_time(struct printer *p, const char *key, instant t)
{
	char buf[INSTANT_TEXT_MAX];

	print_text(p, key, t != INSTANT_NONE ? instant_print(t, buf) : "");
}

void
print_digest(struct printer *p, const char *key, const struct digest *digest)
{
	char buf[DIGEST_TEXT_MAX];

	print_text(p, key, digest_print(digest, buf));
}

void
print_none(struct printer *p, const char *key)
{
	if (p->has_json)
		json_literal(&p->json, key, "null");
}

void
print_bool(struct printer *p, const char *key, bool b)
{
	if (p->has_json)
		json_literal(&p->json, key, b ? "true" : "false");
}

void
print_line(struct printer *p, const char *fmt, ...)
{
	char *line = NULL, *shown;
	va_list ap;

	if (p->has_json)
		return;
	print_finish(p);
	p->has_lines = true;
	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	va_end(ap);
	shown = line != NULL ? escape(line, text_typed) : NULL;
	fprintf(p->out, "%s\n", shown != NULL ? shown : out_of_memory);
	free(shown);
	free(line);
}

void
print_property(struct printer *p, const char *key, const char *value)
{
	if (*value != '\0')
		print_line(p, "%-16s %s", key, value);
}

void
print_property_time(struct printer *p, const char *key, instant t)
{
	char buf[INSTANT_TEXT_MAX];

	if (t != INSTANT_NONE)
		print_property(p, key, instant_print(t, buf));
}

void
print_property_number(struct printer *p, const char *key, uint64_t n)
{
	print_line(p, "%-16s %" PRIu64, key, n);
}

void
print_remark(FILE *to, const char *fmt, ...)
{
	char line[ERROR_TEXT_MAX + 64], shown[4 * sizeof line + 64];
	struct text t;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	text_init(&t, shown, sizeof shown);
	text_show(&t, line, strlen(line), sizeof line);
	fprintf(to, "smtpauthctl: %s\n", shown);
}
