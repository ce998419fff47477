/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_counter - counts who submits, in memory, until it is written down */
#ifndef MILTER_USAGE_COUNTER_H
#define MILTER_USAGE_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/usage/usage_database.h"

/*
 * A table of fixed size, in 64 parts with a mutex each: one entry for each login and
 * day. What finds no room is counted as dropped. Strangers, the logins of no tenant,
 * get half of it: those that find no room there are counted together, as
 * usage_others(), so that logins that somebody makes up take nothing away from tenants.
 * The mutex is held for a look-up and an addition only, never for I/O: a part is
 * emptied by exchanging its memory.
 */
#define USAGE_COUNTER_SHARDS 64
#define USAGE_COUNTER_SHARD_ENTRIES 256
#define USAGE_COUNTER_ENTRIES (USAGE_COUNTER_SHARDS * USAGE_COUNTER_SHARD_ENTRIES)
#define USAGE_COUNTER_SHARD_STRANGERS (USAGE_COUNTER_SHARD_ENTRIES / 2)

/*
 * Takes some 11 MB of address space, used as logins come: 3 MB when it is full of
 * logins of usual lengths. ERR_MEMORY. Once.
 */
enum error usage_counter_start(void) MUST_USE;

/* One submission. Strings are never NULL; "" for what the MTA does not tell. */
struct usage_counter_event {
	const struct login *login;
	enum usage_kind kind;
	const char *client, *mechanism, *tls;
	instant now;
	bool stranger; /* no tenant owns the login */
};

/*
 * Counts it. True when the table is so full that it should be emptied early; that is
 * said once for each time. Nothing happens before usage_counter_start(). Thread-safe.
 */
bool usage_counter_count(const struct usage_counter_event *event);

/*
 * Empties a shard into OUT (USAGE_COUNTER_SHARD_ENTRIES of them) and returns how many
 * there were. One thread at a time.
 */
size_t usage_counter_drain(unsigned shard, struct usage_entry *out);

/* Puts N entries back that could not be written down. */
void usage_counter_restore(const struct usage_entry *entry, size_t n);

/* What is in the table now; and what was dropped since the last call. */
size_t usage_counter_entries(void);
uint64_t usage_counter_take_dropped(void);

/* Counts N more as dropped; what passed unseen, for one. Nothing before
 * usage_counter_start().
 */
void usage_counter_drop(uint64_t n);

#endif
