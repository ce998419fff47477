/* SPDX-License-Identifier: BSD-2-Clause */
/* text - a line built in a buffer of fixed size, with escaping */
#ifndef POLICY_BASE_TEXT_H
#define POLICY_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A bounded, always NUL-terminated string under construction. What does not fit
 * sets `cut` and is left out whole; nothing is ever written past `cap`. No
 * allocation. One thread at a time.
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
 * Appends N bytes of S as one printable word: visible UTF-8 (see unicode_is_visible())
 * stays, and every byte of another character, every space, quote, backslash, '=' and
 * invalid byte becomes \xHH. This is the one rule for logs, tables, messages and mails.
 * After LIMIT input bytes the rest is replaced by "...[N bytes]", so that a cut value
 * can never be taken for a whole one.
 */
void text_escape(struct text *t, const char *s, size_t n, size_t limit);

/*
 * Appends N bytes of S for a person's eye: as text_escape(), but spaces, quotes
 * and '=' stay as they are.
 */
void text_show(struct text *t, const char *s, size_t n, size_t limit);

/*
 * The same for what is listed to be typed again: a backslash, too, stays as it is
 * unless an x follows, so that it still reads in one way only.
 */
void text_typed(struct text *t, const char *s, size_t n, size_t limit);

/*
 * Undoes them: whether S has a \xHH and is what one of them makes of a string of valid
 * UTF-8, of less than CAP bytes, that is in OUT then.
 */
bool text_unescape(char *out, size_t cap, const char *s);

/*
 * Whether N bytes of S are fit to be stored as somebody's words: valid UTF-8 without
 * control characters (C0, DEL, C1).
 */
bool text_is_line(const char *s, size_t n);

#endif
