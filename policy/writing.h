/* SPDX-License-Identifier: BSD-2-Clause */
/* writing - tells what commits write into the database's file from what else does */
#ifndef POLICY_WRITING_H
#define POLICY_WRITING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * LMDB writes the file for a commit only. One that is written while the number of the
 * last commit stays has been written by something else, or a commit is on its way.
 * Of each commit is kept when the file had been written when it was first seen.
 */
struct writing {
	pthread_mutex_t mutex;   /* of whoever changes the two */
	_Atomic size_t txn;      /* the last commit that was seen, 0: none */
	_Atomic int64_t written; /* nanoseconds since 1970 */
};

void writing_init(struct writing *w);

/* The file as it was written at WRITTEN is that of commit number TXN, unless a later
 * one was seen: whatever has written it, a scan follows. */
void writing_trust(struct writing *w, size_t txn, struct timespec written);

/*
 * Whether the file, last written at WRITTEN, is as it was when commit number TXN was
 * first seen, which may be now. Thread-safe; where nothing has changed, without a lock.
 */
bool writing_is_known(struct writing *w, size_t txn, struct timespec written);

#endif
