/* SPDX-License-Identifier: BSD-2-Clause */
/* notice - a message to a tenant's contact, as a struct and as a stored record */
#include "policy/model/notice.h"

#define NOTICE_VERSION 1

bool
notice_is_due(const struct tenant *t, instant now)
{
	return t->smtp_auth == SMTP_AUTH_DISABLED &&
	    (t->enforce_from > now || t->tempfail_until > now);
}

bool
notice_is_of(const struct notice *n, const struct tenant *t)
{
	return n->enforce_from == t->enforce_from &&
	    n->tempfail_until == t->tempfail_until;
}

void
notice_encode(const struct notice *n, struct record_writer *w)
{
	record_put_u8(w, NOTICE_VERSION);
	record_put_u8(w, (uint8_t)n->state);
	record_put_u64(w, (uint64_t)n->when);
	record_put_u64(w, (uint64_t)n->enforce_from);
	record_put_u64(w, (uint64_t)n->tempfail_until);
	record_put_string(w, n->address);
}

/* is_time - one that can be printed, or none */
static bool
is_time(instant t)
{
	return t == INSTANT_NONE || instant_is_valid(t);
}

enum error
notice_decode(struct bytes from, struct notice *out_r)
{
	struct record_reader r;
	enum error e = record_read_version(&r, from, NOTICE_VERSION);

	if (e != OK)
		return e;
	out_r->state = (enum notice_state)record_get_u8(&r);
	out_r->when = (instant)record_get_u64(&r);
	out_r->enforce_from = (instant)record_get_u64(&r);
	out_r->tempfail_until = (instant)record_get_u64(&r);
	record_get_string(&r, out_r->address, sizeof out_r->address);
	if (out_r->state > NOTICE_FAILED || !instant_is_valid(out_r->when) ||
	    !is_time(out_r->enforce_from) || !is_time(out_r->tempfail_until))
		return ERR_DAMAGED;
	return record_end(&r);
}
