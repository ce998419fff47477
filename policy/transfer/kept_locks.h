/* SPDX-License-Identifier: BSD-2-Clause */
/* kept_locks - the locks that a restore must not end */
#ifndef POLICY_TRANSFER_KEPT_LOCKS_H
#define POLICY_TRANSFER_KEPT_LOCKS_H

#include "policy/tables/lock_table.h"

struct kept_lock {
	struct lock_subject subject;
	struct lock lock;
};

struct kept_locks {
	struct kept_lock *at;
	size_t count, room;
	instant now;
	uint64_t seen; /* locks, expired ones among them */
};

/* NOW decides which locks are in force. */
void kept_locks_start(struct kept_locks *k, instant now);
void kept_locks_end(struct kept_locks *k);

/* Adds all locks of TXN that are in force, whatever their origin. */
enum error kept_locks_collect(struct kept_locks *k, struct store_txn *txn) MUST_USE;

/*
 * Puts those into TXN, as made here, whose tenant or login has no lock there that holds
 * as long; PUT_R is how many.
 */
enum error kept_locks_put(
    const struct kept_locks *k, struct store_txn *txn, uint64_t *put_r) MUST_USE;

#endif
