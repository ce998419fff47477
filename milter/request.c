/* SPDX-License-Identifier: BSD-2-Clause */
/* request - one MAIL FROM: decide, reply, count, log */
#include "milter/request.h"

#include <stdatomic.h>
#include <string.h>

#include "milter/daemon.h"
#include "milter/service/log.h"
#include "policy/decision/override.h"
#include "policy/identity/mta.h"

#define LOG_FIELDS_MAX 14

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
schedule_fields(struct log_field *f, const struct request *r, const struct outcome *o,
    char when[2][INSTANT_TEXT_MAX])
{
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
	    r->submission.now < o->tenant.tempfail_until)
		n += instant_field(
		    &f[n], "tempfail_until", o->tenant.tempfail_until, when[1]);
	return n;
}

static void
write_log(const struct daemon *d, const struct request *r, const struct outcome *o)
{
	const struct submission *s = &r->submission;
	char when[2][INSTANT_TEXT_MAX];
	struct log_field f[LOG_FIELDS_MAX] = {
	    field("id", r->id),
	    field("verdict", decision_verdict_name(o->decision.verdict)),
	    field("reason", decision_reason_name(o->decision.reason)),
	    field("login", s->login),
	    field("mailbox", submission_mailbox(o)),
	    field("tenant", submission_tenant(o)),
	    field("client", s->client),
	    field("mech", s->mechanism),
	    field("listener", s->listener),
	    sender_field(r->sender),
	};
	size_t n = 10;

	if (o->decision.verdict == VERDICT_ALLOW && !d->config.log_allowed &&
	    o->decision.reason != REASON_STORE_ERROR)
		return;
	n += schedule_fields(&f[n], r, o, when);
	log_fields(level_of(&o->decision), f, n);
}

/* mta_of - the MTA that sent the macros; MTA_AUTO if that is unknown */
static enum mta
mta_of(const struct daemon *d, const struct request *r)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;
	enum mta mta = d->config.mta;

	if (mta == MTA_AUTO)
		mta = mta_from_version(r->version);
	if (mta == MTA_AUTO && !atomic_flag_test_and_set(&said))
		log_message(LEVEL_ERROR,
		    "the MTA sends no macro \"v\", so the encoding of logins is unknown: set \"mta = postfix\" or \"mta = sendmail\" in the configuration");
	return mta;
}

/* set_outcome - a decision without the policy */
static void
set_outcome(struct outcome *o, struct decision decision)
{
	o->has_login = o->has_tenant = o->has_mailbox = false;
	o->decision = decision;
}

/* ask_policy - any error is a store error */
static enum error
ask_policy(
    const struct daemon *d, struct request *r, struct outcome *o, struct reply *reply)
{
	r->submission.mta = mta_of(d, r);
	if (r->submission.mta == MTA_AUTO)
		return ERR_DATA;
	return live_store_decide(d->store, &r->submission, r->id, o, reply);
}

struct decision
request_decide(struct daemon *d, struct request *r, struct reply *reply_r)
{
	struct submission *s = &r->submission;
	struct outcome o;

	id_next(r->id);
	s->now = instant_now();
	s->login_len = strlen(s->login);
	reply_r->code[0] = '\0';
	if (s->login_len == 0) {
		set_outcome(&o,
		    (struct decision){
			VERDICT_PASS, REASON_UNAUTHENTICATED, OVERRIDE_NONE, false});
	} else if (ask_policy(d, r, &o, reply_r) != OK) {
		set_outcome(&o, decision_store_error(d->config.on_error));
		reply_build(NULL, NULL, &o.decision,
		    &(struct reply_names){"", "", s->client, r->id}, reply_r);
	}
	if (!mta_is_probe(r->version) && /* doctor's are nobody's submissions */
	    usage_counter_add(&d->usage_counter, s, r->tls, &o))
		reporter_hurry(d);
	write_log(d, r, &o);
	return o.decision;
}
