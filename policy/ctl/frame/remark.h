/* SPDX-License-Identifier: BSD-2-Clause */
/* remark - a line for a person, on standard error */
#ifndef POLICY_CTL_FRAME_REMARK_H
#define POLICY_CTL_FRAME_REMARK_H

#include <stdio.h>

/*
 * Prints "smtpauthctl: LINE" to TO, whatever the values in it hold fit for a terminal.
 * A line longer than an error_text is cut.
 */
void remark(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
