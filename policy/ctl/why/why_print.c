/* SPDX-License-Identifier: BSD-2-Clause */
/* why_print - what is known of a decision, for people and for programs */
#include "policy/ctl/why/why_print.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "policy/audit/audit_table.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/decision/override.h"

#define DOUBT_MAX 400

/* The settings that no decision depends on. */
static const char *const indifferent[] = {"new-tenant-smtp-auth", "reply-style",
    "help-url", "reply-tenant", "reply-mailbox", "usage-retention", "usage-nodes"};

/* value_print - a value of the line, for people and programs */
static void
value_print(struct printer *p, const char *key, const char *heading,
    const struct decision_value *v)
{
	print_property(p, heading, v->at);
	print_text(p, key, v->at);
}

/* line_print - what the log says */
static void
line_print(struct why *w)
{
	const struct decision_line *line = &w->search.line;
	struct printer *p = &w->c->print;

	print_property(p, "id", line->id);
	print_text(p, "id", line->id);
	if (line->when != INSTANT_NONE)
		print_property_time(p, "when", line->when);
	print_time(p, "when", line->when);
	print_property(p, "found in", w->search.place);
	print_text(p, "found_in", w->search.place);
	value_print(p, "door", "door", &line->door);
	value_print(p, "verdict", "verdict", &line->verdict);
	value_print(p, "reason", "reason", &line->reason);
	value_print(p, "login", "login", &line->login);
	value_print(p, "mailbox", "mailbox", &line->mailbox);
	value_print(p, "tenant", "tenant", &line->tenant);
	value_print(p, "client", "client", &line->client);
	value_print(p, "mechanism", "mechanism", &line->mechanism);
	value_print(p, "listener", "listener", &line->listener);
	value_print(p, "sender", "sender", &line->sender);
}

/* why_doubt - why the policy of then may not be what is printed; "" for no doubt */
static void
why_doubt(const struct why *w, char *out)
{
	const struct decision_line *line = &w->search.line;

	out[0] = '\0';
	if (line->login.cut)
		snprintf(out, DOUBT_MAX,
		    "the log has not the whole login, so nothing can be looked up");
	else if (w->guessed)
		snprintf(out, DOUBT_MAX,
		    "the line has no time: what is shown is the last policy that decides so");
	else if (line->when == INSTANT_NONE)
		snprintf(out, DOUBT_MAX,
		    "the line has no time, so the policy of then is not known");
	else if (w->past.pruned > 0)
		snprintf(out, DOUBT_MAX,
		    "the audit log up to entry %" PRIu64
		    " is pruned: what changed in between is not known",
		    w->past.pruned);
	else if (w->past.incomplete > 0)
		snprintf(out, DOUBT_MAX,
		    "entry %" PRIu64
		    " of the audit log stands for more changes than have an entry each: what was before it is not known",
		    w->past.incomplete);
	else if (strcmp(line->reason.at, decision_reason_name(REASON_STORE_ERROR)) == 0)
		snprintf(out, DOUBT_MAX,
		    "the daemon could not read the policy then: its log has the cause");
	else if (w->then.made && !w->then.agrees)
		snprintf(out, DOUBT_MAX,
		    "by the audit log the decision would have been another one: was the clock set, or the policy changed from outside? See \"smtpauthctl audit verify\"");
}

/* judgement_print - as KEY; null where nothing was judged */
static void
judgement_print(struct why *w, const char *key, const struct why_judgement *j)
{
	const struct outcome *o = &j->outcome;
	char override[OVERRIDE_TEXT_MAX];
	struct printer *p = &w->c->print;

	if (!j->made) {
		print_none(p, key);
		return;
	}
	override_text(o->decision.override,
	    o->has_mailbox ? o->mailbox.smtp_auth : SMTP_AUTH_INHERIT,
	    o->has_mailbox ? o->mailbox.until : INSTANT_NONE, w->search.line.client.at,
	    override);
	print_line(p, "%-16s %s, %s%s%s", key,
	    decision_verdict_name(o->decision.verdict),
	    decision_reason_name(o->decision.reason), override[0] != '\0' ? "; " : "",
	    override);
	print_object_start(p, key);
	print_text(p, "mailbox", submission_mailbox(o));
	print_text(p, "tenant", submission_tenant(o));
	print_text(p, "verdict", decision_verdict_name(o->decision.verdict));
	print_text(p, "reason", decision_reason_name(o->decision.reason));
	print_text(p, "override", override);
	object_text_steps(p, j->steps);
	print_object_end(p);
}

/* add_user - the name of a uid, or its number */
static void
add_user(struct text *t, uint32_t uid)
{
	const struct passwd *pw = getpwuid((uid_t)uid);

	if (pw != NULL)
		text_printf(t, "%.40s", pw->pw_name);
	else
		text_printf(t, "%" PRIu32, uid);
}

/* user_text - who, as "root", "root (alice)" for another login user, "root, webmin" */
static void
user_text(const struct audit_origin *o, char *out, size_t cap)
{
	struct text t;

	text_init(&t, out, cap);
	add_user(&t, o->uid);
	if (o->login_uid != AUDIT_NO_UID && o->login_uid != o->uid) {
		text_puts(&t, " (");
		add_user(&t, o->login_uid);
		text_puts(&t, ")");
	}
	if (o->actor[0] != '\0')
		text_printf(&t, ", %s", o->actor);
}

/* is_indifferent - whether the entry is of a setting that no decision depends on */
static bool
is_indifferent(const char *type, const char *name)
{
	for (size_t i = 0; i < sizeof indifferent / sizeof *indifferent; i++)
		if (type != NULL && strcmp(type, "setting") == 0 &&
		    strcmp(name, indifferent[i]) == 0)
			return true;
	return false;
}

/* change_line - for people: number, time, user, command, and below it what was changed
 */
static enum error
change_line(
    struct why *w, const struct audit_entry *e, const char *type, const char *name)
{
	char user[AUDIT_ACTOR_MAX + 128], when[INSTANT_TEXT_MAX], *words = NULL;
	struct printer *p = &w->c->print;
	enum error error = OK;

	user_text(&e->origin, user, sizeof user);
	print_line(p, "  entry %" PRIu64 "  %s  %s  %s", e->number,
	    instant_print(e->when, when), user, e->origin.command);
	if (e->kind != AUDIT_CHANGE)
		return OK;
	error = object_text_change(&words, e->object, e->before, e->after);
	if (error == OK)
		print_line(p, "    %s %s: %s", type, name, words);
	free(words);
	return error;
}

/* A walk over the entries since. */
struct changes {
	struct why *w;
	bool any;
};

static enum error
change_print(void *arg, const struct audit_entry *e)
{
	struct changes *changes = arg;
	struct why *w = changes->w;
	struct printer *p = &w->c->print;
	const char *type = object_text_type(e->object);
	char name[OBJECT_NAME_MAX] = "";
	enum error error = type != NULL ? object_text_name(e->object, name) : OK;

	if (error != OK || !policy_past_concerns(&w->past, e) ||
	    is_indifferent(type, name))
		return error;
	if (!changes->any)
		print_line(p, "changed since");
	changes->any = true;
	if (!p->has_json)
		return change_line(w, e, type, name);
	print_object_start(p, NULL);
	print_number(p, "number", e->number);
	print_time(p, "when", e->when);
	print_number_if(p, "uid", e->origin.uid != AUDIT_NO_UID, e->origin.uid);
	print_number_if(
	    p, "login_uid", e->origin.login_uid != AUDIT_NO_UID, e->origin.login_uid);
	print_text(p, "actor", e->origin.actor);
	print_text(p, "command", e->origin.command);
	print_text(p, "type", type);
	print_text(p, "object", name);
	error = object_text_record(p, "before", e->object, e->before);
	if (error == OK)
		error = object_text_record(p, "after", e->object, e->after);
	print_object_end(p);
	return error;
}

/* changes_print - what has changed since, of what either decision looks up */
static enum error
changes_print(struct why *w)
{
	struct changes changes = {w, false};
	struct printer *p = &w->c->print;
	enum error e = OK;

	print_array_start(p, "changes");
	if (w->then.made)
		e = audit_table_each(w->c->txn, w->first, change_print, &changes);
	if (w->then.made && !changes.any)
		print_line(
		    p, "%-16s %s", "changed since", "nothing that it depends on");
	print_array_end(p);
	return e;
}

enum error
why_print(struct why *w)
{
	struct printer *p = &w->c->print;
	char doubt[DOUBT_MAX];
	enum error e;

	why_doubt(w, doubt);
	print_object_start(p, NULL);
	line_print(w);
	judgement_print(w, "then", &w->then);
	if (doubt[0] != '\0')
		print_remark(w->c->err, "%s", doubt);
	print_text(p, "doubt", doubt);
	e = changes_print(w);
	judgement_print(w, "now", &w->now);
	print_object_end(p);
	return e;
}
