/* SPDX-License-Identifier: BSD-2-Clause */
/* held_output - output that is complete before any of it is printed */
#ifndef POLICY_CTL_FRAME_HELD_OUTPUT_H
#define POLICY_CTL_FRAME_HELD_OUTPUT_H

#include <stdio.h>

#include "policy/base/error.h"

/* What fits into so many bytes stays in memory; more goes to a temporary file. */
#define SPOOL_MEMORY 65536

/*
 * Output of any size. What is printed from it holds no transaction, however slowly it
 * is read.
 */
struct held_output {
	FILE *to;   /* print here */
	FILE *file; /* the beginning of it, or NULL */
	char *rest; /* what follows, LEN bytes */
	size_t len;
	enum error failed; /* the first thing that went wrong */
	int failed_errno;
};

/* A temporary file without a name, below $TMPDIR or /tmp; NULL with errno. */
FILE *held_output_file(void);

/* Starts an empty spool. ERR_MEMORY, with WHY. */
enum error held_output_open(struct held_output *s, struct error_text *why) MUST_USE;

/*
 * Whether all that was printed is in the spool: to be asked while there is a way back,
 * before the transaction that it tells of is committed. ERR_CREATE, ERR_IO, ERR_FULL,
 * with WHY.
 */
enum error held_output_flush(struct held_output *s, struct error_text *why) MUST_USE;

/*
 * Copies the spool to TO, which the caller asks whether it took all. Errors as
 * held_output_flush(); then nothing is copied.
 */
enum error held_output_print(
    struct held_output *s, FILE *to, struct error_text *why) MUST_USE;

/* Drops what is in it. Nothing happens to a spool that is not open, all zeros. */
void held_output_close(struct held_output *s);

#endif
