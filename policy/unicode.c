/* SPDX-License-Identifier: BSD-2-Clause */
/* unicode - NFC and lower case (the only file with libunistring) */
#include "policy/unicode.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

enum error
unicode_lower_nfc(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	const uint8_t *in = (const uint8_t *)s;
	uint8_t *lower;
	size_t len;

	if (u8_check(in, n) != NULL)
		return ERR_DATA;
	lower = u8_tolower(in, n, NULL, UNINORM_NFC, NULL, &len);
	if (lower == NULL)
		return errno == ENOMEM ? ERR_MEMORY : ERR_DATA;
	if (len <= cap) {
		memcpy(out, lower, len);
		*len_r = len;
	}
	free(lower);
	return len <= cap ? OK : ERR_LIMIT;
}
