/* SPDX-License-Identifier: BSD-2-Clause */
/* line_reader - the lines of a stream, with a limit on their length */
#ifndef POLICY_IMPORT_LINE_READER_H
#define POLICY_IMPORT_LINE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"
#include "policy/base/record.h"

#define LINE_MAX_BYTES ((size_t)16 << 20)

struct line_reader {
	FILE *in;
	uint64_t line; /* the number of the last line read */
	char *text;
	size_t room, pos, end; /* what is read and not used yet: POS to END of TEXT */
};

/* Starts where IN stands; the next line is number LINE. */
void line_reader_start(struct line_reader *r, FILE *in, uint64_t line);
void line_reader_end(struct line_reader *r);

/*
 * The next line without its LF, valid until the next call; the last one may lack it.
 * ERR_NOTFOUND at the end; ERR_LIMIT for a line that is too long, behind which the next
 * one can be read; ERR_IO; ERR_MEMORY.
 */
enum error line_reader_next(struct line_reader *r, struct bytes *line_r) MUST_USE;

#endif
