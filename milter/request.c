/* SPDX-License-Identifier: BSD-2-Clause */
/* request - from what the MTA says at MAIL FROM to the reply and the log line */
#include "milter/request.h"

#include <stdatomic.h>
#include <string.h>

#include "milter/reporter.h"
#include "milter/service/id.h"
#include "milter/service/log.h"
#include "milter/usage_counter.h"
#include "policy/decision/override.h"
#include "policy/decision/submission.h"
#include "policy/identity/mta.h"

#define LOG_FIELDS_MAX 14

/* What log line and usage need besides the transaction. */
struct record {
	char id[ID_LENGTH + 1];
	struct decision decision;
	instant now;
	bool has_login;
	struct login login;  /* in normal form */
	const char *mailbox; /* its text, or "" */
	char tenant[TENANT_NAME_MAX + 1];
	/* What the decision depended on; INSTANT_NONE where it did not: */
	instant exception_until, enforce_from, tempfail_until;
};

/* level_of - store errors stand out */
static enum log_level
level_of(const struct decision *d)
{
	if (d->verdict == VERDICT_PASS)
		return LEVEL_DEBUG;
	return d->reason == REASON_STORE_ERROR ? LEVEL_WARNING : LEVEL_INFO;
}

/* sender_of - the address without its angle brackets */
static struct log_field
sender_of(const char *s)
{
	size_t n = strlen(s);

	if (n >= 2 && s[0] == '<' && s[n - 1] == '>')
		return (struct log_field){"sender", s + 1, n - 2};
	return (struct log_field){"sender", s, n};
}

/* A line under construction. */
struct fields {
	struct log_field field[LOG_FIELDS_MAX];
	size_t n;
	char when[3][INSTANT_TEXT_MAX];
	size_t whens;
};

static void
put_field(struct fields *f, const char *key, const char *value)
{
	f->field[f->n++] = (struct log_field){key, value, strlen(value)};
}

static void
put_instant(struct fields *f, const char *key, instant t)
{
	if (t != INSTANT_NONE)
		put_field(f, key, instant_print(t, f->when[f->whens++]));
}

/*
 * put_schedule - an exception that did not hold (where one does, the reason says it),
 * and the dates that counted
 */
static void
put_schedule(struct fields *f, const struct record *r)
{
	const enum override o = r->decision.override;

	if (o == OVERRIDE_EXPIRED || o == OVERRIDE_OTHER_CLIENT)
		put_field(f, "exception", override_name(o));
	put_instant(f, "until", r->exception_until);
	put_instant(f, "enforce_from", r->enforce_from);
	put_instant(f, "tempfail_until", r->tempfail_until);
}

static void
write_log(
    const struct decider *decider, const struct request *t, const struct record *r)
{
	struct fields f = {.n = 0};

	if (r->decision.verdict == VERDICT_ALLOW && !decider->config->log_allowed &&
	    r->decision.reason != REASON_STORE_ERROR)
		return;
	put_field(&f, "id", r->id);
	put_field(&f, "verdict", decision_verdict_name(r->decision.verdict));
	put_field(&f, "reason", decision_reason_name(r->decision.reason));
	put_field(&f, "login", t->login);
	put_field(&f, "mailbox", r->mailbox);
	put_field(&f, "tenant", r->tenant);
	put_field(&f, "client", t->client);
	put_field(&f, "mech", t->mechanism);
	put_field(&f, "listener", t->listener);
	f.field[f.n++] = sender_of(t->sender);
	put_schedule(&f, r);
	log_fields(level_of(&r->decision), f.field, f.n);
}

/*
 * count_usage - who submits; what the policy could not be asked about has no name here.
 * A probe of doctor is nobody's submission.
 */
static void
count_usage(const struct request *t, const struct record *r)
{
	struct usage_counter_event event = {.login = &r->login,
	    .client = t->client,
	    .mechanism = t->mechanism,
	    .tls = t->tls,
	    .now = r->now,
	    .stranger = r->tenant[0] == '\0'};

	if (mta_is_probe(t->version))
		return;
	if (t->login[0] != '\0' && r->decision.reason == REASON_STORE_ERROR &&
	    decision_passes(r->decision.verdict))
		usage_counter_drop(1);
	if (r->has_login && usage_kind_of(&r->decision, &event.kind) &&
	    usage_counter_count(&event))
		reporter_hurry();
}

/* mta_of - whose macros these are; MTA_AUTO when that cannot be told */
static enum mta
mta_of(const struct decider *decider, const struct request *t)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;
	enum mta mta = decider->config->mta;

	if (mta == MTA_AUTO)
		mta = mta_from_version(t->version);
	if (mta == MTA_AUTO && !atomic_flag_test_and_set(&said))
		log_message(LEVEL_ERROR,
		    "the MTA sends no macro \"v\", so the encoding of logins is "
		    "unknown: "
		    "set \"mta = postfix\" or \"mta = sendmail\" in the configuration");
	return mta;
}

/* take_outcome - a copy of what outlives the snapshot */
static void
take_outcome(const struct outcome *o, struct record *r)
{
	const struct decision *d = &o->decision;

	r->decision = *d;
	r->has_login = o->has_login;
	if (o->has_login)
		r->login = o->login;
	if (o->has_login && o->login.has_domain)
		r->mailbox = r->login.text;
	strcpy(r->tenant, submission_tenant(o));
	if (d->override != OVERRIDE_NONE)
		r->exception_until = o->mailbox.until;
	if (d->reason == REASON_SCHEDULED)
		r->enforce_from = o->tenant.enforce_from;
	if (d->reason == REASON_TENANT_DISABLED && r->now < o->tenant.tempfail_until)
		r->tempfail_until = o->tenant.tempfail_until;
}

/* record_start - field by field: the login has room for 500 bytes, unset until it is */
static void
record_start(struct record *r)
{
	r->decision = (struct decision){
	    VERDICT_PASS, REASON_UNAUTHENTICATED, OVERRIDE_NONE, false};
	r->now = instant_now();
	r->has_login = false;
	r->mailbox = "";
	r->tenant[0] = '\0';
	r->exception_until = r->enforce_from = r->tempfail_until = INSTANT_NONE;
}

/* One judgement, again in each snapshot. */
struct judgement {
	const struct request *of;
	enum mta mta;
	struct record *record;
	struct reply *reply;
};

/* judge - by the snapshot; the reply is built while the settings are valid */
static enum error
judge(void *arg, struct store_txn *txn)
{
	const struct judgement *j = arg;
	const struct request *t = j->of;
	struct record *r = j->record;
	const struct submission s = {
	    .login = t->login,
	    .login_len = strlen(t->login),
	    .mta = j->mta,
	    .client = t->client,
	    .listener = t->listener,
	    .mechanism = t->mechanism,
	    .now = r->now,
	};
	struct outcome o;
	enum error e;

	record_start(r);
	e = submission_judge(txn, &s, &o, NULL);
	if (e != OK)
		return e;
	take_outcome(&o, r);
	reply_build(store_settings(txn), o.has_tenant ? &o.tenant : NULL, &o.decision,
	    &(struct reply_names){r->tenant, r->mailbox, t->client, r->id}, j->reply);
	return OK;
}

/* decide_from_store - any error is a store error */
static enum error
decide_from_store(const struct decider *decider, const struct request *t,
    struct record *r, struct reply *reply)
{
	struct judgement j = {t, mta_of(decider, t), r, reply};

	return j.mta == MTA_AUTO ? ERR_DATA
				 : live_store_read(decider->keeper, judge, &j);
}

struct decision
request_decide(
    const struct decider *decider, const struct request *t, struct reply *reply_r)
{
	struct record r;

	record_start(&r);
	reply_r->code[0] = '\0';
	id_next(r.id);
	if (t->login[0] != '\0' && decide_from_store(decider, t, &r, reply_r) != OK) {
		record_start(&r);
		r.decision = decision_store_error(decider->config->on_error);
		reply_build(NULL, NULL, &r.decision,
		    &(struct reply_names){"", "", t->client, r.id}, reply_r);
	}
	count_usage(t, &r);
	write_log(decider, t, &r);
	return r.decision;
}
