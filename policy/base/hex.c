/* SPDX-License-Identifier: BSD-2-Clause */
/* hex - bytes as hexadecimal digits */
#include "policy/base/hex.h"

#include <stdio.h>
#include <string.h>

const char *
hex_print(const uint8_t *bytes, size_t n, char *buf)
{
	for (size_t i = 0; i < n; i++)
		snprintf(buf + 2 * i, 3, "%02x", bytes[i]);
	return buf;
}

int
hex_byte(const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *high = strchr(digits, s[0]), *low;

	if (s[0] == '\0' || high == NULL)
		return -1;
	low = strchr(digits, s[1]);
	if (s[1] == '\0' || low == NULL)
		return -1;
	return (int)((high - digits) << 4 | (low - digits));
}
