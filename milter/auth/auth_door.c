/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_door - one question at AUTH: decide, answer, count, log */
#include "milter/auth/auth_door.h"

#include <stdio.h>
#include <string.h>

#include "milter/auth/auth_question.h"
#include "milter/service/decision_log.h"
#include "milter/service/id.h"
#include "policy/base/json.h"
#include "policy/base/text.h"

/*
 * A message of Dovecot's client reaches the SMTP client after "535 5.7.8 Error:
 * authentication failed: ", in a line of 512 bytes (RFC 5321 section 4.5.3.1.5).
 */
#define MESSAGE_MAX 460

/* Never a valid login: 0xFF does not occur in UTF-8. */
static const char invalid_login[] = "\xFF";

/* One question while it is answered. */
struct inquiry {
	struct auth_question question;
	struct submission submission;
	struct outcome outcome;
	struct reply reply;
	char id[ID_LENGTH + 1];
	bool deferred; /* the milter alone can tell */
};

/* set_outcome - a decision without the policy */
static void
set_outcome(struct inquiry *q, struct decision decision)
{
	struct outcome *o = &q->outcome;

	o->has_login = o->has_tenant = o->has_mailbox = o->unsure = false;
	o->decision = decision;
	reply_build(NULL, NULL, &decision,
	    &(struct reply_names){"", "", q->submission.client, q->id}, &q->reply);
}

/* set_submission - of the question; the login is never xtext here */
static void
set_submission(struct inquiry *q)
{
	const char *login = q->question.valid ? q->question.login : invalid_login;

	q->submission = (struct submission){.login = login,
	    .login_len = strlen(login),
	    .mta = MTA_POSTFIX,
	    .client = q->question.client,
	    .listener = q->question.listener,
	    .mechanism = q->question.mechanism,
	    .now = instant_now()};
}

static bool
is_scanning(const struct auth_door *d)
{
	return live_store_state(d->store) == LIVE_STORE_VERIFYING;
}

/*
 * decide - who asks waits for 2 s, and lets the login go on then: so nobody is made to
 * wait for a scan, as at MAIL. One may begin while this question is decided.
 */
static void
decide(const struct auth_door *d, struct inquiry *q)
{
	bool scanning = is_scanning(d);

	if (!scanning &&
	    live_store_decide(
		d->store, &q->submission, q->id, &q->outcome, &q->reply) == OK) {
		q->deferred = q->outcome.unsure;
	} else {
		set_outcome(q, decision_store_error(d->config->on_error));
		q->deferred = scanning || is_scanning(d);
	}
}

/* is_refusal - Dovecot has no answer for a tempfail */
static bool
is_refusal(const struct inquiry *q)
{
	return !q->deferred && q->outcome.decision.verdict == VERDICT_REJECT;
}

/* add - to the text of the answer */
static void
add(void *arg, const char *s, size_t n)
{
	text_add(arg, s, n);
}

/*
 * write_message - the reply without its first code, which Dovecot's client sets; of a
 * long text the end gives way, but not the id, by which the decision is found
 */
static void
write_message(const struct inquiry *q, char *message)
{
	const char *text = q->reply.text;
	size_t n = strlen(text), id = strlen(q->id) + sizeof " []" - 1;
	size_t room = MESSAGE_MAX - strlen(q->reply.xcode) - 1;

	message[0] = '\0';
	if (!is_refusal(q))
		return;
	if (n <= room)
		snprintf(message, MESSAGE_MAX + 1, "%s %.*s", q->reply.xcode, (int)room,
		    text);
	else
		snprintf(message, MESSAGE_MAX + 1, "%s %.*s [%s]", q->reply.xcode,
		    (int)(room - id), text, q->id);
}

static void
write_answer(const struct inquiry *q, char *answer)
{
	char message[MESSAGE_MAX + 1];
	struct text t;
	struct json j;

	write_message(q, message);
	text_init(&t, answer, AUTH_DOOR_ANSWER_MAX);
	json_start(&j, add, &t);
	json_open(&j, NULL, "{");
	json_literal(&j, "status", is_refusal(q) ? "-1" : "0");
	json_quoted(&j, "msg", message);
	json_close(&j, "}");
}

/* write_log - with the login as it came, if it could be read */
static void
write_log(const struct auth_door *d, const struct inquiry *q)
{
	struct submission shown = q->submission;

	shown.login = q->question.login;
	shown.login_len = strlen(shown.login);
	decision_log_write(&(struct decision_log_entry){.id = q->id,
			       .submission = &shown,
			       .outcome = &q->outcome,
			       .door = "auth",
			       .answer = is_refusal(q) ? "refuse" : "continue"},
	    d->config->log_allowed);
}

void
auth_door_ask(struct auth_door *d, const char *body, size_t n, bool probe, char *answer)
{
	struct inquiry q = {.deferred = false};
	int64_t begin = auth_metrics_begin(d->metrics);

	id_next(q.id);
	auth_question_read(&q.question, body, n);
	set_submission(&q);
	decide(d, &q);
	write_answer(&q, answer);
	if (!probe) {
		write_log(d, &q);
		if (is_refusal(&q))
			auth_denials_add(d->denials, &q.outcome, q.submission.client,
			    q.submission.now);
	}
	auth_metrics_end(d->metrics, begin, &q.outcome.decision, is_refusal(&q));
	auth_question_end(&q.question);
}
