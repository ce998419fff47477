/* SPDX-License-Identifier: BSD-2-Clause */
/* writing - tells what commits write into the database's file from what else does */
#include "policy/writing.h"

void
writing_init(struct writing *w)
{
	pthread_mutex_init(&w->mutex, NULL);
	w->txn = 0;
}

void
writing_forget(struct writing *w)
{
	pthread_mutex_lock(&w->mutex);
	w->txn = 0;
	pthread_mutex_unlock(&w->mutex);
}

bool
writing_is_known(struct writing *w, size_t txn, struct timespec written)
{
	bool known = true;

	pthread_mutex_lock(&w->mutex);
	if (txn > w->txn) {
		w->txn = txn;
		w->written = written;
	} else if (txn == w->txn) {
		known = w->written.tv_sec == written.tv_sec &&
		    w->written.tv_nsec == written.tv_nsec;
	} /* else the snapshot is older than what another thread has seen */
	pthread_mutex_unlock(&w->mutex);
	return known;
}
