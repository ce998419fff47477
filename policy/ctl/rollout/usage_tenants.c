/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_tenants - usage tenants: the use of every tenant */
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/rollout/rollout.h"

#define SINCE_DAYS 90

/* The logins of no tenant, as one row. */
struct others {
	struct tenant_usage sum;
	bool any;
};

/* others_add - a login of no tenant; those that are counted together are one */
static enum error
others_add(void *arg, const struct login_usage *s)
{
	struct others *o = arg;

	if (s->outcome.has_tenant)
		return OK;
	o->any = true;
	tenant_usage_add(&o->sum, s);
	return OK;
}

/* print_class - for people: "unused" reaches no further back than the data do */
static void
print_class(struct printer *p, const struct rollout *r, const struct tenant_usage *t)
{
	char since[INSTANT_TEXT_MAX], words[80] = "in use";

	if (t->mailboxes == 0 && r->coverage.since <= r->usage.since)
		snprintf(words, sizeof words, "unused");
	else if (t->mailboxes == 0)
		snprintf(words, sizeof words, "unused since %s (no older data)",
		    instant_print(r->coverage.since, since));
	print_words(p, "class", words);
}

static void
tenant_print(struct printer *p, const struct rollout *r, const struct tenant_usage *t)
{
	const bool known = t->name[0] != '\0';

	print_object_start(p, NULL);
	print_text(p, "tenant", t->name);
	if (!known)
		print_words(p, "tenant", "(no tenant)");
	print_text(p, "smtp_auth", known ? word_of_smtp_auth(t->smtp_auth) : "");
	print_text(p, "class", t->mailboxes > 0 ? "in_use" : "unused");
	print_class(p, r, t);
	print_number(p, "mailboxes", t->mailboxes);
	print_number(p, "excepted", t->excepted);
	print_number(p, "submissions", usage_submissions(t->count));
	print_number(p, "denied", t->count[USAGE_DENIED]);
	print_number(p, "would_deny", t->count[USAGE_WOULD_DENY]);
	print_number(p, "exempt", t->count[USAGE_EXEMPT]);
	print_time(p, "first_seen", t->first_seen);
	print_time(p, "last_seen", t->last_seen);
	print_time(p, "last_use", t->last_use);
	print_time(p, "covered_since", r->coverage.since);
	print_object_end(p);
}

static void
tenants_print(struct ctl *c, const struct rollout *r, const struct others *o)
{
	static const struct print_column in_csv[] = {{"tenant", ""}, {"smtp_auth", ""},
	    {"class", ""}, {"mailboxes", ""}, {"excepted", ""}, {"submissions", ""},
	    {"denied", ""}, {"would_deny", ""}, {"exempt", ""}, {"first_seen", ""},
	    {"last_seen", ""}, {"last_use", ""}, {"covered_since", ""}, {NULL, NULL}};
	static const struct print_column in_table[] = {{"tenant", "TENANT"},
	    {"smtp_auth", "SMTP-AUTH"}, {"mailboxes", "MAILBOXES"},
	    {"submissions", "SUBMISSIONS"}, {"denied", "DENIED"},
	    {"would_deny", "WOULD-DENY"}, {"exempt", "EXEMPT"},
	    {"last_use", "LAST USE"}, {"class", "CLASS"}, {NULL, NULL}};
	bool csv = argument_option(c, OPT_CSV) != NULL;

	if (csv)
		print_csv(&c->print, in_csv);
	else
		print_table(&c->print, in_table, "");
	for (size_t i = 0; i < r->usage.count; i++)
		tenant_print(&c->print, r, &r->usage.at[i]);
	if (o->any)
		tenant_print(&c->print, r, &o->sum);
	if (!csv)
		rollout_print_coverage(c, r);
}

enum error
ctl_usage_tenants(struct ctl *c)
{
	struct others o = {.any = false};
	struct rollout r = {.only = ""};
	enum error e = usage_sources_since(c, SINCE_DAYS, &r.usage.since);

	tenant_usage_init(&o.sum);
	if (e == OK)
		e = usage_sources_begin(c);
	if (e == OK)
		e = rollout_read(c, &r, false, others_add, &o);
	if (e != OK)
		return e;
	tenants_print(c, &r, &o);
	tenant_usage_free(&r.usage);
	return OK;
}
