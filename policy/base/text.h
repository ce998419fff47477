/* SPDX-License-Identifier: BSD-2-Clause */
/* text - a line built in a buffer of fixed size, with escaping */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A bounded, always NUL-terminated string under construction. A piece that does not fit
 * is left out whole, with all that follow, and sets `cut`.
 */
struct text {
	char *at;
	size_t len;
	size_t cap; /* including the NUL */
	bool cut;
};

/* Starts an empty text in BUF of CAP bytes (at least 1). */
void text_init(struct text *t, char *buf, size_t cap);

void text_add(struct text *t, const char *s, size_t n);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Append N bytes of S, the one rule for logs, tables, messages and mails: visible UTF-8
 * (see unicode_is_visible()) stays, every other byte becomes \xHH. After LIMIT input
 * bytes the rest is replaced by "...[N bytes]", so that a cut value can never be taken
 * for a whole one.
 */
/* As one word: space, quote, backslash and '=' are escaped as well. */
void text_escape(struct text *t, const char *s, size_t n, size_t limit);
/* For reading: of these, the backslash only. */
void text_show(struct text *t, const char *s, size_t n, size_t limit);
/* To be typed again: a backslash only before an x, so that it reads in one way only. */
void text_typed(struct text *t, const char *s, size_t n, size_t limit);

/*
 * Reverses them: true if S has a \xHH and one of them makes S of a string of valid
 * UTF-8 of less than CAP bytes, which OUT then holds.
 */
bool text_unescape(char *out, size_t cap, const char *s);

/*
 * Whether N bytes of S can be stored as a line of words: valid UTF-8 without control
 * characters (C0, DEL, C1).
 */
bool text_is_line(const char *s, size_t n);
