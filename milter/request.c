/* SPDX-License-Identifier: BSD-2-Clause */
/* request - one MAIL FROM: decide, reply, count, log */
#include "milter/request.h"

#include <stdatomic.h>
#include <string.h>

#include "milter/daemon.h"
#include "milter/service/decision_log.h"
#include "milter/service/log.h"
#include "policy/identity/mta.h"

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
	o->has_login = o->has_tenant = o->has_mailbox = o->unsure = false;
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
	decision_log_write(
	    &(struct decision_log_entry){
		.id = r->id, .submission = s, .outcome = &o, .sender = r->sender},
	    d->config.log_allowed);
	return o.decision;
}
