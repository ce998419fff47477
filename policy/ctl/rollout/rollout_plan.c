/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout_plan - what could be switched off, and what is in use */
#include "policy/ctl/frame/output.h"
#include "policy/ctl/rollout/rollout.h"
#include "policy/ctl/usage/usage_sources.h"

#define CLASSES 4

static void
json_row(struct ctl *c, const struct tenant_usage *t, enum rollout_class class)
{
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "tenant", t->name);
	json_quoted(&j, "class", rollout_class_key(class));
	json_quoted(&j, "smtp_auth", word_of_smtp_auth(t->smtp_auth));
	json_instant(&j, "enforce_from", t->enforce_from);
	json_instant(&j, "tempfail_until", t->tempfail_until);
	json_number(&j, "mailboxes", t->mailboxes);
	json_number(&j, "excepted", t->excepted);
	json_number(&j, "exposed", t->exposed);
	json_number(&j, "submissions", (int64_t)usage_submissions(t->count));
	json_instant(&j, "last_use", t->last_use);
	json_bool(&j, "contact", t->has_contact);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

static void
list_row(struct listing *l, const struct tenant_usage *t, enum rollout_class class)
{
	char mailboxes[16], excepted[16], exposed[16];
	char last[INSTANT_TEXT_MAX], from[INSTANT_TEXT_MAX], until[INSTANT_TEXT_MAX];

	snprintf(mailboxes, sizeof mailboxes, "%u", t->mailboxes);
	snprintf(excepted, sizeof excepted, "%u", t->excepted);
	snprintf(exposed, sizeof exposed, "%u", t->exposed);
	listing_row(l,
	    (const char *[]){t->name, rollout_class_name(class), mailboxes, excepted,
		exposed, rollout_time(t->last_use, last),
		rollout_time(t->enforce_from, from),
		rollout_time(t->tempfail_until, until)});
}

static void
print_totals(struct ctl *c, const unsigned long *total)
{
	for (int class = 0; class < CLASSES; class ++)
		fprintf(c->out, "%s%lu %s",
		    class > 0 ? ", " : "tenants: ", total[class],
		    rollout_class_name((enum rollout_class) class));
	fputc('\n', c->out);
}

static void
print_plan(struct ctl *c, const struct rollout *r)
{
	static const char *const headings[] = {"TENANT", "CLASS", "MAILBOXES",
	    "EXCEPTIONS", "EXPOSED", "LAST USE", "ENFORCE-FROM", "TEMPFAIL-UNTIL"};
	unsigned long total[CLASSES] = {0};
	struct listing l;

	listing_start(&l, c->out, 8, headings);
	for (size_t i = 0; i < r->usage.count; i++) {
		const struct tenant_usage *t = &r->usage.at[i];
		enum rollout_class class = rollout_class(t, c->now);

		total[class]++;
		if (c->options.json)
			json_row(c, t, class);
		else
			list_row(&l, t, class);
	}
	listing_end(&l);
	if (c->options.json) {
		rollout_warn(c, r);
		return;
	}
	print_totals(c, total);
	rollout_print_coverage(c, r);
}

enum error
ctl_rollout_plan(struct ctl *c)
{
	char only[TENANT_NAME_MAX + 1];
	struct rollout r;
	enum error e = rollout_since(c, OPT_UNUSED_FOR, &r.usage.since);

	if (e == OK)
		e = usage_sources_begin(c);
	if (e == OK)
		e = rollout_tenant(c, only);
	if (e == OK)
		e = rollout_read(c, only, NULL, NULL, &r);
	if (e != OK)
		return e;
	print_plan(c, &r);
	rollout_end(&r);
	return OK;
}
