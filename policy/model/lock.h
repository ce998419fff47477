/* SPDX-License-Identifier: BSD-2-Clause */
/* lock - the incident switch, as a struct and as a stored record */
#pragma once

#include <stdbool.h>

#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/base/record.h"
#include "policy/model/key.h"
#include "policy/model/tenant.h"

#define LOCK_WHO_MAX 100

/* A lock of a tenant or of a login; which, is its key. */
struct lock {
	instant until;              /* INSTANT_NONE: until it is unlocked */
	instant when;               /* it was made; INSTANT_NONE: not known */
	char who[LOCK_WHO_MAX + 1]; /* made it; "": not known */
	char note[NOTE_MAX + 1];
};

/* All that a decision has to know of the locks of one tenant or login. */
struct lock_state {
	bool set;
	instant until;
};

void lock_init(struct lock *lock);

void lock_encode(const struct lock *lock, struct record_writer *w);
/* ERR_DAMAGED or ERR_NEWER where it is not one of ours. */
enum error lock_decode(struct bytes from, struct lock *out_r) MUST_USE;

/* Whether key and value are a lock of either table; the lock is in OUT_R then. */
enum error lock_record_check(
    struct bytes key, struct bytes value, struct lock *out_r) MUST_USE;

/* Whether it holds at NOW. */
bool lock_holds(const struct lock_state *lock, instant now);

/* "locked", "locked until ...", "lock expired ..." or "", which may be in BUF. */
#define LOCK_TEXT_MAX 48
const char *lock_words(const struct lock_state *lock, instant now, char *buf);

/* Whether LOCK holds at NOW, and OTHER does not, or ends before it. */
bool lock_outlasts(
    const struct lock_state *lock, const struct lock_state *other, instant now);

/* Adds a lock until UNTIL: what ends last counts. */
void lock_state_add(struct lock_state *state, instant until);
