/* SPDX-License-Identifier: BSD-2-Clause */
/* xtext - the encoding in which Sendmail hands a login over (RFC 3461 section 4) */
#include "policy/identity/xtext.h"

/* hex_upper - the value of an upper-case hexadecimal digit, or -1 */
static int
hex_upper(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum error
xtext_decode(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c < '!' || c > '~' || c == '=')
			return ERR_DATA;
		if (c == '+') {
			int high = i + 2 < n ? hex_upper(s[i + 1]) : -1;
			int low = high >= 0 ? hex_upper(s[i + 2]) : -1;

			if (low < 0)
				return ERR_DATA;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (len == cap)
			return ERR_LIMIT;
		out[len++] = c;
	}
	*len_r = len;
	return OK;
}
