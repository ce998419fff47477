/* SPDX-License-Identifier: BSD-2-Clause */
/* line_reader - the lines of a stream, with a limit on their length */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"
#include "policy/base/record.h"

struct line_reader {
	FILE *in;
	size_t max;    /* bytes of a line, without LF */
	uint64_t line; /* the number of the last line read */
	char *text;
	size_t room;
};

/* Starts where IN stands; the next line is number LINE. */
void line_reader_start(struct line_reader *r, FILE *in, uint64_t line, size_t max);
void line_reader_end(struct line_reader *r);

/*
 * The next line without its LF, which the last one may lack, valid until the next call.
 * FOUND_R is false at the end of the input. ERR_LIMIT for a line that is too long:
 * LINE_R is the beginning of it, MAX bytes, and the next one can be read; ERR_IO;
 * ERR_MEMORY.
 */
enum error line_reader_next(
    struct line_reader *r, struct bytes *line_r, bool *found_r) MUST_USE;
