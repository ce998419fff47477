/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_char - the characters of a command, as PowerShell and editors write them */
#include "policy/exchange/exchange_char.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "policy/base/text.h"
#include "policy/base/unicode.h"

#define SHOWN 100 /* bytes of a word in a message */

/* exchange_char_wide - the same for a character beyond ASCII */
static char
exchange_char_wide(struct exchange_span s, size_t *len_r)
{
	unsigned char last;

	if (s.len >= 2 && memcmp(s.at, "\xC2\xA0", 2) == 0) {
		*len_r = 2;
		return ' ';
	}
	if (s.len < 3)
		return 0;
	*len_r = 3;
	if (memcmp(s.at, "\xE2\x88\x92", 3) == 0) /* U+2212, minus */
		return '-';
	last = memcmp(s.at, "\xE2\x80", 2) == 0 ? (unsigned char)s.at[2] : 0;
	if (last >= 0x90 && last <= 0x95) /* U+2010 to U+2015 */
		return '-';
	if (last >= 0x98 && last <= 0x9B) /* U+2018 to U+201B */
		return '\'';
	if (last >= 0x9C && last <= 0x9E) /* U+201C to U+201E */
		return '"';
	*len_r = 1;
	return 0;
}

char
exchange_char(struct exchange_span s, size_t *len_r)
{
	size_t len;

	if (len_r == NULL)
		len_r = &len;
	*len_r = 1;
	if (s.len == 0)
		return 0;
	if (s.at[0] == ' ' || s.at[0] == '\t')
		return ' ';
	if (strchr("-'\"", s.at[0]) != NULL)
		return s.at[0];
	return exchange_char_wide(s, len_r);
}

enum error
exchange_char_check_text(struct exchange_span s, struct error_text *why)
{
	size_t len;

	if (memchr(s.at, '\0', s.len) != NULL)
		return error_set(why, ERR_DATA,
		    "the line has a NUL byte; is the file UTF-16? Save it as UTF-8");
	for (size_t i = 0; i < s.len; i += len) {
		len = unicode_length(s.at + i, s.len - i);
		if (len == 0)
			return error_set(why, ERR_DATA,
			    "the line is not UTF-8; save the file as UTF-8");
		if (s.at[i] != '\t' && !text_is_line(s.at + i, len))
			return error_set(
			    why, ERR_DATA, "the line has a control character");
	}
	return OK;
}

struct exchange_span
exchange_char_skip(struct exchange_span s, size_t n)
{
	return (struct exchange_span){s.at + n, s.len - n};
}

struct exchange_span
exchange_char_trim(struct exchange_span s)
{
	size_t len;

	while (exchange_char(s, &len) == ' ')
		s = exchange_char_skip(s, len);
	for (;;) {
		if (s.len >= 1 &&
		    exchange_char(exchange_char_skip(s, s.len - 1), NULL) == ' ')
			s.len--;
		else if (s.len >= 2 &&
		    exchange_char(exchange_char_skip(s, s.len - 2), &len) == ' ' &&
		    len == 2)
			s.len -= 2;
		else
			return s;
	}
}

struct exchange_span
exchange_char_first_word(struct exchange_span s)
{
	size_t n = 0;

	while (n < s.len && exchange_char(exchange_char_skip(s, n), NULL) != ' ')
		n++;
	return (struct exchange_span){s.at, n};
}

/* skip_bracket - without a leading "[...]" or "(...)", and a colon after it */
static struct exchange_span
skip_bracket(struct exchange_span s, char open, char close)
{
	const char *end =
	    s.len > 0 && s.at[0] == open ? memchr(s.at, close, s.len) : NULL;

	if (end == NULL)
		return s;
	s = exchange_char_trim(exchange_char_skip(s, (size_t)(end - s.at) + 1));
	return s.len > 0 && s.at[0] == ':'
	    ? exchange_char_trim(exchange_char_skip(s, 1))
	    : s;
}

/* begins_prompt - whether S begins with "PS ", "PS>" or a drive, as "C:\" */
static bool
begins_prompt(struct exchange_span s)
{
	if (exchange_char_match(s, "PS") > 0)
		return exchange_char_match(s, "PS>") > 0 ||
		    exchange_char(exchange_char_skip(s, 2), NULL) == ' ';
	return s.len > 2 && isalpha((unsigned char)s.at[0]) && s.at[1] == ':' &&
	    s.at[2] == '\\';
}

struct exchange_span
exchange_char_skip_prompt(struct exchange_span s)
{
	struct exchange_span rest;
	const char *end;

	s = exchange_char_trim(s);
	if (exchange_char_match(s, ">>") > 0)
		return exchange_char_trim(exchange_char_skip(s, 2));
	rest = skip_bracket(skip_bracket(s, '(', ')'), '[', ']');
	if (exchange_char_match(s, "[PS]") == 0 && !begins_prompt(rest))
		return s;
	end = rest.len > 0 ? memchr(rest.at, '>', rest.len) : NULL;
	if (end == NULL)
		return s;
	rest = exchange_char_skip(rest, (size_t)(end - rest.at) + 1);
	if (rest.len > 0 && rest.at[0] == '>')
		rest = exchange_char_skip(rest, 1);
	return exchange_char_trim(rest);
}

size_t
exchange_char_match(struct exchange_span s, const char *word)
{
	struct exchange_span rest = s;
	size_t len;

	for (; *word != '\0'; word++) {
		bool dash = exchange_char(rest, &len) == '-';

		if (rest.len == 0 || dash != (*word == '-') ||
		    (!dash && strncasecmp(rest.at, word, 1) != 0))
			return 0;
		rest = exchange_char_skip(rest, len);
	}
	return s.len - rest.len;
}

int
exchange_char_shown(struct exchange_span s)
{
	return s.len < SHOWN ? (int)s.len : SHOWN;
}

bool
exchange_char_is(struct exchange_span s, const char *word)
{
	return s.len > 0 && exchange_char_match(s, word) == s.len;
}
