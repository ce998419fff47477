/* SPDX-License-Identifier: BSD-2-Clause */
/* domain - the one form of a mail domain (the only file with libidn2) */
#include "policy/domain.h"

#include <idn2.h>
#include <stdint.h>
#include <string.h>

#define LABEL_MAX 63

/* U-labels are shorter as text than as A-labels, but not in UTF-8 bytes. */
#define UTF8_DOMAIN_MAX 1023

static char
ascii_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool
is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

/* labels_ok - no label empty or, in its final form, over-long */
static bool
labels_ok(const char *s, size_t n, size_t label_max)
{
	const char *end = s + n, *dot;

	for (;; s = dot + 1) {
		dot = memchr(s, '.', (size_t)(end - s));
		if (dot == NULL)
			dot = end;
		if (dot == s || (size_t)(dot - s) > label_max)
			return false;
		if (dot == end)
			return true;
	}
}

/* copy_lower - ASCII letters to lower case, other bytes as they are */
static enum error
copy_lower(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	if (n > cap)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		out[i] = ascii_lower(s[i]);
	*len_r = n;
	return OK;
}

/* from_idn2 - the mapper for libidn2's errors */
static enum error
from_idn2(int rc)
{
	switch (rc) {
	case IDN2_OK:
		return OK;
	case IDN2_MALLOC:
		return ERR_MEMORY;
	case IDN2_TOO_BIG_DOMAIN:
	case IDN2_TOO_BIG_LABEL:
		return ERR_DATA;
	default:
		return ERR_NOTFOUND;
	}
}

/* is_host - whether the mapping has made nothing but what names are made of */
static bool
is_host(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') &&
		    s[i] != '-' && s[i] != '_' && s[i] != '.')
			return false;
	return true;
}

/* take_ace - libidn2's result; DOT: one trailing dot was taken off before */
static enum error
take_ace(const char *ace, bool dot, char *out, size_t cap, size_t *len_r)
{
	size_t len = strlen(ace);

	if (len > 0 && ace[len - 1] == '.' && !dot)
		len--; /* an ideographic full stop at the end */
	if (len > DOMAIN_MAX || !labels_ok(ace, len, LABEL_MAX))
		return ERR_DATA;
	if (!is_host(ace, len)) /* a full-width '@', for one */
		return ERR_NOTFOUND;
	return copy_lower(ace, len, out, cap, len_r);
}

/* to_alabels - the non-ASCII path */
static enum error
to_alabels(const char *s, size_t n, bool dot, char *out, size_t cap, size_t *len_r)
{
	char in[UTF8_DOMAIN_MAX + 1];
	uint8_t *ace = NULL;
	enum error e;

	if (n > UTF8_DOMAIN_MAX)
		return ERR_DATA;
	memcpy(in, s, n);
	in[n] = '\0';
	e = from_idn2(idn2_lookup_u8(
	    (const uint8_t *)in, &ace, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL));
	if (e == OK)
		e = take_ace((const char *)ace, dot, out, cap, len_r);
	idn2_free(ace);
	return e;
}

enum error
domain_normalize(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	bool ascii = is_ascii(s, n), dot = n > 0 && s[n - 1] == '.';
	enum error e;

	n -= dot;
	if (!labels_ok(s, n, ascii ? LABEL_MAX : UTF8_DOMAIN_MAX))
		return ERR_DATA;
	if (ascii)
		return n > DOMAIN_MAX ? ERR_DATA : copy_lower(s, n, out, cap, len_r);
	e = to_alabels(s, n, dot, out, cap, len_r);
	if (e != ERR_NOTFOUND)
		return e;
	if (n > DOMAIN_MAX)
		return ERR_DATA;
	return copy_lower(s, n, out, cap, len_r) == OK ? ERR_NOTFOUND : ERR_LIMIT;
}

bool
domain_is_normal(const char *s, size_t n)
{
	return n <= DOMAIN_MAX && labels_ok(s, n, LABEL_MAX);
}

bool
domain_is_name(const char *s, size_t n)
{
	size_t digits = 0, last = 0;

	for (size_t i = 0; i < n; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';

		if (s[i] == '.') {
			digits = last = 0;
			continue;
		}
		if (!digit && !(s[i] >= 'a' && s[i] <= 'z') && s[i] != '-' &&
		    s[i] != '_')
			return false;
		last++;
		digits += digit;
	}
	return last > 0 && digits < last;
}
