/* SPDX-License-Identifier: BSD-2-Clause */
/* print - the output of a command: objects in any form, lines, remarks */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/json.h"
#include "policy/crypto/digest.h"

/*
 * A command describes each of its objects once, field by field under a key. With --json
 * all fields are printed, in the order of the calls, one object a line. Other forms
 * print the fields that their columns name, in the order of the columns:
 *
 *	static const struct print_column columns[] = {
 *	    {"login", "LOGIN"}, {"mailbox", "MAILBOX"}, {NULL, NULL}};
 *
 *	print_table(p, columns, "");
 *	for each alias {
 *		print_object_start(p, NULL);
 *		print_text(p, "login", alias->login);
 *		print_text(p, "mailbox", alias->mailbox);
 *		print_object_end(p);
 *	}
 */
#define PRINT_COLUMNS_MAX 20

struct print_column {
	const char *key, *heading; /* a key of NULL ends the columns */
};

/* What people get; with --json every form gives JSON. */
enum print_form {
	PRINT_LINES,      /* print_line() and print_property() only */
	PRINT_TABLE,      /* an object is a row */
	PRINT_PROPERTIES, /* a field is a line, "heading value", unless it is empty */
	PRINT_CSV,        /* RFC 4180, with the keys as headings */
	PRINT_WORDS, /* a field is a line, "smtp-auth=enabled", unless it is empty */
};

struct printer {
	FILE *out;
	bool has_json;
	enum print_form form;
	struct json json;
	uint64_t objects; /* printed in this form */
	unsigned depth;   /* of objects and arrays that are open */
	size_t bytes;     /* of JSON, since the outermost object began */
	const struct print_column *columns;
	unsigned count;
	const char *empty;             /* in place of an empty cell */
	char *cell[PRINT_COLUMNS_MAX]; /* of this object; NULL: empty */
	int array;                     /* the column that gets the items, or -1 */
	size_t items_len, items_room;  /* bytes of the items in it, and of the cell */
	/* A table whose first rows are held, to find out how wide the columns are: */
	char *(*held)[PRINT_COLUMNS_MAX];
	unsigned rows, width[PRINT_COLUMNS_MAX];
	bool hidden[PRINT_COLUMNS_MAX]; /* no row has a word there */
	bool has_lines;                 /* printed for people */
};

/* Starts P in the form PRINT_LINES; JSON goes with --json. */
void print_open(struct printer *p, FILE *out, bool json);
/* Drops what is held. */
void print_close(struct printer *p);

/*
 * The form of the objects to come. A table holds back its first 200 rows, which decide
 * how wide its columns are; later rows are printed as they come. A table that has no
 * more rows than that leaves out the columns that are empty in all of them; one without
 * rows has no heading. A cell of over 40 characters does not widen its column. EMPTY
 * stands for an empty cell: "" or "-".
 */
void print_table(
    struct printer *p, const struct print_column *columns, const char *empty);
void print_properties(struct printer *p, const struct print_column *columns);
void print_csv(struct printer *p, const struct print_column *columns);
/*
 * Ends the table: prints the rows that it held. print_line() and the end of the command
 * do so, too; call it before you write to `out` yourself.
 */
void print_finish(struct printer *p);

/* Whether people got nothing: a table without a row, and no line beside it. */
bool print_is_empty(const struct printer *p);

/*
 * The outermost object, whose KEY is NULL, is a row, or a line of JSON. What is within
 * objects and arrays in it is for JSON only.
 */
void print_object_start(struct printer *p, const char *key);
void print_object_end(struct printer *p);
/*
 * An array of strings is one cell, with spaces between them; without any, the cell
 * keeps what it had before.
 */
void print_array_start(struct printer *p, const char *key);
void print_item(struct printer *p, const char *s, size_t n);
void print_array_end(struct printer *p);

/* A field. Where people see an empty cell, for NULL, "" or no time, JSON has null. */
void print_text(struct printer *p, const char *key, const char *s);
/*
 * A name that others chose. CSV escapes it as text_typed() does, and puts an apostrophe
 * in front of one that begins like a formula, so that no spreadsheet runs it, or with
 * an apostrophe, so that it can be told which one was added.
 */
void print_name(struct printer *p, const char *key, const char *s);
void print_number(struct printer *p, const char *key, uint64_t n);
void print_number_if(struct printer *p, const char *key, bool known, uint64_t n);
void print_time(struct printer *p, const char *key, instant t);
void print_digest(struct printer *p, const char *key, const struct digest *digest);
void print_none(struct printer *p, const char *key);
/* The same as print_text(), but JSON has "" for "". */
void print_string(struct printer *p, const char *key, const char *s);
/* For JSON only. */
void print_bool(struct printer *p, const char *key, bool b);

/*
 * For tables and properties only, in place of what the field had before: escaped as by
 * text_typed(), escaped as by text_show(), and unchanged.
 */
void print_words(struct printer *p, const char *key, const char *s);
void print_shown(struct printer *p, const char *key, const char *s);
void print_plain(struct printer *p, const char *key, const char *s);

/*
 * For people only, and at once: a line, and "key value", nothing for a value of "". All
 * of it is escaped as by text_typed().
 */
void print_line(struct printer *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void print_property(struct printer *p, const char *key, const char *value);
void print_property_time(struct printer *p, const char *key, instant t);
void print_property_number(struct printer *p, const char *key, uint64_t n);

/*
 * "smtpauthctl: LINE" to TO, standard error, made safe for a terminal. A line longer
 * than an error_text is cut.
 */
void print_remark(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
