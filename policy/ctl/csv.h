/* SPDX-License-Identifier: BSD-2-Clause */
/* csv - rows of comma-separated values (RFC 4180), on a stream */
#ifndef CTL_CSV_H
#define CTL_CSV_H

#include <stddef.h>
#include <stdio.h>

/* Prints N fields as one row, quoted where they need it, and CR LF. */
void csv_row(FILE *out, const char *const *fields, size_t n);

#endif
