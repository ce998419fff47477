/* SPDX-License-Identifier: BSD-2-Clause */
/* pool - a bounded set of read transactions for many threads */
#ifndef POLICY_LIVE_READ_POOL_H
#define POLICY_LIVE_READ_POOL_H

#include <stdbool.h>

#include "policy/store/store.h"

/*
 * A transaction costs an allocation and keeps the decoded settings, and libmilter runs
 * a session's callbacks on changing threads, or gives each of thousands of sessions a
 * thread. So a fixed number of transactions is begun once; a thread borrows one for a
 * decision.
 */
#define POOL_SLOTS 32

struct pool {
	struct store_txn *slot[POOL_SLOTS];
	_Atomic uint32_t taken; /* one bit a slot */
};

/*
 * Begins all transactions and rests them. On an error nothing is left open. The pool
 * was all zero at first; when it is opened again, a slot that a thread has just taken
 * stays its own.
 */
enum error pool_open(struct pool *pool, struct store *store) MUST_USE;

/* Ends all transactions; none may be taken. */
void pool_close(struct pool *pool);

/*
 * Takes a slot's number, waiting at most WAIT_MS for one to come free; -1 when none
 * does. The caller renews and resets its transaction. Thread-safe, lock-free.
 */
int pool_take(struct pool *pool, int wait_ms);
void pool_give(struct pool *pool, int slot);

/* Whether no slot is taken. */
bool pool_is_idle(const struct pool *pool);

#endif
