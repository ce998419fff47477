/* SPDX-License-Identifier: BSD-2-Clause */
/* domain - the normal form of a mail domain */
#include "policy/identity/domain.h"

#include <idn2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LABEL_MAX 63

/* U-labels are shorter as text than as A-labels, but not in UTF-8 bytes. */
#define UTF8_DOMAIN_MAX 1023

/* is_normal - whether S is a normal form as it is */
static bool
is_normal(const char *s, size_t n)
{
	size_t len = 0, digits = 0; /* of the label */

	if (n > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';

		if (s[i] == '.') {
			if (len == 0 || len > LABEL_MAX)
				return false;
			len = digits = 0;
			continue;
		}
		if (!digit && !(s[i] >= 'a' && s[i] <= 'z') && s[i] != '-' &&
		    s[i] != '_')
			return false;
		len++;
		digits += digit;
	}
	return digits < len && len <= LABEL_MAX; /* an address ends in digits */
}

/* put_normal - S, which must be a normal form */
static enum error
put_normal(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	if (!is_normal(s, n))
		return ERR_DATA;
	if (n > cap)
		return ERR_LIMIT;
	memcpy(out, s, n);
	*len_r = n;
	return OK;
}

/* put_alabels - the non-ASCII path; DOT: a trailing dot was taken off before */
static enum error
put_alabels(const char *s, size_t n, bool dot, char *out, size_t cap, size_t *len_r)
{
	char in[UTF8_DOMAIN_MAX + 1], *ace = NULL;
	enum error e;
	size_t len;
	int rc;

	if (n > UTF8_DOMAIN_MAX || s[0] == '.' || s[n - 1] == '.' ||
	    memmem(s, n, "..", 2) != NULL)
		return ERR_DATA;
	memcpy(in, s, n);
	in[n] = '\0';
	rc = idn2_lookup_u8((const uint8_t *)in, (uint8_t **)&ace,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK)
		return rc == IDN2_MALLOC ? ERR_MEMORY : ERR_DATA;
	len = strlen(ace);
	if (len > 0 && ace[len - 1] == '.' && !dot)
		len--; /* an ideographic full stop at the end */
	/* a full-width '@', for one, becomes an '@', which no name has */
	e = put_normal(ace, len, out, cap, len_r);
	idn2_free(ace);
	return e;
}

enum error
domain_normalize(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	char lower[DOMAIN_MAX];
	bool dot = n > 0 && s[n - 1] == '.';

	n -= dot;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			return put_alabels(s, n, dot, out, cap, len_r);
	if (n == 0 || n > DOMAIN_MAX)
		return ERR_DATA;
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] - 'A' + 'a' : s[i]);
	return put_normal(lower, n, out, cap, len_r);
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
