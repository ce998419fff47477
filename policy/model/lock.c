/* SPDX-License-Identifier: BSD-2-Clause */
/* lock - the incident switch, as a struct and as a stored record */
#include "policy/model/lock.h"

#include <stdio.h>
#include <string.h>

#define LOCK_VERSION 1

void
lock_init(struct lock *lock)
{
	memset(lock, 0, sizeof *lock);
	lock->until = lock->when = INSTANT_NONE;
}

void
lock_encode(const struct lock *lock, struct record_writer *w)
{
	record_put_u8(w, LOCK_VERSION);
	record_put_u64(w, (uint64_t)lock->until);
	record_put_u64(w, (uint64_t)lock->when);
	record_put_string(w, lock->who);
	record_put_string(w, lock->note);
}

enum error
lock_decode(struct bytes from, struct lock *out_r)
{
	struct record_reader r;
	enum error e = record_read_version(&r, from, LOCK_VERSION);

	if (e != OK)
		return e;
	out_r->until = (instant)record_get_u64(&r);
	out_r->when = (instant)record_get_u64(&r);
	record_get_string(&r, out_r->who, sizeof out_r->who);
	record_get_string(&r, out_r->note, sizeof out_r->note);
	return record_end(&r);
}

enum error
lock_record_check(struct bytes key, struct bytes value, struct lock *out_r)
{
	char tenant[TENANT_NAME_MAX + 1];
	struct login login;
	enum lock_kind kind;
	enum error e = key_to_lock(key, &kind, tenant, &login);

	return e == OK ? lock_decode(value, out_r) : e;
}

bool
lock_holds(const struct lock_state *lock, instant now)
{
	return lock->set && (lock->until == INSTANT_NONE || now < lock->until);
}

const char *
lock_words(const struct lock_state *lock, instant now, char *buf)
{
	char when[INSTANT_TEXT_MAX];

	if (!lock->set)
		return "";
	if (lock->until == INSTANT_NONE)
		return "locked";
	snprintf(buf, LOCK_TEXT_MAX, "%s %s",
	    lock_holds(lock, now) ? "locked until" : "lock expired",
	    instant_print(lock->until, when));
	return buf;
}

void
lock_state_add(struct lock_state *state, instant until)
{
	if (!state->set ||
	    (state->until != INSTANT_NONE &&
		(until == INSTANT_NONE || until > state->until)))
		state->until = until;
	state->set = true;
}

bool
lock_outlasts(
    const struct lock_state *lock, const struct lock_state *other, instant now)
{
	struct lock_state both = *other;

	if (!lock_holds(lock, now))
		return false;
	lock_state_add(&both, lock->until);
	return !other->set || both.until != other->until;
}
