/* SPDX-License-Identifier: BSD-2-Clause */
/* transaction - begins what a command runs in, by its row of the table */
#pragma once

#include "policy/ctl/frame/ctl.h"

/* Whether what the command changes is committed. */
bool transaction_writes(const struct ctl *c);

/*
 * Opens C's store and begins its transaction, as the command needs it; every change of
 * a writer gets its audit entry. Errors as store_open() and store_begin(), with C's
 * `why`. main ends what was begun.
 */
enum error transaction_begin(struct ctl *c) MUST_USE;

/*
 * E, the result of reading in C's transaction, if any; or what store_check() says, with
 * C's `why`: then neither success nor an error of the reading counts.
 */
enum error transaction_check(struct ctl *c, enum error e) MUST_USE;

/*
 * Verifies the database, since a damaged one can say "not found" of what is there, and
 * that must not be shown as the truth. A large one, which would take too long, is left
 * to the daemon: *VERIFIED_R is false then.
 */
enum error transaction_verify(struct ctl *c, bool *verified_r) MUST_USE;

/*
 * ERR_DAMAGED unless the list of a whole table had as many records as the meta record
 * counts: a damaged page can look like the end.
 */
enum error transaction_walked(
    struct ctl *c, uint64_t walked, uint64_t counted) MUST_USE;
