/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout_plan - what could be switched off, and what is in use */
#include "policy/ctl/rollout/rollout.h"

static const struct {
	const char *word, *key;
} classes[] = {{"disabled", "disabled"}, {"scheduled", "scheduled"},
    {"unused", "unused"}, {"in use", "in_use"}};

static void
tenant_print(struct printer *p, const struct tenant_usage *t, enum rollout_class kind)
{
	print_object_start(p, NULL);
	print_text(p, "tenant", t->name);
	print_text(p, "class", classes[kind].key);
	print_words(p, "class", classes[kind].word);
	print_text(p, "smtp_auth", word_of_smtp_auth(t->smtp_auth));
	print_time(p, "enforce_from", t->enforce_from);
	print_time(p, "tempfail_until", t->tempfail_until);
	print_number(p, "mailboxes", t->mailboxes);
	print_number(p, "excepted", t->excepted);
	print_number(p, "exposed", t->exposed);
	print_number(p, "submissions", usage_submissions(t->count));
	print_time(p, "last_use", t->last_use);
	print_bool(p, "contact", t->has_contact);
	print_object_end(p);
}

static void
plan_print(struct ctl *c, const struct rollout *r)
{
	static const struct print_column columns[] = {{"tenant", "TENANT"},
	    {"class", "CLASS"}, {"mailboxes", "MAILBOXES"}, {"excepted", "EXCEPTIONS"},
	    {"exposed", "EXPOSED"}, {"last_use", "LAST USE"},
	    {"enforce_from", "ENFORCE-FROM"}, {"tempfail_until", "TEMPFAIL-UNTIL"},
	    {NULL, NULL}};
	unsigned long total[ROLLOUT_IN_USE + 1] = {0};

	print_table(&c->print, columns, "");
	for (size_t i = 0; i < r->usage.count; i++) {
		enum rollout_class kind = rollout_class(&r->usage.at[i], c->now);

		total[kind]++;
		tenant_print(&c->print, &r->usage.at[i], kind);
	}
	print_line(&c->print,
	    "tenants: %lu disabled, %lu scheduled, %lu unused, %lu in use",
	    total[ROLLOUT_DISABLED], total[ROLLOUT_SCHEDULED], total[ROLLOUT_UNUSED],
	    total[ROLLOUT_IN_USE]);
	rollout_print_coverage(c, r);
}

enum error
ctl_rollout_plan(struct ctl *c)
{
	struct rollout r;
	enum error e = rollout_begin(c, OPT_UNUSED_FOR, &r);

	if (e == OK)
		e = rollout_read(c, &r, false, NULL, NULL);
	if (e != OK)
		return e;
	plan_print(c, &r);
	if (c->options.json && r.coverage.hosts > 0 && !r.covered)
		print_remark(c->err, "warning: usage is not complete: %s", r.gap.text);
	tenant_usage_free(&r.usage);
	return OK;
}
