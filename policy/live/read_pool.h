/* SPDX-License-Identifier: BSD-2-Clause */
/* read_pool - a bounded set of read transactions for many threads */
#pragma once

#include <stdbool.h>

#include "policy/store/store.h"

/*
 * A transaction costs an allocation and keeps the decoded settings, and libmilter runs
 * a session's callbacks on changing threads, or gives each of thousands of sessions a
 * thread. So a fixed number of transactions is begun once; a thread borrows one for a
 * decision.
 */
#define READ_POOL_SLOTS 32

struct read_pool {
	struct store_txn *slot[READ_POOL_SLOTS];
	_Atomic uint32_t taken; /* one bit a slot */
};

/*
 * Begins all transactions and rests them. On an error nothing is left open. The pool
 * was all zero at first; when it is opened again, a slot that a thread has just taken
 * stays its own.
 */
enum error read_pool_open(struct read_pool *pool, struct store *store) MUST_USE;

/* Ends all transactions; none may be taken. */
void read_pool_close(struct read_pool *pool);

/*
 * Takes a slot's number, waiting at most WAIT_MS for one to come free; -1 when none
 * does. The caller renews and resets its transaction. Thread-safe, lock-free.
 */
int read_pool_take(struct read_pool *pool, int wait_ms);
void read_pool_give(struct read_pool *pool, int slot);

/* Whether no slot is taken. */
bool read_pool_is_idle(const struct read_pool *pool);
