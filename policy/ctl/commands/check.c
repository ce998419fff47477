/* SPDX-License-Identifier: BSD-2-Clause */
/* check - what would happen to a login, and why */
#include <string.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output.h"
#include "policy/decision/override.h"
#include "policy/decision/reply.h"
#include "policy/decision/schedule.h"
#include "policy/decision/submission.h"
#include "policy/identity/mta.h"
#include "policy/tables/verify.h"

#define STEPS_MAX 12000

/* Some 20 ms to verify. */
#define VERIFY_RECORDS_MAX 100000

/* exit statuses of check */
enum { EXIT_TEMPFAIL = 10, EXIT_REJECT = 11 };

/* read_submission - the command line as what an MTA would tell */
static enum error
read_submission(struct ctl *c, struct submission *s)
{
	const char *mta = argument_option(c, OPT_MTA),
		   *client = argument_option(c, OPT_CLIENT);
	struct cidr_ip address;

	memset(s, 0, sizeof *s);
	s->login = argument_word(c, 0);
	s->login_len = strlen(s->login);
	s->mta =
	    mta != NULL && strcmp(mta, "sendmail") == 0 ? MTA_SENDMAIL : MTA_POSTFIX;
	if (mta != NULL && s->mta == MTA_POSTFIX && strcmp(mta, "postfix") != 0)
		return error_set(&c->why, ERR_DATA,
		    "bad value \"%s\" for --mta: use postfix or sendmail", mta);
	if (client != NULL && !cidr_ip_parse(client, &address))
		return error_set(
		    &c->why, ERR_DATA, "bad address \"%s\" for --client", client);
	s->client = client != NULL ? client : "";
	s->listener = argument_option(c, OPT_LISTENER) != NULL
	    ? argument_option(c, OPT_LISTENER)
	    : "";
	s->mechanism = argument_option(c, OPT_MECHANISM) != NULL
	    ? argument_option(c, OPT_MECHANISM)
	    : "";
	s->now = c->now;
	if (argument_option(c, OPT_AT) != NULL)
		return instant_parse(argument_option(c, OPT_AT), INSTANT_DAY_START,
		    c->now, &s->now, &c->why);
	return OK;
}

/* All that is printed. */
struct answer {
	const struct submission *submission;
	struct outcome outcome;
	char reply[sizeof(struct reply)], override[OVERRIDE_TEXT_MAX];
	const char *steps;
	struct change change[SCHEDULE_MAX];
	size_t changes;
};

static void
json_changes(struct json *j, const struct answer *a)
{
	json_array_start(j, "changes");
	for (size_t i = 0; i < a->changes; i++) {
		json_object_start(j, NULL);
		json_instant(j, "at", a->change[i].at);
		json_quoted(
		    j, "verdict", decision_verdict_name(a->change[i].decision.verdict));
		json_quoted(
		    j, "reason", decision_reason_name(a->change[i].decision.reason));
		json_object_end(j);
	}
	json_array_end(j);
}

static void
json_steps(struct json *j, const char *steps)
{
	size_t n;

	json_array_start(j, "steps");
	for (; *steps != '\0'; steps += n, steps += *steps == '\n') {
		n = strcspn(steps, "\n");
		json_string_n(j, NULL, steps, n);
	}
	json_array_end(j);
}

static void
print_json(struct ctl *c, const struct answer *a)
{
	const struct submission *s = a->submission;
	const struct outcome *o = &a->outcome;
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_string_n(&j, "login", s->login, s->login_len);
	json_text(&j, "mailbox", submission_mailbox(o));
	json_text(&j, "tenant", submission_tenant(o));
	json_instant(
	    &j, "at", argument_option(c, OPT_AT) != NULL ? s->now : INSTANT_NONE);
	json_quoted(&j, "verdict", decision_verdict_name(o->decision.verdict));
	json_quoted(&j, "reason", decision_reason_name(o->decision.reason));
	json_text(&j, "reply", a->reply);
	json_text(&j, "override", a->override);
	json_changes(&j, a);
	json_steps(&j, a->steps);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

static void
check_text(struct ctl *c, const struct answer *a)
{
	const struct outcome *o = &a->outcome;
	char when[INSTANT_TEXT_MAX];

	if (argument_option(c, OPT_AT) != NULL)
		property_time(c->out, "at", a->submission->now);
	property(c->out, "verdict", decision_verdict_name(o->decision.verdict));
	property(c->out, "reason", decision_reason_name(o->decision.reason));
	property(c->out, "reply", a->reply);
	for (size_t i = 0; i < a->changes; i++)
		fprintf(c->out, "%-16s %s  %s, %s\n", "from",
		    instant_print(a->change[i].at, when),
		    decision_verdict_name(a->change[i].decision.verdict),
		    decision_reason_name(a->change[i].decision.reason));
	property(c->out, "mailbox", submission_mailbox(o));
	property(c->out, "tenant", submission_tenant(o));
	property(c->out, "mailbox setting", a->override);
	fprintf(c->out, "steps\n");
	for (const char *step = a->steps; *step != '\0';) {
		size_t n = strcspn(step, "\n");

		fprintf(c->out, "  %.*s\n", (int)n, step);
		step += n;
		step += *step == '\n';
	}
}

/* reply_line - the whole reply without the id, "" for a verdict that passes */
static void
reply_line(struct ctl *c, const struct submission *s, const struct outcome *o,
    char *out, size_t cap)
{
	const struct reply_names names = {
	    submission_tenant(o), submission_mailbox(o), s->client, ""};
	struct reply r;

	reply_build(store_settings(c->txn), o->has_tenant ? &o->tenant : NULL,
	    &o->decision, &names, &r);
	out[0] = '\0';
	if (r.code[0] != '\0')
		snprintf(out, cap, "%s %s %s", r.code, r.xcode, r.text);
}

/* print - the outcome; a session without a login is for check "allow" too */
static void
print(struct ctl *c, struct answer *a)
{
	struct outcome *o = &a->outcome;

	reply_line(c, a->submission, o, a->reply, sizeof a->reply);
	override_text(o->decision.override,
	    o->has_mailbox ? o->mailbox.smtp_auth : SMTP_AUTH_INHERIT,
	    o->has_mailbox ? o->mailbox.until : INSTANT_NONE, a->submission->client,
	    a->override);
	if (o->decision.verdict == VERDICT_PASS)
		o->decision.verdict = VERDICT_ALLOW;
	if (c->options.json)
		print_json(c, a);
	else
		check_text(c, a);
}

/*
 * verify_first - a damaged database can say "not found" of what is there, and that
 * must not be shown as the truth. A large one would take too long; the daemon verifies
 * it all the same.
 */
static enum error
verify_first(struct ctl *c, struct text *steps)
{
	const struct store_meta *m = store_meta(c->txn);

	if (m->tenants + m->domains + m->mailboxes + m->aliases <= VERIFY_RECORDS_MAX)
		return verify_store(c->store, NULL, &c->why);
	text_puts(steps,
	    "the database is large and was not verified for this; "
	    "\"smtpauthctl verify\" does it");
	return OK;
}

enum error
ctl_check(struct ctl *c)
{
	static char buf[STEPS_MAX];
	static struct answer a;
	struct submission s;
	struct text steps;
	enum error e = read_submission(c, &s);

	if (e != OK)
		return e;
	text_init(&steps, buf, sizeof buf);
	e = verify_first(c, &steps);
	if (e != OK)
		return e;
	a.submission = &s;
	a.steps = buf;
	e = submission_judge(c->txn, &s, &a.outcome, &steps);
	if (e == OK)
		e = schedule_of(c->txn, &s, &a.outcome, a.change, &a.changes);
	if (e != OK)
		return store_about(&c->why, e, c->store);
	print(c, &a);
	if (a.outcome.decision.verdict == VERDICT_TEMPFAIL)
		c->status = EXIT_TEMPFAIL;
	else if (a.outcome.decision.verdict == VERDICT_REJECT)
		c->status = EXIT_REJECT;
	return OK;
}
