/* SPDX-License-Identifier: BSD-2-Clause */
/* text - a line built in a buffer of fixed size, with escaping */
#include "policy/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/hex.h"
#include "policy/base/unicode.h"

#define ESCAPED_MAX 2100 /* of a text to unescape: 4 for each of 500 bytes */

void
text_init(struct text *t, char *buf, size_t cap)
{
	t->at = buf;
	t->len = 0;
	t->cap = cap;
	t->cut = false;
	buf[0] = '\0';
}

void
text_add(struct text *t, const char *s, size_t n)
{
	if (t->cut || n >= t->cap - t->len) {
		t->cut = true;
		return;
	}
	memcpy(t->at + t->len, s, n);
	t->len += n;
	t->at[t->len] = '\0';
}

void
text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void
text_printf(struct text *t, const char *fmt, ...)
{
	size_t room = t->cap - t->len;
	va_list ap;
	int n;

	if (t->cut)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->at + t->len, room, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < room) {
		t->len += (size_t)n;
	} else {
		t->at[t->len] = '\0';
		t->cut = true;
	}
}

/* is_ambiguous - whether the backslash at I would read as the begin of an escape */
static bool
is_ambiguous(const char *s, size_t n, size_t i)
{
	return s[i] == '\\' && i + 1 < n && s[i + 1] == 'x';
}

/* The visible characters that each way escapes, too. */
static const char in_word[] = " \"\\=", in_line[] = "\\", in_typed[] = "";

/* escape_where - the loop that all ways of escaping share */
static void
escape_where(struct text *t, const char *s, size_t n, size_t limit, const char *also)
{
	size_t i = 0, len;

	while (i < n && i < limit) {
		len = unicode_length(s + i, n - i);
		if (len == 0 || !unicode_is_visible(s + i, len) ||
		    (len == 1 && strchr(also, s[i]) != NULL) || is_ambiguous(s, n, i)) {
			for (size_t end = i + (len ? len : 1); i < end; i++)
				text_printf(t, "\\x%02X", (unsigned char)s[i]);
			continue;
		}
		text_add(t, s + i, len);
		i += len;
	}
	if (i < n)
		text_printf(t, "...[%zu bytes]", n);
}

void
text_escape(struct text *t, const char *s, size_t n, size_t limit)
{
	escape_where(t, s, n, limit, in_word);
}

void
text_show(struct text *t, const char *s, size_t n, size_t limit)
{
	escape_where(t, s, n, limit, in_line);
}

void
text_typed(struct text *t, const char *s, size_t n, size_t limit)
{
	escape_where(t, s, n, limit, in_typed);
}

static bool
is_utf8(const char *s)
{
	size_t n = strlen(s), len;

	for (size_t i = 0; i < n; i += len) {
		len = unicode_length(s + i, n - i);
		if (len == 0)
			return false;
	}
	return true;
}

/* is_written - whether one of the ways of escaping makes WRITTEN of S */
static bool
is_written(const char *s, const char *written)
{
	const char *const also[] = {in_word, in_line, in_typed};
	char buf[ESCAPED_MAX];
	struct text t;

	for (size_t i = 0; i < sizeof also / sizeof *also; i++) {
		text_init(&t, buf, sizeof buf);
		escape_where(&t, s, strlen(s), strlen(s), also[i]);
		if (!t.cut && strcmp(buf, written) == 0)
			return true;
	}
	return false;
}

bool
text_unescape(char *out, size_t cap, const char *s)
{
	const char *whole = s;
	bool any = false;
	size_t n = 0;

	for (; *s != '\0' && n + 1 < cap; s++, n++) {
		int byte = s[0] == '\\' && s[1] == 'x' ? hex_byte(s + 2) : -1;

		out[n] = *s;
		if (byte >= 0)
			out[n] = (char)byte;
		if (out[n] == '\0')
			return false;
		s += byte >= 0 ? 3 : 0;
		any |= byte >= 0;
	}
	out[n] = '\0';
	return any && *s == '\0' && is_utf8(out) && is_written(out, whole);
}

bool
text_is_line(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	for (size_t len, i = 0; i < n; i += len) {
		len = 1;
		if (u[i] >= ' ' && u[i] <= '~')
			continue;
		len = unicode_length(s + i, n - i);
		if (len <= 1 || (u[i] == 0xC2 && u[i + 1] < 0xA0)) /* C0, DEL, C1 */
			return false;
	}
	return true;
}
