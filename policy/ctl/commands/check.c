/* SPDX-License-Identifier: BSD-2-Clause */
/* check - what would happen to a login, and why */
#include <string.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/why/decision_line.h"
#include "policy/decision/override.h"
#include "policy/decision/reply.h"
#include "policy/decision/schedule.h"
#include "policy/decision/submission.h"
#include "policy/identity/mta.h"

#define STEPS_MAX 12000

/* exit statuses of check */
enum { EXIT_TEMPFAIL = 10, EXIT_REJECT = 11 };

/* read_submission - the command line as a submission that an MTA would report */
static enum error
read_submission(struct ctl *c, struct submission *s)
{
	const char *mta = argument_option(c, OPT_MTA);
	const char *client = argument_option(c, OPT_CLIENT);
	const char *listener = argument_option(c, OPT_LISTENER);
	const char *mechanism = argument_option(c, OPT_MECHANISM);
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
	s->listener = listener != NULL ? listener : "";
	s->mechanism = mechanism != NULL ? mechanism : "";
	s->now = c->now;
	if (argument_option(c, OPT_AT) != NULL)
		return instant_parse(argument_option(c, OPT_AT), INSTANT_DAY_START,
		    c->now, &s->now, &c->why);
	return OK;
}

/* What is printed. */
struct answer {
	const struct submission *submission;
	struct outcome outcome;
	char reply[sizeof(struct reply)], override[OVERRIDE_TEXT_MAX];
	const char *steps;
	struct change change[SCHEDULE_MAX];
	size_t changes;
};

/* check_fields - for programs */
static void
check_fields(struct ctl *c, const struct answer *a)
{
	const struct outcome *o = &a->outcome;
	struct printer *p = &c->print;

	print_string(p, "login", a->submission->login);
	print_text(p, "mailbox", submission_mailbox(o));
	print_text(p, "tenant", submission_tenant(o));
	print_time(p, "at",
	    argument_option(c, OPT_AT) != NULL ? a->submission->now : INSTANT_NONE);
	print_text(p, "verdict", decision_verdict_name(o->decision.verdict));
	print_text(p, "reason", decision_reason_name(o->decision.reason));
	print_text(p, "reply", a->reply);
	print_text(p, "override", a->override);
	print_array_start(p, "changes");
	for (size_t i = 0; i < a->changes; i++) {
		const struct decision *d = &a->change[i].decision;

		print_object_start(p, NULL);
		print_time(p, "at", a->change[i].at);
		print_text(p, "verdict", decision_verdict_name(d->verdict));
		print_text(p, "reason", decision_reason_name(d->reason));
		print_object_end(p);
	}
	print_array_end(p);
}

/* check_lines - for people */
static void
check_lines(struct ctl *c, const struct answer *a)
{
	const struct outcome *o = &a->outcome;
	struct printer *p = &c->print;
	char when[INSTANT_TEXT_MAX];

	if (argument_option(c, OPT_AT) != NULL)
		print_property_time(p, "at", a->submission->now);
	print_property(p, "verdict", decision_verdict_name(o->decision.verdict));
	print_property(p, "reason", decision_reason_name(o->decision.reason));
	print_property(p, "reply", a->reply);
	for (size_t i = 0; i < a->changes; i++)
		print_line(p, "%-16s %s  %s, %s", "from",
		    instant_print(a->change[i].at, when),
		    decision_verdict_name(a->change[i].decision.verdict),
		    decision_reason_name(a->change[i].decision.reason));
	print_property(p, "mailbox", submission_mailbox(o));
	print_property(p, "tenant", submission_tenant(o));
	print_property(p, "mailbox setting", a->override);
}

/* reply_line - the reply without its id, "" for a verdict that passes */
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

/* check_print - the outcome; check calls it "allow" as well if there is no login */
static void
check_print(struct ctl *c, struct answer *a)
{
	struct outcome *o = &a->outcome;

	reply_line(c, a->submission, o, a->reply, sizeof a->reply);
	override_text(o->decision.override,
	    o->has_mailbox ? o->mailbox.smtp_auth : SMTP_AUTH_INHERIT,
	    o->has_mailbox ? o->mailbox.until : INSTANT_NONE, a->submission->client,
	    a->override);
	if (o->decision.verdict == VERDICT_PASS)
		o->decision.verdict = VERDICT_ALLOW;
	check_lines(c, a);
	print_object_start(&c->print, NULL);
	check_fields(c, a);
	print_line(&c->print, "steps");
	object_text_steps(&c->print, a->steps);
	print_object_end(&c->print);
}

/* hint - to whoever took the id of a reply for a login: one that nothing knows */
static void
hint(struct ctl *c, const struct outcome *o)
{
	const char *typed = argument_word(c, 0);

	if (decision_line_is_id(typed) && !o->has_mailbox &&
	    (!o->has_login || strcmp(o->login.text, typed) == 0 || !o->has_tenant))
		print_remark(
		    c->err, "this looks like an id; see \"smtpauthctl why %s\"", typed);
}

enum error
ctl_check(struct ctl *c)
{
	static char buf[STEPS_MAX];
	static struct answer a;
	struct submission s;
	struct text steps;
	bool verified;
	enum error e = read_submission(c, &s);

	if (e != OK)
		return e;
	text_init(&steps, buf, sizeof buf);
	e = transaction_verify(c, &verified);
	if (e != OK)
		return e;
	if (!verified)
		text_puts(&steps,
		    "the database is large and was not verified for this; \"smtpauthctl verify\" does it");
	a.submission = &s;
	a.steps = buf;
	e = submission_judge(c->txn, &s, &a.outcome, &steps);
	if (e == OK)
		e = schedule_of(c->txn, &s, &a.outcome, a.change, &a.changes);
	if (e != OK)
		return store_about(&c->why, e, c->store);
	hint(c, &a.outcome);
	check_print(c, &a);
	if (a.outcome.decision.verdict == VERDICT_TEMPFAIL)
		c->status = EXIT_TEMPFAIL;
	else if (a.outcome.decision.verdict == VERDICT_REJECT)
		c->status = EXIT_REJECT;
	return OK;
}
