/* SPDX-License-Identifier: BSD-2-Clause */
/* held_output - output that is complete before any of it is printed */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "policy/base/error.h"

/* Output of up to this many bytes stays in memory; more goes to a temporary file. */
#define HELD_MEMORY 65536

/*
 * Output of any size. While it is printed no transaction is open, so a slow reader
 * holds nobody up.
 */
struct held_output {
	FILE *to;          /* write here */
	char *buffer;      /* of `to`: the end of the output, or all of it */
	FILE *file;        /* the beginning, or NULL */
	FILE *printed_to;  /* NULL: not yet */
	enum error failed; /* the first error */
	int failed_errno;
};

/* A temporary file without a name, in $TMPDIR or /tmp; NULL with errno. */
FILE *held_output_file(void);

/*
 * Appends all bytes of FROM to TO, up to the operating system. False, with errno, where
 * that fails; ferror(FROM) tells which of them did.
 */
bool held_output_copy(FILE *from, FILE *to) MUST_USE;

/* ERR_MEMORY, with WHY. */
enum error held_output_open(struct held_output *h, struct error_text *why) MUST_USE;

/*
 * Whether all of it was held: to be asked while there is a way back, before the
 * transaction that it tells of is committed. ERR_CREATE, ERR_IO, ERR_FULL, with WHY.
 */
enum error held_output_check(
    const struct held_output *h, struct error_text *why) MUST_USE;

/*
 * Prints it to TO, once; whether TO took it is for the caller to ask. Errors as
 * held_output_check(); then nothing is printed.
 */
enum error held_output_print(
    struct held_output *h, FILE *to, struct error_text *why) MUST_USE;

/* Drops what was not printed. All zeros may be closed, too. */
void held_output_close(struct held_output *h);
