/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_iterator - the records of the policy, in the order of keys */
#pragma once

#include "policy/store/store.h"

struct policy_iterator {
	struct db_cursor *cursor;
	struct key next; /* the next record has this key or a later one */
	bool moved;      /* the transaction was written to: look NEXT up again */
};

/* Starts before the first record. */
enum error policy_iterator_open(
    struct policy_iterator *w, struct store_txn *txn) MUST_USE;
void policy_iterator_close(struct policy_iterator *w);

/* The next record, valid until the next call; FOUND_R is false at the end. */
enum error policy_iterator_next(struct policy_iterator *w, struct bytes *key_r,
    struct bytes *value_r, bool *found_r) MUST_USE;

/* To be called when the transaction was written to since the last call. */
void policy_iterator_moved(struct policy_iterator *w);
