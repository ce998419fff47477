/* SPDX-License-Identifier: BSD-2-Clause */
/* as_usage_user - work in the usage folder with the rights of its owner */
#ifndef POLICY_CTL_USAGE_AS_USAGE_USER_H
#define POLICY_CTL_USAGE_AS_USAGE_USER_H

#include <stdio.h>

#include "policy/base/record.h"
#include "policy/ctl/frame/ctl.h"

/*
 * The usage folder belongs to the daemon's user, who decides what database, lock file
 * and links are in it. LMDB maps these files and trusts what it finds in the lock file.
 * So a helper process opens them, for root with the rights of the folder's owner, and
 * the owner may stop it, kill it, or make it write anything.
 */

/* The longest that a command waits for the next byte, and for all of them. */
#define AS_USAGE_USER_SILENCE_MS 2000
#define AS_USAGE_USER_LIMIT_MS 60000

/*
 * What runs in the helper, where C's `dir` is absolute. Before it writes anything else
 * to TO it calls as_usage_user_alive() as often as it can.
 */
typedef void as_usage_user_fn(struct ctl *c, void *arg, FILE *to);

/*
 * Runs FN in the helper, and copies what it writes into INTO, at most MAX bytes. To be
 * called while no policy is open: the helper inherits no descriptor, map, environment
 * or current folder.
 *
 * OK: the helper closed its end. Whether all was written, and whether it makes sense,
 * is for the caller to find out. ERR_MISSING without the folder; ERR_PERMISSION for
 * those who are neither root nor its owner, and where others than the owner may write
 * to it; ERR_BUSY when the helper was silent for too long, or is seen stopped;
 * ERR_LIMIT; ERR_IO; with C's `why`.
 */
enum error as_usage_user(
    struct ctl *c, as_usage_user_fn *fn, void *arg, uint64_t max, FILE *into) MUST_USE;

/* The same for an answer that fits into BUF (SIZE bytes), from where it is to be read.
 */
enum error as_usage_user_ask(struct ctl *c, as_usage_user_fn *fn, void *arg,
    uint8_t *buf, size_t size, FILE **answer_r) MUST_USE;

/* A sign of life, which the reader drops. Takes no lock. */
void as_usage_user_alive(FILE *to);

#endif
