/* SPDX-License-Identifier: BSD-2-Clause */
/* json - writes JSON, piece by piece */
#include "policy/base/json.h"

#include <stdio.h>
#include <string.h>

#include "policy/base/unicode.h"

static void
put(struct json *j, const char *s)
{
	j->put(j->arg, s, strlen(s));
}

/* number_of - the code point of a UTF-8 character */
static unsigned
number_of(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned n = len == 1 ? u[0] : u[0] & (0x7FU >> len);

	for (size_t i = 1; i < len; i++)
		n = n << 6 | (u[i] & 0x3FU);
	return n;
}

/* put_escape - a character by its number; beyond U+FFFF by a surrogate pair */
static void
put_escape(struct json *j, const char *s, size_t len)
{
	unsigned n = number_of(s, len);
	char escape[16];

	if (n > 0xFFFF)
		snprintf(escape, sizeof escape, "\\u%04x\\u%04x",
		    0xD800 + ((n - 0x10000) >> 10), 0xDC00 + (n & 0x3FF));
	else
		snprintf(escape, sizeof escape, "\\u%04x", n);
	put(j, escape);
}

/*
 * put_string - in quotes; invalid UTF-8 becomes U+FFFD. Besides the characters that
 * RFC 8259 section 7 wants escaped, those are that may not be printed as they are.
 */
static void
put_string(struct json *j, const char *s, size_t n)
{
	char escape[4];
	size_t len;

	put(j, "\"");
	for (size_t i = 0; i < n; i += len) {
		len = unicode_length(s + i, n - i);
		if (len == 0) {
			put(j, "\xEF\xBF\xBD");
			len = 1;
		} else if (s[i] == '"' || s[i] == '\\') {
			snprintf(escape, sizeof escape, "\\%c", s[i]);
			put(j, escape);
		} else if (!unicode_is_visible(s + i, len)) {
			put_escape(j, s + i, len);
		} else {
			j->put(j->arg, s + i, len);
		}
	}
	put(j, "\"");
}

/* item - the comma and the key in front of a value */
static void
item(struct json *j, const char *key)
{
	if (j->comma)
		put(j, ",");
	if (key != NULL) {
		put_string(j, key, strlen(key));
		put(j, ":");
	}
	j->comma = true;
}

void
json_start(struct json *j, void (*sink)(void *arg, const char *s, size_t n), void *arg)
{
	j->put = sink;
	j->arg = arg;
	j->comma = false;
}

void
json_open(struct json *j, const char *key, const char *bracket)
{
	item(j, key);
	put(j, bracket);
	j->comma = false;
}

void
json_close(struct json *j, const char *bracket)
{
	put(j, bracket);
	j->comma = true;
}

void
json_literal(struct json *j, const char *key, const char *s)
{
	item(j, key);
	put(j, s);
}

void
json_string_n(struct json *j, const char *key, const char *s, size_t n)
{
	item(j, key);
	put_string(j, s, n);
}

void
json_quoted(struct json *j, const char *key, const char *s)
{
	json_string_n(j, key, s, strlen(s));
}

void
json_text(struct json *j, const char *key, const char *s)
{
	if (s == NULL || *s == '\0')
		json_literal(j, key, "null");
	else
		json_quoted(j, key, s);
}

void
json_instant(struct json *j, const char *key, instant t)
{
	char buf[INSTANT_TEXT_MAX];

	if (t == INSTANT_NONE)
		json_literal(j, key, "null");
	else
		json_quoted(j, key, instant_print(t, buf));
}
