/* SPDX-License-Identifier: BSD-2-Clause */
/* why - explains a decision of the daemon by its id */
#include <stdlib.h>
#include <string.h>

#include "policy/audit/audit_table.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/why/log_search.h"
#include "policy/ctl/why/policy_past.h"
#include "policy/ctl/why/why_print.h"

/*
 * An entry has the time at which its command began, which may wait for its turn and
 * commit later: how much earlier than the decision an entry is looked at that the
 * decision may not have known, in seconds and in entries that concern it.
 */
#define LATE_MAX 60
#define LATE_POLICIES_MAX 100

/* How many entries back a policy is looked for where the line has no time. */
#define GUESS_ENTRIES_MAX 10000

/* same - whether the value of the line is S */
static bool
same(const struct decision_value *v, const char *s)
{
	return !v->cut && strlen(s) == v->len && memcmp(v->at, s, v->len) == 0;
}

/* judge_as - by the policy that the transaction shows */
static enum error
judge_as(
    struct why *w, struct why_judgement *j, enum mta mta, instant now, bool with_steps)
{
	const struct decision_line *line = &w->search.line;
	const struct submission s = {.login = line->login.at,
	    .login_len = line->login.len,
	    .mta = mta,
	    .client = line->client.at,
	    .listener = line->listener.at,
	    .mechanism = line->mechanism.at,
	    .now = now};
	struct text steps;
	enum error e;

	text_init(&steps, j->steps, sizeof j->steps);
	e = submission_judge(w->c->txn, &s, &j->outcome, with_steps ? &steps : NULL);
	j->made = e == OK;
	j->agrees = j->made &&
	    same(&line->verdict, decision_verdict_name(j->outcome.decision.verdict)) &&
	    same(&line->reason, decision_reason_name(j->outcome.decision.reason)) &&
	    same(&line->mailbox, submission_mailbox(&j->outcome));
	return e;
}

/* judge - the login as the MTA has spelt it, which the mailbox of the line tells */
static enum error
judge(struct why *w, struct why_judgement *j, instant now, bool with_steps)
{
	enum error e = judge_as(w, j, MTA_POSTFIX, now, with_steps);

	if (e != OK || j->agrees ||
	    same(&w->search.line.mailbox, submission_mailbox(&j->outcome)))
		return e;
	e = judge_as(w, j, MTA_SENDMAIL, now, with_steps);
	if (e != OK || same(&w->search.line.mailbox, submission_mailbox(&j->outcome)))
		return e;
	return judge_as(w, j, MTA_POSTFIX, now, with_steps);
}

/* An entry, as far as it matters here. */
struct step {
	struct why *w;
	instant when;
	bool concerns;
};

static enum error
take_step(void *arg, const struct audit_entry *e)
{
	struct step *step = arg;

	step->when = e->when;
	step->concerns = policy_past_concerns(&step->w->past, e);
	return WALK_STOP;
}

/*
 * judge_then - by the policy of then; where that decides otherwise, before an entry
 * that may have been committed after the decision
 */
static enum error
judge_then(struct why *w, uint64_t least, uint64_t first)
{
	instant when = w->search.line.when;
	struct step step = {.w = w};
	uint64_t at = first;
	enum error e = policy_past_at(&w->past, at);

	if (e == OK)
		e = judge(w, &w->then, when, false);
	for (int i = 0;
	     e == OK && !w->then.agrees && at > least && i < LATE_POLICIES_MAX;) {
		e = audit_table_each(w->c->txn, --at, take_step, &step);
		if (e != OK || !step.concerns)
			continue; /* of an import, for one, which has many */
		i++;
		e = policy_past_at(&w->past, at);
		if (e == OK)
			e = judge(w, &w->then, when, false);
	}
	w->first = e == OK && w->then.agrees ? at : first;
	if (e == OK)
		e = policy_past_at(&w->past, w->first);
	return e == OK ? judge(w, &w->then, when, true) : e;
}

/*
 * guess_then - the last policy that decides as the line says, where that has no time:
 * as all entries have left it, or before one of them
 */
static enum error
guess_then(struct why *w, uint64_t least, uint64_t end)
{
	struct step step = {w, w->c->now, true};
	uint64_t at = end;
	enum error e = OK;

	while (e == OK) {
		if (step.concerns) {
			e = policy_past_at(&w->past, at);
			if (e == OK)
				e = judge(w, &w->then, step.when, true);
		}
		if (e != OK || w->then.agrees || at <= least)
			break;
		e = audit_table_each(w->c->txn, --at, take_step, &step);
	}
	w->guessed = e == OK && w->then.agrees;
	w->then.made = w->guessed;
	w->first = at;
	return e;
}

/* read_past - from which entries on it may matter; LEAST_R and FIRST_R of judge_then()
 */
static enum error
read_past(struct why *w, uint64_t *least_r, uint64_t *first_r)
{
	uint64_t count = store_meta(w->c->txn)->audit_count;
	instant when = w->search.line.when;
	enum error e = OK;

	*first_r = count + 1;
	*least_r = count > GUESS_ENTRIES_MAX ? count - GUESS_ENTRIES_MAX + 1 : 1;
	if (when != INSTANT_NONE)
		e = audit_table_since(w->c->txn, when + 1, first_r);
	if (e == OK && when != INSTANT_NONE)
		e = audit_table_since(w->c->txn, when - LATE_MAX, least_r);
	return e == OK ? policy_past_open(&w->past, w->c->txn, *least_r) : e;
}

/* explain - the policy then and now; nothing is known of a login that is not whole */
static enum error
explain(struct why *w)
{
	uint64_t first, least;
	enum error e = read_past(w, &least, &first);

	if (e != OK || w->search.line.login.cut)
		return e;
	e = w->search.line.when != INSTANT_NONE ? judge_then(w, least, first)
						: guess_then(w, least, first);
	if (e == OK)
		e = policy_past_at(&w->past, 0);
	return e == OK ? judge(w, &w->now, w->c->now, true) : e;
}

/* read_id - as it is typed, or with the brackets of the reply */
static enum error
read_id(struct ctl *c, char *id)
{
	const char *typed = argument_word(c, 0);
	size_t n = strlen(typed), from = 0;

	if (n > 2 && typed[0] == '[' && typed[n - 1] == ']') {
		from = 1;
		n--;
	}
	if (n - from == DECISION_ID_LENGTH) {
		memcpy(id, typed + from, DECISION_ID_LENGTH);
		id[DECISION_ID_LENGTH] = '\0';
		if (decision_line_is_id(id))
			return OK;
	}
	return error_set(&c->why, ERR_DATA,
	    "bad id \"%.100s\": use the 10 letters and digits that stand in brackets at the end of the reply, as 458bhpx12b",
	    typed);
}

/* find - the line; read once, even where the policy has to be read again */
static enum error
find(struct why *w, const char *id)
{
	static bool read;
	struct ctl *c = w->c;
	enum error e;

	if (read)
		return OK;
	e = log_search_run(c, id, argument_option(c, OPT_LOG), &w->search);
	if (e != OK)
		return e;
	read = w->search.found;
	if (read)
		return OK;
	if (w->search.other[0] != '\0')
		return error_set(&c->why, ERR_NOTFOUND,
		    "no decision %s in %s, where log-level may hide it; another program has it in this line: %s",
		    id, w->search.looked, w->search.other);
	return error_set(&c->why, ERR_NOTFOUND,
	    "no decision %s in %s; --log FILE looks elsewhere", id, w->search.looked);
}

enum error
ctl_why(struct ctl *c)
{
	static struct why w; /* large */
	char id[DECISION_ID_LENGTH + 1];
	enum error e = read_id(c, id);

	w.c = c;
	if (e == OK)
		e = find(&w, id);
	if (e == OK)
		e = transaction_begin(c);
	if (e != OK)
		return e;
	w.then.made = w.now.made = w.guessed = false;
	e = explain(&w);
	if (e == OK)
		e = why_print(&w);
	policy_past_close(&w.past);
	return e == OK ? OK : store_about(&c->why, e, c->store);
}
