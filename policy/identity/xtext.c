/* SPDX-License-Identifier: BSD-2-Clause */
/* xtext - the encoding of logins from Sendmail (RFC 3461 section 4) */
#include "policy/identity/xtext.h"

#include "policy/base/hex.h"

enum error
xtext_decode(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c < '!' || c > '~' || c == '=')
			return ERR_DATA;
		if (c == '+') {
			int byte = i + 2 < n ? hex_byte(s + i + 1) : -1;

			if (byte < 0)
				return ERR_DATA;
			c = (char)byte;
			i += 2;
		}
		if (len == cap)
			return ERR_LIMIT;
		out[len++] = c;
	}
	*len_r = len;
	return OK;
}
