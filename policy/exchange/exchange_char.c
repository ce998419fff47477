/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_char - the characters that PowerShell, and those who paste, write for others
 */
#include "policy/exchange/exchange_char.h"

#include <string.h>
#include <strings.h>

#include "policy/base/text.h"
#include "policy/base/unicode.h"

size_t
exchange_blank(const char *s, size_t n)
{
	if (n > 0 && (s[0] == ' ' || s[0] == '\t'))
		return 1;
	return n >= 2 && memcmp(s, "\xC2\xA0", 2) == 0 ? 2 : 0;
}

size_t
exchange_dash(const char *s, size_t n)
{
	if (n > 0 && s[0] == '-')
		return 1;
	if (n < 3)
		return 0;
	if (memcmp(s, "\xE2\x88\x92", 3) == 0)
		return 3;
	return memcmp(s, "\xE2\x80", 2) == 0 && (unsigned char)s[2] >= 0x90 &&
		(unsigned char)s[2] <= 0x95
	    ? 3
	    : 0;
}

size_t
exchange_quote(const char *s, size_t n, char *kind_r)
{
	unsigned char last;

	if (n > 0 && (s[0] == '\'' || s[0] == '"')) {
		*kind_r = s[0];
		return 1;
	}
	if (n < 3 || memcmp(s, "\xE2\x80", 2) != 0)
		return 0;
	last = (unsigned char)s[2];
	if (last < 0x98 || last > 0x9E)
		return 0;
	*kind_r = last < 0x9C ? '\'' : '"'; /* U+2018 to 201B, U+201C to 201E */
	return 3;
}

enum error
exchange_check_text(struct exchange_span s, struct error_text *why)
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
exchange_trim(struct exchange_span s)
{
	size_t len;

	while ((len = exchange_blank(s.at, s.len)) > 0) {
		s.at += len;
		s.len -= len;
	}
	for (;;) {
		if (s.len >= 1 && exchange_blank(s.at + s.len - 1, 1) > 0)
			s.len--;
		else if (s.len >= 2 && exchange_blank(s.at + s.len - 2, 2) == 2)
			s.len -= 2;
		else
			return s;
	}
}

struct exchange_span
exchange_first_word(struct exchange_span s)
{
	size_t n = 0;

	while (n < s.len && exchange_blank(s.at + n, s.len - n) == 0)
		n++;
	return (struct exchange_span){s.at, n};
}

/* skip - S without N bytes and the blanks behind them */
static struct exchange_span
skip(struct exchange_span s, size_t n)
{
	return exchange_trim((struct exchange_span){s.at + n, s.len - n});
}

struct exchange_span
exchange_skip_prompt(struct exchange_span s)
{
	struct exchange_span rest = s = exchange_trim(s);
	const char *end;

	if (s.len >= 2 && memcmp(s.at, ">>", 2) == 0)
		return skip(s, 2);
	if (s.len > 0 && s.at[0] == '[') {
		end = memchr(s.at, ']', s.len);
		if (end == NULL)
			return s;
		rest = skip(s, (size_t)(end - s.at) + 1);
		if (rest.len > 0 && rest.at[0] == ':')
			rest = skip(rest, 1);
		if (strncasecmp(s.at, "[PS]", 4) != 0 &&
		    (rest.len < 2 || strncasecmp(rest.at, "PS", 2) != 0))
			return s;
	} else if (s.len < 3 || strncasecmp(s.at, "PS", 2) != 0 ||
	    (s.at[2] != '>' && exchange_blank(s.at + 2, s.len - 2) == 0)) {
		return s;
	}
	end = rest.len > 0 ? memchr(rest.at, '>', rest.len) : NULL;
	return end != NULL ? skip(rest, (size_t)(end - rest.at) + 1) : s;
}

bool
exchange_fold(struct exchange_span s, char *out, size_t cap)
{
	size_t n = 0, dash;

	for (size_t i = 0; i<s.len; i += dash> 0 ? dash : 1) {
		char c = s.at[i];

		if (n + 1 >= cap || c == '\0')
			return false;
		dash = exchange_dash(s.at + i, s.len - i);
		if (dash > 0)
			c = '-';
		else if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

bool
exchange_is(struct exchange_span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}
