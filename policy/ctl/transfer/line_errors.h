/* SPDX-License-Identifier: BSD-2-Clause */
/* bad_lines - the lines of an input that are wrong, told as they are found */
#ifndef POLICY_CTL_TRANSFER_LINE_ERRORS_H
#define POLICY_CTL_TRANSFER_LINE_ERRORS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"

#define BAD_LINES_SHOWN 20

struct bad_lines {
	uint64_t count;
};

/* Notes one; the first BAD_LINES_SHOWN are printed to TO with their number. */
void bad_lines_add(
    struct bad_lines *b, FILE *to, uint64_t line, const struct error_text *why);

/* OK, or ERR_DATA with the count in WHY; WHAT is what is wrong, in the singular. */
enum error bad_lines_end(
    const struct bad_lines *b, const char *what, struct error_text *why) MUST_USE;

/* Whether an error is one of what somebody wrote, and not of the database. */
bool bad_lines_is(enum error e);

#endif
