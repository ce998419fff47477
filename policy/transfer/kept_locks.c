/* SPDX-License-Identifier: BSD-2-Clause */
/* kept_locks - the locks that a restore must not end */
#include "policy/transfer/kept_locks.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"

void
kept_locks_start(struct kept_locks *k, instant now)
{
	memset(k, 0, sizeof *k);
	k->now = now;
}

void
kept_locks_end(struct kept_locks *k)
{
	free(k->at);
	k->at = NULL;
}

/* collect - one lock, if it is in force */
static enum error
collect(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	const struct lock_state state = {.set = true, .until = lock->until};
	struct kept_locks *k = arg;
	struct kept_lock *at;

	k->seen++;
	if (!lock_holds(&state, k->now))
		return OK;
	at = array_grow(k->at, k->count, &k->room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	k->at = at;
	k->at[k->count].subject = *subject;
	k->at[k->count++].lock = *lock;
	return OK;
}

enum error
kept_locks_collect(struct kept_locks *k, struct store_txn *txn)
{
	enum error e = lock_table_each(txn, LOCK_MADE_HERE, collect, k);

	return e == OK ? lock_table_each(txn, LOCK_BROUGHT, collect, k) : e;
}

/* is_weaker - whether what TXN has for the subject ends before the lock does */
static enum error
is_weaker(
    const struct kept_lock *kept, struct store_txn *txn, instant now, bool *weaker_r)
{
	const struct lock_subject *s = &kept->subject;
	const struct lock_state lock = {.set = true, .until = kept->lock.until};
	struct lock_state there = {.set = false};
	enum error e = s->kind == LOCK_TENANT
	    ? lock_table_add_tenant(txn, s->tenant, &there)
	    : lock_table_add_login(txn, &s->login, &there);

	*weaker_r = lock_outlasts(&lock, &there, now);
	return e;
}

enum error
kept_locks_put(const struct kept_locks *k, struct store_txn *txn, uint64_t *put_r)
{
	enum error e = OK;

	*put_r = 0;
	for (size_t i = 0; i < k->count && e == OK; i++) {
		const struct kept_lock *kept = &k->at[i];
		bool weaker;

		e = is_weaker(kept, txn, k->now, &weaker);
		if (e != OK || !weaker)
			continue;
		e = lock_table_put(txn, LOCK_MADE_HERE, &kept->subject, &kept->lock);
		++*put_r;
	}
	return e;
}
