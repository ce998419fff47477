/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout_status - where every tenant stands */
#include "policy/ctl/frame/output.h"
#include "policy/ctl/rollout/rollout.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/tables/notice_table.h"
#include "policy/tables/tenant_table.h"

#define NOTICE_TEXT_MAX 64

/* All that a row tells. */
struct stand {
	const struct tenant_usage *row;
	struct tenant tenant;
	bool has_notice; /* of the plan that the tenant has now */
	struct notice notice;
};

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

static const char *
notice_state(const struct ctl *c, const struct stand *s)
{
	static const char *const states[] = {"unfinished", "sent", "failed"};

	if (s->has_notice)
		return states[s->notice.state];
	if (!notice_is_due(&s->tenant, c->now))
		return "";
	return s->row->has_contact ? "not sent" : "no contact";
}

static enum error
load(struct ctl *c, const struct tenant_usage *row, struct stand *s)
{
	bool found = false;
	enum error e = tenant_table_get(c->txn, row->name, &s->tenant, &found);

	s->row = row;
	if (e == OK && found)
		e = notice_table_get(c->txn, row->name, &s->notice, &found);
	s->has_notice = e == OK && found && notice_is_of(&s->notice, &s->tenant);
	if (e != OK)
		return error_about(&c->why, e, row->name);
	return OK;
}

static void
json_count(struct json *j, const char *key, bool known, uint32_t n)
{
	if (known)
		json_number(j, key, n);
	else
		json_none(j, key);
}

static void
json_row(struct ctl *c, const struct stand *s, bool has_usage)
{
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "tenant", s->row->name);
	json_quoted(&j, "stage", stage(c, &s->tenant));
	json_instant(&j, "enforce_from", s->row->enforce_from);
	json_instant(&j, "tempfail_until", s->row->tempfail_until);
	json_text(&j, "contact", s->tenant.contact);
	json_text(&j, "notice", notice_state(c, s));
	json_instant(&j, "notice_at", s->has_notice ? s->notice.when : INSTANT_NONE);
	json_count(&j, "mailboxes", has_usage, s->row->mailboxes);
	json_count(&j, "excepted", has_usage, s->row->excepted);
	json_count(&j, "exposed", has_usage, s->row->exposed);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

static void
list_row(struct ctl *c, struct listing *l, const struct stand *s, bool has_usage)
{
	char mailboxes[16] = "", exposed[16] = "", notice[NOTICE_TEXT_MAX];
	char from[INSTANT_TEXT_MAX], until[INSTANT_TEXT_MAX], when[INSTANT_TEXT_MAX];

	if (has_usage) {
		snprintf(mailboxes, sizeof mailboxes, "%u", s->row->mailboxes);
		snprintf(exposed, sizeof exposed, "%u", s->row->exposed);
	}
	snprintf(notice, sizeof notice, "%s%s%s", notice_state(c, s),
	    s->has_notice ? " " : "",
	    rollout_time(s->has_notice ? s->notice.when : INSTANT_NONE, when));
	listing_row(l,
	    (const char *[]){s->row->name, stage(c, &s->tenant),
		rollout_time(s->row->enforce_from, from),
		rollout_time(s->row->tempfail_until, until), mailboxes, exposed,
		notice});
}

static enum error
print_status(struct ctl *c, const struct rollout *r)
{
	static const char *const headings[] = {"TENANT", "STAGE", "ENFORCE-FROM",
	    "TEMPFAIL-UNTIL", "MAILBOXES", "EXPOSED", "NOTICE"};
	const bool has_usage = r->coverage.hosts > 0;
	struct listing l;
	struct stand s;
	enum error e = OK;

	listing_start(&l, c->out, 7, headings);
	for (size_t i = 0; e == OK && i < r->usage.count; i++) {
		e = load(c, &r->usage.at[i], &s);
		if (e == OK && c->options.json)
			json_row(c, &s, has_usage);
		else if (e == OK)
			list_row(c, &l, &s, has_usage);
	}
	listing_end(&l);
	if (e == OK && !c->options.json && has_usage)
		rollout_print_coverage(c, r);
	return e;
}

enum error
ctl_rollout_status(struct ctl *c)
{
	char only[TENANT_NAME_MAX + 1];
	struct rollout r;
	enum error e = rollout_since(c, OPT_UNUSED_FOR, &r.usage.since);

	if (e == OK)
		e = usage_sources_begin(c);
	if (e == OK)
		e = rollout_tenant(c, only);
	if (e == OK)
		e = rollout_read_any(c, only, &r);
	if (e != OK)
		return e;
	e = print_status(c, &r);
	rollout_end(&r);
	return e;
}
