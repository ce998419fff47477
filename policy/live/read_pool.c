/* SPDX-License-Identifier: BSD-2-Clause */
/* read_pool - a bounded set of read transactions for many threads */
#include "policy/live/read_pool.h"

#include <stdatomic.h>
#include <time.h>

#include "policy/base/monotonic.h"

_Static_assert(READ_POOL_SLOTS == 32, "one bit of `taken` a slot");

enum error
read_pool_open(struct read_pool *pool, struct store *store)
{
	enum error e = OK;

	for (int i = 0; i < READ_POOL_SLOTS; i++)
		pool->slot[i] = NULL;
	for (int i = 0; i < READ_POOL_SLOTS && e == OK; i++) {
		e = store_begin(store, &pool->slot[i]);
		if (e != OK)
			break;
		e = store_reset(pool->slot[i]);
	}
	if (e != OK)
		read_pool_close(pool);
	return e;
}

void
read_pool_close(struct read_pool *pool)
{
	for (int i = 0; i < READ_POOL_SLOTS; i++)
		store_abort(&pool->slot[i]);
}

/* try_take - one attempt at the lowest free bit; -1 when all are taken */
static int
try_take(struct read_pool *pool)
{
	uint32_t taken = atomic_load_explicit(&pool->taken, memory_order_relaxed);

	while (taken != UINT32_MAX) {
		int slot = __builtin_ctz(~taken);

		if (atomic_compare_exchange_weak(
			&pool->taken, &taken, taken | UINT32_C(1) << slot))
			return slot;
	}
	return -1;
}

int
read_pool_take(struct read_pool *pool, int wait_ms)
{
	const struct timespec millisecond = {0, 1000000};
	int slot = try_take(pool);
	int64_t deadline;

	if (slot >= 0)
		return slot;
	/* A decision takes microseconds: a wait is rare, and not worth a lock. */
	deadline = monotonic_ms() + wait_ms;
	while (slot < 0 && monotonic_ms() < deadline) {
		nanosleep(&millisecond, NULL);
		slot = try_take(pool);
	}
	return slot;
}

void
read_pool_give(struct read_pool *pool, int slot)
{
	atomic_fetch_and(&pool->taken, ~(UINT32_C(1) << slot));
}

bool
read_pool_is_idle(const struct read_pool *pool)
{
	return atomic_load(&pool->taken) == 0;
}
