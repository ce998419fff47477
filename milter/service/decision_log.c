/* SPDX-License-Identifier: BSD-2-Clause */
/* decision_log - the log line of a decision */
#include "milter/service/decision_log.h"

#include <string.h>

#include "milter/service/log.h"
#include "policy/decision/override.h"

#define LOG_FIELDS_MAX 16

static enum log_level
level_of(const struct decision *d)
{
	if (d->verdict == VERDICT_PASS)
		return LEVEL_DEBUG;
	return d->reason == REASON_STORE_ERROR ? LEVEL_WARNING : LEVEL_INFO;
}

static struct log_field
field(const char *key, const char *value)
{
	return (struct log_field){key, value, strlen(value)};
}

/* sender_field - the address without its angle brackets */
static struct log_field
sender_field(const char *s)
{
	size_t n = strlen(s);

	if (n >= 2 && s[0] == '<' && s[n - 1] == '>')
		return (struct log_field){"sender", s + 1, n - 2};
	return (struct log_field){"sender", s, n};
}

/* instant_field - returns 1, or 0 for INSTANT_NONE */
static size_t
instant_field(struct log_field *f, const char *key, instant t, char *buf)
{
	if (t == INSTANT_NONE)
		return 0;
	*f = field(key, instant_print(t, buf));
	return 1;
}

/*
 * schedule_fields - an exception that did not hold (where one does, the reason says
 * it), and the dates that counted
 */
static size_t
schedule_fields(struct log_field *f, const struct decision_log_entry *l,
    char when[2][INSTANT_TEXT_MAX])
{
	const struct outcome *o = l->outcome;
	const struct decision *d = &o->decision;
	size_t n = 0;

	if (d->override == OVERRIDE_EXPIRED || d->override == OVERRIDE_OTHER_CLIENT)
		f[n++] = field("exception", override_name(d->override));
	if (d->override != OVERRIDE_NONE)
		n += instant_field(&f[n], "until", o->mailbox.until, when[0]);
	if (d->reason == REASON_SCHEDULED)
		n += instant_field(
		    &f[n], "enforce_from", o->tenant.enforce_from, when[1]);
	if (d->reason == REASON_TENANT_DISABLED &&
	    l->submission->now < o->tenant.tempfail_until)
		n += instant_field(
		    &f[n], "tempfail_until", o->tenant.tempfail_until, when[1]);
	return n;
}

void
decision_log_write(const struct decision_log_entry *l, bool allowed)
{
	const struct submission *s = l->submission;
	const struct outcome *o = l->outcome;
	char when[2][INSTANT_TEXT_MAX];
	struct log_field f[LOG_FIELDS_MAX] = {
	    field("id", l->id),
	    field("verdict", decision_verdict_name(o->decision.verdict)),
	    field("reason", decision_reason_name(o->decision.reason)),
	    field("login", s->login),
	    field("mailbox", submission_mailbox(o)),
	    field("tenant", submission_tenant(o)),
	    field("client", s->client),
	    field("mech", s->mechanism),
	    field("listener", s->listener),
	};
	size_t n = 9;

	if (o->decision.verdict == VERDICT_ALLOW && !allowed &&
	    o->decision.reason != REASON_STORE_ERROR)
		return;
	if (l->sender != NULL)
		f[n++] = sender_field(l->sender);
	if (l->door != NULL)
		f[n++] = field("door", l->door);
	if (l->answer != NULL)
		f[n++] = field("answer", l->answer);
	n += schedule_fields(&f[n], l, when);
	log_fields(level_of(&o->decision), f, n);
}
