/* SPDX-License-Identifier: BSD-2-Clause */
/* flat_json - reads a JSON object whose members are strings and null, as our log's */
#include "policy/ctl/why/flat_json.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define BLANKS " \t\r\n"

/* A string while it is read. */
struct target {
	char *at;
	size_t len, most;
	bool failed;
};

static void
target_add(struct target *t, unsigned byte)
{
	if (t->len == t->most)
		t->failed = true;
	else
		t->at[t->len++] = (char)byte;
}

/* target_character - a code point as UTF-8 */
static void
target_character(struct target *t, uint32_t c)
{
	t->failed |= c == 0 || (c >= 0xD800 && c <= 0xDFFF);
	if (c < 0x80) {
		target_add(t, c);
		return;
	}
	if (c >= 0x10000) {
		target_add(t, 0xF0 | c >> 18);
		target_add(t, 0x80 | (c >> 12 & 0x3F));
	} else if (c >= 0x800) {
		target_add(t, 0xE0 | c >> 12);
	}
	target_add(t, c >= 0x800 ? 0x80 | (c >> 6 & 0x3F) : 0xC0 | c >> 6);
	target_add(t, 0x80 | (c & 0x3F));
}

/* hex4 - the four digits of \uXXXX, or UINT32_MAX */
static uint32_t
hex4(const char *s)
{
	uint32_t c = 0;

	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return UINT32_MAX;
		c = c << 4 |
		    (uint32_t)(s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
	}
	return c;
}

/* read_escape - behind a backslash; what follows it */
static const char *
read_escape(const char *s, struct target *t)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = *s != '\0' ? strchr(from, *s) : NULL;
	uint32_t c, low;

	if (at != NULL) {
		target_add(t, (unsigned char)to[at - from]);
		return s + 1;
	}
	c = *s == 'u' ? hex4(s + 1) : UINT32_MAX;
	if (c == UINT32_MAX) {
		t->failed = true;
		return s;
	}
	s += 5;
	if (c >= 0xD800 && c <= 0xDBFF && s[0] == '\\' && s[1] == 'u') {
		low = hex4(s + 2);
		if (low >= 0xDC00 && low <= 0xDFFF) {
			c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
			s += 6;
		}
	}
	target_character(t, c);
	return s;
}

/* read_string - a string in quotes, into OUT of MOST bytes and a NUL; NULL: none */
static const char *
read_string(const char *s, char *out, size_t most, size_t *len_r)
{
	struct target t = {.at = out, .most = most};

	if (*s++ != '"')
		return NULL;
	while (!t.failed && *s != '"') {
		if ((unsigned char)*s < ' ')
			return NULL; /* the end, for one */
		if (*s == '\\')
			s = read_escape(s + 1, &t);
		else
			target_add(&t, (unsigned char)*s++);
	}
	if (t.failed)
		return NULL;
	out[t.len] = '\0';
	*len_r = t.len;
	return s + 1;
}

/* read_value - a string or null */
static const char *
read_value(const char *s, char *out, size_t *len_r)
{
	if (strncmp(s, "null", 4) != 0)
		return read_string(s, out, FLAT_JSON_VALUE_MAX, len_r);
	out[0] = '\0';
	*len_r = 0;
	return s + 4;
}

bool
flat_json_read(const char *s,
    void (*fn)(void *arg, const char *key, const char *value, size_t n), void *arg)
{
	char key[FLAT_JSON_KEY_MAX + 1], value[FLAT_JSON_VALUE_MAX + 1];
	size_t n;

	if (*s != '{')
		return false;
	do {
		s += 1 + strspn(s + 1, BLANKS);
		s = read_string(s, key, FLAT_JSON_KEY_MAX, &n);
		if (s == NULL)
			return false;
		s += strspn(s, BLANKS);
		if (*s != ':')
			return false;
		s = read_value(s + 1 + strspn(s + 1, BLANKS), value, &n);
		if (s == NULL)
			return false;
		fn(arg, key, value, n);
		s += strspn(s, BLANKS);
	} while (*s == ',');
	return *s == '}' && s[1 + strspn(s + 1, BLANKS)] == '\0';
}
