/* SPDX-License-Identifier: BSD-2-Clause */
/* line_errors - the lines of an input that are wrong, told as they are found */
#ifndef POLICY_CTL_TRANSFER_LINE_ERRORS_H
#define POLICY_CTL_TRANSFER_LINE_ERRORS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"

#define BAD_LINES_SHOWN 20

struct line_errors {
	uint64_t count;
};

/* Notes one; the first BAD_LINES_SHOWN are printed to TO with their number. */
void line_errors_add(
    struct line_errors *b, FILE *to, uint64_t line, const struct error_text *why);

/* OK, or ERR_DATA with the count in WHY; WHAT is what is wrong, in the singular. */
enum error line_errors_end(
    const struct line_errors *b, const char *what, struct error_text *why) MUST_USE;

/* Whether an error is one of what somebody wrote, and not of the database. */
bool line_errors_is(enum error e);

#endif
