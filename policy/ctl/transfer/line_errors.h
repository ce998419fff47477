/* SPDX-License-Identifier: BSD-2-Clause */
/* line_errors - the wrong lines of an input, reported as they are found */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"

struct line_errors {
	uint64_t count;
};

/* Counts one; the first 20 are printed to TO with their number. */
void line_errors_add(
    struct line_errors *b, FILE *to, uint64_t line, const struct error_text *why);

/* OK, or ERR_DATA with the count of WHAT, a noun in the singular, in WHY. */
enum error line_errors_end(
    const struct line_errors *b, const char *what, struct error_text *why) MUST_USE;

/* Whether E is an error of the input, and not of the database. */
bool line_errors_is(enum error e);
