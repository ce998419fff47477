/* SPDX-License-Identifier: BSD-2-Clause */
/* suite.h - what the test programs that run the milter have in common. */
#pragma once

#include <check.h>
#include <stdbool.h>

/* Whether tests run at length, as in make check-slow (TEST_LONG=1): with all rounds of
 * what make check does in a sample. */
bool suite_at_length(void);

/* Adds a case with a time limit that slow runs can stretch. */
TCase *suite_add_case(Suite *suite, const char *name);

/* Runs a suite and reports on standard output as TAP; returns main()'s status. */
int suite_run(Suite *suite);

/* Reports the running test as skipped, and why; the caller returns. */
void suite_skip(const char *test, const char *why);
