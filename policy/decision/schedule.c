/* SPDX-License-Identifier: BSD-2-Clause */
/* schedule - coming changes of the decision for a login */
#include "policy/decision/schedule.h"

#include <stdlib.h>

#define DATES_MAX 64 /* a mailbox and the one without its subaddress have few */

/* schedule_sooner - T, if it is after AFTER and before the soonest so far */
static instant
schedule_sooner(instant soonest, instant t, instant after)
{
	return t > after && (soonest == INSTANT_NONE || t < soonest) ? t : soonest;
}

/* next_date - the first of the outcome's dates after AFTER; INSTANT_NONE: no more */
static instant
next_date(const struct outcome *o, instant after)
{
	instant next = INSTANT_NONE;

	if (o->has_tenant) {
		next = schedule_sooner(next, o->tenant.enforce_from, after);
		next = schedule_sooner(next, o->tenant.tempfail_until, after);
	}
	if (o->has_mailbox)
		next = schedule_sooner(next, o->mailbox.until, after);
	if (o->tenant_lock.set)
		next = schedule_sooner(next, o->tenant_lock.until, after);
	return o->login_lock.set ? schedule_sooner(next, o->login_lock.until, after)
				 : next;
}

enum error
schedule_of(struct store_txn *txn, const struct submission *s,
    const struct outcome *now, struct change *out, size_t *n_r)
{
	struct outcome *o = malloc(sizeof *o);
	struct submission later = *s;
	struct decision last = now->decision;
	enum error e = o != NULL ? OK : ERR_MEMORY;

	*n_r = 0;
	if (o != NULL)
		*o = *now;
	for (int i = 0; e == OK && i < DATES_MAX && *n_r < SCHEDULE_MAX; i++) {
		/* where one setting ends, another's dates may come to light */
		later.now = next_date(o, later.now);
		if (later.now == INSTANT_NONE)
			break;
		e = submission_judge(txn, &later, o, NULL);
		if (e != OK ||
		    (o->decision.verdict == last.verdict &&
			o->decision.reason == last.reason))
			continue;
		last = o->decision;
		out[(*n_r)++] = (struct change){later.now, last};
	}
	free(o);
	return e;
}
