/* SPDX-License-Identifier: BSD-2-Clause */
/* transaction - from what the MTA says at MAIL FROM to the reply and the log line */
#include "milter/transaction.h"

#include <stdatomic.h>
#include <string.h>

#include "milter/id.h"
#include "milter/log.h"
#include "milter/metrics.h"
#include "policy/submission.h"

/* What the log line needs besides the transaction. */
struct record {
	char id[ID_LENGTH + 1];
	struct decision decision;
	char mailbox[LOGIN_MAX + 1];
	char tenant[TENANT_NAME_MAX + 1];
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

static void
write_log(
    const struct decider *decider, const struct transaction *t, const struct record *r)
{
	const char *verdict = verdict_name(r->decision.verdict);
	const char *reason = reason_name(r->decision.reason);
	const struct log_field fields[] = {
	    {"id", r->id, strlen(r->id)},
	    {"verdict", verdict, strlen(verdict)},
	    {"reason", reason, strlen(reason)},
	    {"login", t->login, strlen(t->login)},
	    {"mailbox", r->mailbox, strlen(r->mailbox)},
	    {"tenant", r->tenant, strlen(r->tenant)},
	    {"client", t->client, strlen(t->client)},
	    {"mech", t->mechanism, strlen(t->mechanism)},
	    {"listener", t->listener, strlen(t->listener)},
	    sender_of(t->sender),
	};

	if (r->decision.verdict == VERDICT_ALLOW && !decider->config->log_allowed &&
	    r->decision.reason != REASON_STORE_ERROR)
		return;
	log_fields(level_of(&r->decision), fields, sizeof fields / sizeof *fields);
}

/* mta_of - whose macros these are; MTA_AUTO when that cannot be told */
static enum mta
mta_of(const struct decider *decider, const struct transaction *t)
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

/* judge - by the snapshot; the reply is built while the settings are valid */
static enum error
judge(struct store_txn *txn, const struct transaction *t, enum mta mta,
    struct record *r, struct reply *reply)
{
	const struct submission s = {t->login, strlen(t->login), mta, t->client,
	    t->listener, t->mechanism, instant_now()};
	struct outcome o;
	enum error e = submission_judge(txn, &s, &o, NULL);

	if (e != OK)
		return e;
	r->decision = o.decision;
	strcpy(r->mailbox, outcome_mailbox(&o));
	strcpy(r->tenant, outcome_tenant(&o));
	reply_build(store_settings(txn), o.has_tenant ? &o.tenant : NULL, &o.decision,
	    &(struct reply_names){r->tenant, r->mailbox, t->client, r->id}, reply);
	return OK;
}

/* decide_from_store - any error is a store error */
static enum error
decide_from_store(const struct decider *decider, const struct transaction *t,
    struct record *r, struct reply *reply)
{
	enum mta mta = mta_of(decider, t);
	struct store_txn *txn;
	enum error e;
	int slot;

	if (mta == MTA_AUTO)
		return ERR_DATA;
	e = keeper_take(decider->keeper, &txn, &slot);
	if (e != OK)
		return e;
	e = judge(txn, t, mta, r, reply);
	keeper_give(decider->keeper, slot, e);
	return e;
}

enum verdict
transaction_decide(
    const struct decider *decider, const struct transaction *t, struct reply *reply_r)
{
	struct record r = {
	    .decision = {VERDICT_PASS, REASON_UNAUTHENTICATED, 0, false}};
	int64_t begin = metrics_begin();

	reply_r->code[0] = '\0';
	id_next(r.id);
	if (t->login[0] != '\0' && decide_from_store(decider, t, &r, reply_r) != OK) {
		r.decision = decide_store_error(decider->config->on_error);
		reply_build(NULL, NULL, &r.decision,
		    &(struct reply_names){"", "", t->client, r.id}, reply_r);
	}
	write_log(decider, t, &r);
	metrics_end(begin, &r.decision);
	return r.decision.verdict;
}
