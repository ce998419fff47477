/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout_status - where every tenant stands */
#include "policy/ctl/rollout/rollout.h"
#include "policy/tables/notice_table.h"
#include "policy/tables/tenant_table.h"

#define NOTICE_TEXT_MAX 64

/* stage - what happens to a password login without an exception */
static const char *
stage(const struct ctl *c, const struct tenant *t)
{
	const struct settings *s = store_settings(c->txn);
	enum action action = t->action == ACTION_DEFAULT ? s->action : t->action;

	if (t->smtp_auth != SMTP_AUTH_DISABLED)
		return "enabled";
	if (t->enforce_from > c->now)
		return "scheduled";
	if (!s->enforce || action == ACTION_REPORT)
		return "dry run";
	if (t->tempfail_until > c->now || action == ACTION_TEMPFAIL)
		return "tempfail";
	return "disabled";
}

/* notice_state - of the tenant's present plan; NOTICE is NULL without one of it */
static const char *
notice_state(const struct ctl *c, const struct tenant *t, const struct notice *notice)
{
	static const char *const states[] = {"unfinished", "sent", "failed"};

	if (notice != NULL)
		return states[notice->state];
	if (!notice_is_due(t, c->now))
		return "";
	return t->contact[0] != '\0' ? "not sent" : "no contact";
}

static void
tenant_print(struct ctl *c, const struct tenant_usage *row, const struct tenant *t,
    const struct notice *notice, bool has_usage)
{
	const char *state = notice_state(c, t, notice);
	char when[INSTANT_TEXT_MAX], words[NOTICE_TEXT_MAX];
	struct printer *p = &c->print;

	print_object_start(p, NULL);
	print_text(p, "tenant", row->name);
	print_text(p, "stage", stage(c, t));
	print_time(p, "enforce_from", row->enforce_from);
	print_time(p, "tempfail_until", row->tempfail_until);
	print_text(p, "contact", t->contact);
	print_text(p, "notice", state);
	if (notice != NULL) {
		snprintf(words, sizeof words, "%s %s", state,
		    instant_print(notice->when, when));
		print_words(p, "notice", words);
	}
	print_time(p, "notice_at", notice != NULL ? notice->when : INSTANT_NONE);
	print_number_if(p, "mailboxes", has_usage, row->mailboxes);
	print_number_if(p, "excepted", has_usage, row->excepted);
	print_number_if(p, "exposed", has_usage, row->exposed);
	print_object_end(p);
}

static enum error
status_print(struct ctl *c, const struct rollout *r)
{
	static const struct print_column columns[] = {{"tenant", "TENANT"},
	    {"stage", "STAGE"}, {"enforce_from", "ENFORCE-FROM"},
	    {"tempfail_until", "TEMPFAIL-UNTIL"}, {"mailboxes", "MAILBOXES"},
	    {"exposed", "EXPOSED"}, {"notice", "NOTICE"}, {NULL, NULL}};
	const bool has_usage = r->coverage.hosts > 0;
	struct notice notice;
	struct tenant t;
	bool found;

	print_table(&c->print, columns, "");
	for (size_t i = 0; i < r->usage.count; i++) {
		const struct tenant_usage *row = &r->usage.at[i];
		enum error e = tenant_table_get(c->txn, row->name, &t, &found);

		if (e == OK)
			e = found ? notice_table_get(c->txn, row->name, &notice, &found)
				  : ERR_DAMAGED;
		if (e != OK)
			return error_about(&c->why, e, row->name);
		found = found && notice_is_of(&notice, &t);
		tenant_print(c, row, &t, found ? &notice : NULL, has_usage);
	}
	if (has_usage)
		rollout_print_coverage(c, r);
	return OK;
}

enum error
ctl_rollout_status(struct ctl *c)
{
	struct rollout r;
	enum error e = rollout_begin(c, OPT_UNUSED_FOR, &r);

	if (e == OK)
		e = rollout_read(c, &r, true, NULL, NULL);
	if (e != OK)
		return e;
	e = status_print(c, &r);
	tenant_usage_free(&r.usage);
	return e;
}
