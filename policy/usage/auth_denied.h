/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_denied - the refusals of a login at AUTH: how they add up, and their bytes */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/cidr.h"
#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/base/record.h"
#include "policy/identity/login.h"

/*
 * At AUTH a login is refused before its password is checked: anyone who guesses a name
 * causes a refusal. So these are no usage: they are kept apart from it, and nothing but
 * reports may look at them.
 */

/* The days of one login that are kept, the newest ones. */
#define AUTH_DENIED_DAYS_MAX 400

/* One day, in UTC. */
struct auth_denied_day {
	uint32_t day; /* since 1970-01-01 */
	uint32_t count;
};

/* All that is kept of one login. */
struct auth_denied {
	instant last; /* INSTANT_NONE: never refused */
	bool has_client;
	struct cidr_ip client; /* of the last refusal */
	/* Neither the policy nor the usage of this machine knew the name. */
	bool guessed;
	uint32_t days;
	struct auth_denied_day day[AUTH_DENIED_DAYS_MAX]; /* in order */
};

/* Refusals of one login on one day. */
struct auth_denied_entry {
	struct login login; /* usage_others(): of a name that is not kept */
	bool known;         /* the policy has a record of this mailbox */
	uint32_t day, count;
	instant last;
	bool has_client;
	struct cidr_ip client;
};

/* Makes the entry one of usage_others(), which have no client. */
void auth_denied_entry_make_others(struct auth_denied_entry *entry);

/* Never refused. */
void auth_denied_init(struct auth_denied *d);

/*
 * Adds FROM to INTO: counts stop at UINT32_MAX, the client is that of the later
 * refusal, and of too many days the oldest go.
 */
void auth_denied_add(struct auth_denied *into, const struct auth_denied *from);

/* The same for an entry, of a name that is GUESSED or not. */
void auth_denied_add_entry(
    struct auth_denied *into, const struct auth_denied_entry *entry, bool guessed);

/* Forgets the days before FIRST_DAY. */
void auth_denied_forget(struct auth_denied *d, uint32_t first_day);

/* The number of refusals from FIRST_DAY on. */
uint64_t auth_denied_count(const struct auth_denied *d, uint32_t first_day);

#define AUTH_DENIED_BYTES_MAX (30 + 8 * AUTH_DENIED_DAYS_MAX)

/*
 * The bytes. The decoder takes a whole record, the reader one of several, whose
 * `failed` is not set. What is no record of a login that was refused, or cannot be
 * printed, is ERR_DAMAGED; ERR_NEWER.
 */
void auth_denied_encode(const struct auth_denied *d, struct record_writer *w);
enum error auth_denied_decode(struct bytes from, struct auth_denied *out_r) MUST_USE;
enum error auth_denied_read(
    struct record_reader *r, struct auth_denied *out_r) MUST_USE;
