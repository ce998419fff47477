/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz.c - what all fuzz targets have in common. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

_Noreturn void
fuzz_fail(const char *file, int line, const char *property)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
	abort();
}

char *
fuzz_string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	fuzz_expect(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

uint8_t *
fuzz_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	fuzz_expect(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

FILE *
fuzz_stream(const void *bytes, size_t size)
{
	/* fmemopen(3) of nothing fails in some C libraries */
	FILE *stream = size > 0 ? fmemopen((void *)(uintptr_t)bytes, size, "r")
				: fopen("/dev/null", "r");

	fuzz_expect(stream != NULL);
	return stream;
}

uint8_t
fuzz_byte(struct fuzz_input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

char *
fuzz_piece(struct fuzz_input *input, char end)
{
	const uint8_t *stop =
	    input->left > 0 ? memchr(input->at, end, input->left) : NULL;
	size_t n = stop != NULL ? (size_t)(stop - input->at) : input->left;
	char *piece = fuzz_string(input->at, n);

	input->at += n;
	input->left -= n;
	if (stop != NULL)
		fuzz_byte(input);
	return piece;
}
