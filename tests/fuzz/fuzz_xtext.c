/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_xtext.c - xtext of any bytes, against a decoder of another make. */
#include "fuzz.h"

#include "policy/identity/login.h"
#include "policy/identity/xtext.h"

#include <stdlib.h>
#include <string.h>

/* hex - the value of a digit, 16 for what is none */
static size_t
hex(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (size_t)(at - digits) : 16;
}

/* expected - what RFC 3461 section 4 makes of it, or SIZE_MAX */
static size_t
expected(const char *s, size_t n, char *out)
{
	size_t len = 0;

	while (n > 0) {
		size_t step = *s == '+' ? 3 : 1;

		if (step > n || *s < 33 || *s > 126 || *s == '=')
			return SIZE_MAX;
		if (step == 3 && (hex(s[1]) > 15 || hex(s[2]) > 15))
			return SIZE_MAX;
		out[len] = *s;
		if (step == 3)
			out[len] = (char)(hex(s[1]) * 16 + hex(s[2]));
		len++;
		s += step;
		n -= step;
	}
	return len;
}

/* encode - every byte as a hexadecimal pair */
static void
encode(const char *s, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		char pair[4];

		snprintf(pair, sizeof pair, "+%02X", (unsigned char)s[i]);
		memcpy(out + 3 * i, pair, 3);
	}
}

/* fits - into LEN bytes, and not into less; encoded, it is decoded to itself */
static void
fits(const char *s, size_t n, const char *wanted, size_t len)
{
	char *out = (char *)fuzz_copy((const uint8_t *)wanted, len);
	char *coded = malloc(3 * len + 1);
	size_t got = 0;

	fuzz_expect(coded != NULL);
	memset(out, 0, len);
	fuzz_expect(xtext_decode(s, n, out, len, &got) == OK);
	fuzz_expect(got == len && memcmp(out, wanted, len) == 0);
	if (len > 0)
		fuzz_expect(xtext_decode(s, n, out, len - 1, &got) == ERR_LIMIT);
	encode(wanted, len, coded);
	fuzz_expect(xtext_decode(coded, 3 * len, out, len, &got) == OK);
	fuzz_expect(got == len && memcmp(out, wanted, len) == 0);
	free(coded);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = (char *)fuzz_copy(data, size);
	char *wanted = malloc(size + 1), *out = malloc(size + 1);
	size_t len, got;

	fuzz_expect(wanted != NULL && out != NULL);
	len = expected(s, size, wanted);
	if (len == SIZE_MAX)
		fuzz_expect(xtext_decode(s, size, out, size, &got) == ERR_DATA);
	else
		fits(s, size, wanted, len);
	free(out);
	free(wanted);
	free(s);
	return 0;
}
