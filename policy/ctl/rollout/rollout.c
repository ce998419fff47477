/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout - what the commands that switch SMTP AUTH off in stages have in common */
#include "policy/ctl/rollout/rollout.h"

#include "policy/ctl/frame/arguments.h"
#include "policy/tables/verify.h"
#include "policy/usage/usage_database.h"

#define SPAN "90d" /* the default of --unused-for and --used-within */

enum rollout_class
rollout_class(const struct tenant_usage *t, instant now)
{
	if (t->smtp_auth == SMTP_AUTH_DISABLED)
		return t->enforce_from > now || t->tempfail_until > now
		    ? ROLLOUT_SCHEDULED
		    : ROLLOUT_DISABLED;
	return t->mailboxes > 0 ? ROLLOUT_IN_USE : ROLLOUT_UNUSED;
}

/* read_span - the start of a span that ends now */
static enum error
read_span(struct ctl *c, enum option_id id, instant *since_r)
{
	const char *typed =
	    argument_option(c, id) != NULL ? argument_option(c, id) : SPAN;
	struct error_text why;
	int64_t seconds;

	if (instant_parse_span(typed, &seconds, &why) != OK || seconds <= 0 ||
	    seconds > c->now)
		return error_set(&c->why, ERR_DATA,
		    "bad span of time \"%s\" for --%s: use 90d, 12h or 15m", typed,
		    option_name(id));
	*since_r = c->now - seconds;
	return OK;
}

enum error
rollout_begin(struct ctl *c, enum option_id id, struct rollout *r)
{
	enum error e = read_span(c, id, &r->usage.since);

	if (e == OK)
		e = usage_sources_begin(c);
	return e == OK ? argument_tenant_option(c, r->only) : e;
}

/* look_for_others - whether some may be of a tenant that was added since */
static void
look_for_others(struct rollout *r)
{
	instant last = r->usage.last_other;
	char when[INSTANT_TEXT_MAX];

	if (!r->covered || last == INSTANT_NONE || last < r->usage.since)
		return;
	r->covered = false;
	error_set(&r->gap, ERR_PROTECTED,
	    "there were more than %d logins of no tenant; those that are not recorded by name, the last at %s, may be of a tenant or domain that was added since",
	    USAGE_STRANGERS_MAX, instant_print(last, when));
}

enum error
rollout_read(
    struct ctl *c, struct rollout *r, bool any, tenant_usage_visit *visit, void *arg)
{
	struct usage_merge *merge, *none = NULL;
	/* a damaged policy must not read as "of no tenant, so unused" */
	enum error e = verify_txn(c->txn, NULL, &c->why);

	if (e == OK)
		e = usage_sources_merge(c, &merge);
	if (e == ERR_MISSING && any) {
		merge = none = usage_merge_new();
		e = none != NULL
		    ? OK
		    : error_set(&c->why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	}
	if (e != OK)
		return e;
	r->coverage = usage_merge_coverage(merge);
	r->covered =
	    tenant_usage_covers(&r->coverage, store_settings(c->txn)->usage_nodes,
		r->usage.since, c->now, &r->gap) == OK;
	r->usage.now = c->now;
	r->usage.only = r->only[0] != '\0' ? r->only : NULL;
	e = tenant_usage_read(&r->usage, c->txn, merge, visit, arg, &c->why);
	usage_merge_free(&none);
	if (e == OK)
		look_for_others(r);
	return e;
}

void
rollout_print_coverage(struct ctl *c, const struct rollout *r)
{
	char since[INSTANT_TEXT_MAX];

	print_line(&c->print, "usage: recorded since %s on %u machine%s",
	    instant_print(r->coverage.since, since), r->coverage.hosts,
	    r->coverage.hosts == 1 ? "" : "s");
	if (!r->covered)
		print_line(&c->print, "usage is NOT complete: %s", r->gap.text);
}
