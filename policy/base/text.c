/* SPDX-License-Identifier: BSD-2-Clause */
/* text - a line built in a buffer of fixed size, with escaping */
#include "policy/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/unicode.h"

#define ESCAPED_MAX 2100 /* what escapes are undone of: 500 bytes and some */

void
text_init(struct text *t, char *buf, size_t cap)
{
	t->at = buf;
	t->len = 0;
	t->cap = cap;
	t->cut = false;
	buf[0] = '\0';
}

/* text_add - all of S or nothing */
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

/* is_tail - whether the byte can only stand inside a UTF-8 character */
static bool
is_tail(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

/* second_byte_ok - excludes over-long forms, surrogates and > U+10FFFF */
static bool
second_byte_ok(unsigned char lead, unsigned char second)
{
	switch (lead) {
	case 0xE0:
		return second >= 0xA0;
	case 0xED:
		return second <= 0x9F;
	case 0xF0:
		return second >= 0x90;
	case 0xF4:
		return second <= 0x8F;
	default:
		return true;
	}
}

size_t
text_utf8_length(const char *s, size_t n)
{
	unsigned char lead;
	size_t want;

	if (n == 0)
		return 0;
	lead = (unsigned char)s[0];
	if (lead < 0x80)
		return 1;
	if (lead < 0xC2 || lead > 0xF4)
		return 0;
	want = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
	if (n < want || !second_byte_ok(lead, (unsigned char)s[1]))
		return 0;
	for (size_t i = 1; i < want; i++)
		if (!is_tail(s[i]))
			return 0;
	return want;
}

/* is_control - C0, DEL, C1 */
static bool
is_control(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	if (len == 1)
		return u[0] < 0x20 || u[0] == 0x7F;
	return len == 2 && u[0] == 0xC2 && u[1] < 0xA0;
}

bool
text_is_unsafe(const char *s, size_t len)
{
	return !unicode_is_visible(s, len);
}

/* is_ambiguous - whether the backslash at I would read as the begin of an escape */
static bool
is_ambiguous(const char *s, size_t n, size_t i)
{
	return s[i] == '\\' && i + 1 < n && s[i + 1] == 'x';
}

/* escape_where - the loop that all ways of escaping share */
static void
escape_where(struct text *t, const char *s, size_t n, size_t limit, const char *also)
{
	size_t i = 0, len;

	while (i < n && i < limit) {
		len = text_utf8_length(s + i, n - i);
		if (len == 0 || text_is_unsafe(s + i, len) ||
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
	escape_where(t, s, n, limit, " \"\\=");
}

void
text_show(struct text *t, const char *s, size_t n, size_t limit)
{
	escape_where(t, s, n, limit, "\\");
}

void
text_typed(struct text *t, const char *s, size_t n, size_t limit)
{
	escape_where(t, s, n, limit, "");
}

/* take_escape - whether a \xHH is at S, and its byte, in upper case as it is written */
static bool
take_escape(const char *s, char *byte_r)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *high, *low;

	if (s[0] != '\\' || s[1] != 'x' || s[2] == '\0' || s[3] == '\0')
		return false;
	high = strchr(digits, s[2]);
	low = strchr(digits, s[3]);
	if (high == NULL || low == NULL)
		return false;
	*byte_r = (char)((size_t)(high - digits) << 4 | (size_t)(low - digits));
	return true;
}

/* is_utf8 - whether all of S is */
static bool
is_utf8(const char *s)
{
	size_t n = strlen(s), len;

	for (size_t i = 0; i < n; i += len) {
		len = text_utf8_length(s + i, n - i);
		if (len == 0)
			return false;
	}
	return true;
}

/* is_written - whether one of the ways of escaping makes WRITTEN of S */
static bool
is_written(const char *s, const char *written)
{
	static const char *const also[] = {" \"\\=", "\\", ""};
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

	while (*s != '\0' && n + 1 < cap) {
		bool is = take_escape(s, &out[n]);

		if (!is)
			out[n] = *s;
		if (out[n++] == '\0')
			return false;
		s += is ? 4 : 1;
		any |= is;
	}
	out[n] = '\0';
	return any && *s == '\0' && is_utf8(out) && is_written(out, whole);
}

bool
text_is_line(const char *s, size_t n)
{
	size_t len, i = 0;

	for (;;) {
		while (i < n && s[i] >= ' ' && s[i] <= '~')
			i++;
		if (i == n)
			return true;
		len = text_utf8_length(s + i, n - i);
		if (len == 0 || is_control(s + i, len))
			return false;
		i += len;
	}
}
