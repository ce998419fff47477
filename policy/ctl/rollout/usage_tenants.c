/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_tenants - the use of every tenant */
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/csv.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/rollout/rollout.h"
#include "policy/ctl/usage/usage_rows.h"
#include "policy/ctl/usage/usage_sources.h"

#define SINCE_DAYS 90

/* The logins of no tenant, as one row. */
struct others {
	struct tenant_usage sum;
	bool any;
};

/* add_other - a login of no tenant; those that are counted together are one */
static enum error
add_other(void *arg, const struct login_usage *s)
{
	struct others *o = arg;

	if (s->outcome.has_tenant)
		return OK;
	o->any = true;
	tenant_usage_add(&o->sum, s);
	return OK;
}

static void
json_row(struct ctl *c, const struct rollout *r, const struct tenant_usage *t)
{
	const bool known = t->name[0] != '\0';
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_text(&j, "tenant", t->name);
	json_text(&j, "smtp_auth", known ? word_of_smtp_auth(t->smtp_auth) : "");
	json_quoted(&j, "class", t->mailboxes > 0 ? "in_use" : "unused");
	json_number(&j, "mailboxes", t->mailboxes);
	json_number(&j, "excepted", t->excepted);
	json_number(&j, "submissions", (int64_t)usage_submissions(t->count));
	json_number(&j, "denied", (int64_t)t->count[USAGE_DENIED]);
	json_number(&j, "would_deny", (int64_t)t->count[USAGE_WOULD_DENY]);
	json_number(&j, "exempt", (int64_t)t->count[USAGE_EXEMPT]);
	json_instant(&j, "first_seen", t->first_seen);
	json_instant(&j, "last_seen", t->last_seen);
	json_instant(&j, "last_use", t->last_use);
	json_instant(&j, "covered_since", r->coverage.since);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

/* The numbers of a row as texts. */
struct cells {
	char mailboxes[24], submissions[24], count[USAGE_KINDS][24];
	char last_use[INSTANT_TEXT_MAX];
};

static void
fill(struct cells *cells, const struct tenant_usage *t)
{
	snprintf(cells->mailboxes, sizeof cells->mailboxes, "%u", t->mailboxes);
	snprintf(cells->submissions, sizeof cells->submissions, "%llu",
	    (unsigned long long)usage_submissions(t->count));
	for (int k = 0; k < USAGE_KINDS; k++)
		snprintf(cells->count[k], sizeof cells->count[k], "%llu",
		    (unsigned long long)t->count[k]);
	rollout_time(t->last_use, cells->last_use);
}

static void
csv_one(struct ctl *c, const struct rollout *r, const struct tenant_usage *t)
{
	const bool known = t->name[0] != '\0';
	struct csv row = {c->out, false};

	csv_text(&row, t->name);
	csv_text(&row, known ? word_of_smtp_auth(t->smtp_auth) : "");
	csv_text(&row, t->mailboxes > 0 ? "in_use" : "unused");
	csv_number(&row, t->mailboxes);
	csv_number(&row, t->excepted);
	csv_number(&row, usage_submissions(t->count));
	for (int kind = USAGE_DENIED; kind < USAGE_KINDS; kind++)
		csv_number(&row, t->count[kind]);
	csv_instant(&row, t->first_seen);
	csv_instant(&row, t->last_seen);
	csv_instant(&row, t->last_use);
	csv_instant(&row, r->coverage.since);
	csv_end(&row);
}

/* class_text - "unused" reaches no further than the data do */
static const char *
class_text(const struct rollout *r, const struct tenant_usage *t, char *buf, size_t cap)
{
	char since[INSTANT_TEXT_MAX];

	if (t->mailboxes > 0)
		return "in use";
	if (r->coverage.since <= r->usage.since)
		return "unused";
	snprintf(buf, cap, "unused since %s (no older data)",
	    instant_print(r->coverage.since, since));
	return buf;
}

static void
list_row(struct listing *l, const struct rollout *r, const struct tenant_usage *t)
{
	const bool known = t->name[0] != '\0';
	struct cells cells;
	char class[80];

	fill(&cells, t);
	listing_row(l,
	    (const char *[]){known ? t->name : "(no tenant)",
		known ? word_of_smtp_auth(t->smtp_auth) : "", cells.mailboxes,
		cells.submissions, cells.count[USAGE_DENIED],
		cells.count[USAGE_WOULD_DENY], cells.count[USAGE_EXEMPT],
		cells.last_use, class_text(r, t, class, sizeof class)});
}

static void
tenants_csv(struct ctl *c, const struct rollout *r, const struct others *o)
{

	fputs("tenant,smtp_auth,class,mailboxes,excepted,submissions,denied,would_deny,"
	      "exempt,first_seen,last_seen,last_use,covered_since\r\n",
	    c->out);
	for (size_t i = 0; i < r->usage.count; i++)
		csv_one(c, r, &r->usage.at[i]);
	if (o->any)
		csv_one(c, r, &o->sum);
}

static void
tenants_text(struct ctl *c, const struct rollout *r, const struct others *o)
{
	static const char *const headings[] = {"TENANT", "SMTP-AUTH", "MAILBOXES",
	    "SUBMISSIONS", "DENIED", "WOULD-DENY", "EXEMPT", "LAST USE", "CLASS"};
	struct listing l;

	listing_start(&l, c->out, 9, headings);
	for (size_t i = 0; i < r->usage.count; i++)
		list_row(&l, r, &r->usage.at[i]);
	if (o->any)
		list_row(&l, r, &o->sum);
	listing_end(&l);
	rollout_print_coverage(c, r);
}

static void
print_json(struct ctl *c, const struct rollout *r, const struct others *o)
{

	for (size_t i = 0; i < r->usage.count; i++)
		json_row(c, r, &r->usage.at[i]);
	if (o->any)
		json_row(c, r, &o->sum);
}

enum error
ctl_usage_tenants(struct ctl *c)
{
	struct others o = {.any = false};
	struct rollout r;
	enum error e = usage_since(c, SINCE_DAYS, &r.usage.since);

	tenant_usage_init(&o.sum);
	if (e == OK)
		e = usage_sources_begin(c);
	if (e == OK)
		e = rollout_read(c, "", add_other, &o, &r);
	if (e != OK)
		return e;
	if (c->options.json)
		print_json(c, &r, &o);
	else if (argument_option(c, OPT_CSV) != NULL)
		tenants_csv(c, &r, &o);
	else
		tenants_text(c, &r, &o);
	rollout_end(&r);
	return OK;
}
