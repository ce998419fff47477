/* SPDX-License-Identifier: BSD-2-Clause */
/* domain - the one form of a mail domain (the only file with libidn2) */
#include "policy/identity/domain.h"

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

static enum error
copy(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	if (n > cap)
		return ERR_LIMIT;
	memcpy(out, s, n);
	*len_r = n;
	return OK;
}

/* from_idn2 - the mapper for libidn2's errors */
static enum error
from_idn2(int rc)
{
	if (rc == IDN2_OK)
		return OK;
	return rc == IDN2_MALLOC ? ERR_MEMORY : ERR_DATA;
}

/* take_ace - libidn2's result; DOT: one trailing dot was taken off before */
static enum error
take_ace(const char *ace, bool dot, char *out, size_t cap, size_t *len_r)
{
	size_t len = strlen(ace);

	if (len > 0 && ace[len - 1] == '.' && !dot)
		len--; /* an ideographic full stop at the end */
	/* a full-width '@', for one, is mapped to what no name has */
	return domain_is_normal(ace, len) ? copy(ace, len, out, cap, len_r) : ERR_DATA;
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
	char lower[DOMAIN_MAX];
	bool dot = n > 0 && s[n - 1] == '.';

	n -= dot;
	if (!is_ascii(s, n))
		return labels_ok(s, n, UTF8_DOMAIN_MAX)
		    ? to_alabels(s, n, dot, out, cap, len_r)
		    : ERR_DATA;
	if (n == 0 || n > DOMAIN_MAX)
		return ERR_DATA;
	for (size_t i = 0; i < n; i++)
		lower[i] = ascii_lower(s[i]);
	return domain_is_normal(lower, n) ? copy(lower, n, out, cap, len_r) : ERR_DATA;
}

/* is_name - what names are made of, and no address of the internet protocol */
static bool
is_name(const char *s, size_t n)
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
	return digits < last;
}

bool
domain_is_normal(const char *s, size_t n)
{
	return n <= DOMAIN_MAX && labels_ok(s, n, LABEL_MAX) && is_name(s, n);
}

enum error
domain_parse(const char *s, char *out, struct error_text *why)
{
	size_t n = strlen(s), len = 0;

	if (strcmp(s, DOMAIN_ANY) == 0) {
		memcpy(out, s, n + 1);
		return OK;
	}
	if (domain_normalize(s, n, out, DOMAIN_MAX, &len) != OK)
		return error_set(why, ERR_DATA, "bad domain \"%s\"", s);
	out[len] = '\0';
	return OK;
}
