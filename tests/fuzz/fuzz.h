/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz.h - what all fuzz targets have in common. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A target: libFuzzer calls it, and so does replay.c. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property of the code under test: where it does not hold, the process ends by
 * abort(3), which is a finding. */
#define fuzz_expect(property) \
	((property) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #property))

_Noreturn void fuzz_fail(const char *file, int line, const char *property);

/* The bytes with a NUL behind them, in memory that ends there; the caller frees it. */
char *fuzz_string(const uint8_t *data, size_t size);

/* A copy without anything behind it, so that a read past the end is seen; the caller
 * frees it. Never NULL. */
uint8_t *fuzz_copy(const uint8_t *data, size_t size);

/* The bytes as a stream; the caller closes it. */
FILE *fuzz_stream(const void *bytes, size_t size);

/* An input that is taken apart, piece by piece. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

/* The next byte, 0 where there is none. */
uint8_t fuzz_byte(struct fuzz_input *input);

/* The bytes up to the next `end`, or all that are left, as fuzz_string() has them. */
char *fuzz_piece(struct fuzz_input *input, char end);
