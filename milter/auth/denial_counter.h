/* SPDX-License-Identifier: BSD-2-Clause */
/* denial_counter - counts refusals at AUTH, in memory, until they are written */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/usage/auth_denied.h"

/*
 * Two tables of fixed size, with an entry for each login and day: one is filled while
 * the other is written, so that counting never waits for I/O. Names of which the policy
 * has no record may be guessed, so they get half of a table. What has no room is
 * counted as usage_others(), for which there is always room on one day and the next.
 */
#define DENIAL_COUNTER_ENTRIES 8192
#define DENIAL_COUNTER_GUESSES (DENIAL_COUNTER_ENTRIES / 2)

struct denial_table;

/* All zero before denial_counter_start(). */
struct denial_counter {
	uint64_t seed; /* of the hashes: who guesses names does not choose them */
	pthread_mutex_t mutex;
	struct denial_table *filling;
	bool hurried;               /* denial_counter_add() has returned true */
	_Atomic uint64_t dropped;   /* refusals that were not counted; only grows */
	_Atomic size_t waiting;     /* entries in both tables */
	struct denial_table *taken; /* the writer's own */
	size_t written;             /* its entries that are written */
};

/*
 * Takes 10 MB of address space; memory as logins come, until they are written.
 * ERR_MEMORY. Once.
 */
enum error denial_counter_start(struct denial_counter *c) MUST_USE;

/*
 * Counts the refusals of ENTRY. True, once, when the table should be emptied early.
 * Thread-safe.
 */
bool denial_counter_add(
    struct denial_counter *c, const struct auth_denied_entry *entry);

/* The following are for one thread at a time. */

/* The number of entries that were taken and are not written yet. */
size_t denial_counter_taken(const struct denial_counter *c);

/* Takes all that was counted; what was taken before must be written. */
void denial_counter_take(struct denial_counter *c);

/* The I-th of the taken entries, until they are written. */
const struct auth_denied_entry *denial_counter_entry(
    const struct denial_counter *c, size_t i);

/* The first N of the taken entries are written. */
void denial_counter_written(struct denial_counter *c, size_t n);
