/* SPDX-License-Identifier: BSD-2-Clause */
/* unicode - NFC and lower case (the only file with libunistring) */
#include "policy/unicode.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

/* lower_once - lower case and NFC; the result is malloc'ed */
static uint8_t *
lower_once(const uint8_t *s, size_t n, size_t *len_r)
{
	return u8_tolower(s, n, NULL, UNINORM_NFC, NULL, len_r);
}

enum error
unicode_lower_nfc(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	uint8_t *first, *second = NULL;
	size_t len;

	/*
	 * A composed character can only show its lower case after NFC, and a
	 * capital whose lower case is a sequence can compose anew: the second
	 * round makes the mapping stable.
	 */
	first = lower_once((const uint8_t *)s, n, &len);
	if (first != NULL)
		second = lower_once(first, len, &len);
	free(first);
	if (second == NULL)
		return errno == ENOMEM ? ERR_MEMORY : ERR_DATA;
	if (len <= cap) {
		memcpy(out, second, len);
		*len_r = len;
	}
	free(second);
	return len <= cap ? OK : ERR_LIMIT;
}
