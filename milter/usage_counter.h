/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_counter - counts who submits, in memory, until it is written */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/decision/submission.h"
#include "policy/usage/usage_database.h"

/*
 * Two tables of fixed size, with an entry for each login and day: one is filled while
 * the other is written, so that counting never waits for I/O. Without room a submission
 * is counted as dropped. Strangers, the logins of no tenant, get half of a table, and
 * beyond that are counted together as usage_others(): made-up logins cannot crowd out
 * those of tenants.
 */
#define USAGE_COUNTER_ENTRIES 16384
#define USAGE_COUNTER_STRANGERS (USAGE_COUNTER_ENTRIES / 2)

struct usage_table;

/* All zero before usage_counter_start(); until then nothing is counted. */
struct usage_counter {
	bool started; /* constant once there are other threads */
	pthread_mutex_t mutex;
	struct usage_table *filling;
	bool hurried;              /* usage_counter_add() has returned true */
	_Atomic uint64_t dropped;  /* submissions that were not counted; only grows */
	_Atomic size_t waiting;    /* logins in both tables */
	struct usage_table *taken; /* the writer's own */
	size_t written;            /* its entries that are written */
};

/*
 * Takes 23 MB of address space; memory as logins come, until they are written.
 * ERR_MEMORY. Once.
 */
enum error usage_counter_start(struct usage_counter *c) MUST_USE;

/*
 * Counts a submission with its outcome, over the TLS version TLS; one that passed by
 * on-error counts as dropped. True, once, when the table should be emptied early.
 * Thread-safe.
 */
bool usage_counter_add(struct usage_counter *c, const struct submission *s,
    const char *tls, const struct outcome *o);

/* The following are for one thread at a time. */

/* The number of entries that were taken and are not written yet. */
size_t usage_counter_taken(const struct usage_counter *c);

/* Takes all that was counted; what was taken before must be written. */
void usage_counter_take(struct usage_counter *c);

/* The I-th of the taken entries, until they are written. */
const struct usage_entry *usage_counter_entry(const struct usage_counter *c, size_t i);

/* The first N of the taken entries are written. */
void usage_counter_written(struct usage_counter *c, size_t n);
