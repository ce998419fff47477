/* SPDX-License-Identifier: BSD-2-Clause */
/* spool - output that is complete before any of it is printed */
#ifndef CTL_SPOOL_H
#define CTL_SPOOL_H

#include "policy/ctl/ctl.h"

/* A temporary file without a name, below $TMPDIR or /tmp; NULL with errno. */
FILE *spool_file(void);

/*
 * The same, for output of any size. What is printed from it
 * holds no transaction, however slowly it is read. ERR_CREATE, with C's `why`.
 */
enum error spool_open(struct ctl *c, FILE **spool_r) MUST_USE;

/*
 * Whether all that was printed is in the spool: to be asked while there is a way back,
 * before the transaction that it tells of is committed. ERR_IO, ERR_FULL, with C's
 * `why`.
 */
enum error spool_flush(struct ctl *c, FILE *spool) MUST_USE;

/*
 * Copies the spool to standard output if E is OK; closes and NULLs it in any case.
 * Returns E, or what went wrong: ERR_IO, ERR_FULL, with C's `why`.
 */
enum error spool_print(struct ctl *c, FILE **spool, enum error e) MUST_USE;

#endif
