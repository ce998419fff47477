/* SPDX-License-Identifier: BSD-2-Clause */
/* as_usage_user - work in the usage folder with the rights of its owner */
#pragma once

#include <stdio.h>

#include "policy/ctl/frame/ctl.h"

/*
 * The usage folder belongs to the daemon's user, who can put any database, lock file or
 * link into it. LMDB maps these files and trusts the contents of the lock file. So a
 * helper process opens them, for root with the rights of the folder's owner. Nothing
 * that it writes is trusted: the owner may stop it, kill it, or make it write anything.
 */

/* The longest that a command waits for the next byte, and for all of them. */
#define AS_USAGE_USER_SILENCE_MS 2000
/* For a command that can do without, and may have to wait for its turn to write, too.
 */
#define AS_USAGE_USER_SHORT_SILENCE_MS 700
#define AS_USAGE_USER_LIMIT_MS 60000

/*
 * Runs in the helper, where C's `dir` is absolute. It calls as_usage_user_alive() as
 * often as it can until it has something to write to TO.
 */
typedef void as_usage_user_fn(struct ctl *c, void *arg, FILE *to);

/*
 * Runs FN in the helper, and copies its output to INTO, at most MAX bytes. No policy
 * may be open: the helper inherits no descriptor, map, environment or current folder.
 *
 * OK means that the helper closed its end; the caller checks the output. ERR_MISSING:
 * there is no such folder; ERR_PERMISSION: the user is neither root nor its owner, or
 * other users can write to it; ERR_BUSY: the helper is stopped, or was silent for too
 * long; ERR_LIMIT; ERR_IO; with C's `why`.
 */
enum error as_usage_user(
    struct ctl *c, as_usage_user_fn *fn, void *arg, uint64_t max, FILE *into) MUST_USE;

/* The same with output that fits into BUF (SIZE bytes) and is read from ANSWER_R. */
enum error as_usage_user_ask(struct ctl *c, as_usage_user_fn *fn, void *arg,
    uint8_t *buf, size_t size, FILE **answer_r) MUST_USE;

/* A sign of life, which the reader drops. Takes no lock. */
void as_usage_user_alive(FILE *to);
