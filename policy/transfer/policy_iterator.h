/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_walk - the records of the policy, all tables of it, in the order of keys */
#ifndef POLICY_TRANSFER_POLICY_ITERATOR_H
#define POLICY_TRANSFER_POLICY_ITERATOR_H

#include "policy/store/store.h"

struct policy_walk {
	struct db_cursor *cursor;
	struct key behind; /* the last key, and a NUL: the next one is not before it */
	bool moved;        /* the transaction was written to: look BEHIND up again */
};

/* Starts before the first record. */
enum error policy_walk_open(struct policy_walk *w, struct store_txn *txn) MUST_USE;
void policy_walk_close(struct policy_walk *w);

/* The next record, valid until the next call; ERR_NOTFOUND at the end. */
enum error policy_walk_next(
    struct policy_walk *w, struct bytes *key_r, struct bytes *value_r) MUST_USE;

/* To be called when the transaction was written to since the last call. */
void policy_walk_moved(struct policy_walk *w);

#endif
