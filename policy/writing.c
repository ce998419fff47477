/* SPDX-License-Identifier: BSD-2-Clause */
/* writing - tells what commits write into the database's file from what else does */
#include "policy/writing.h"

#include <stdatomic.h>

void
writing_init(struct writing *w)
{
	pthread_mutex_init(&w->mutex, NULL);
	w->txn = 0;
}

/* compare - under the mutex, and keeps a new commit */
static bool
compare(struct writing *w, size_t txn, int64_t written)
{
	if (txn < w->txn)
		return true; /* another thread has seen a later commit */
	if (txn == w->txn)
		return w->written == written;
	w->txn = txn;
	w->written = written;
	return true;
}

static int64_t
nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void
writing_trust(struct writing *w, size_t txn, struct timespec written)
{
	pthread_mutex_lock(&w->mutex);
	if (txn >= w->txn) {
		w->txn = txn;
		w->written = nanoseconds(written);
	}
	pthread_mutex_unlock(&w->mutex);
}

bool
writing_is_known(struct writing *w, size_t txn, struct timespec written)
{
	int64_t at = nanoseconds(written);
	bool known;

	/* Both of one commit, or the time of a later one, which is as good. */
	if (atomic_load(&w->txn) == txn && atomic_load(&w->written) == at)
		return true;
	pthread_mutex_lock(&w->mutex);
	known = compare(w, txn, at);
	pthread_mutex_unlock(&w->mutex);
	return known;
}
