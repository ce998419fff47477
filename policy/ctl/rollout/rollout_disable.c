/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout_disable - switches off the tenants that nobody uses */
#include "policy/base/number.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/rollout/rollout.h"
#include "policy/tables/tenant_table.h"

/* What is asked for. */
struct request {
	instant enforce_from, tempfail_until;
	uint64_t limit; /* 0: none */
	bool dry_run;
};

/* read_limit - a whole number above 0 */
static enum error
read_limit(struct ctl *c, uint64_t *limit_r)
{
	const char *typed = argument_option(c, OPT_LIMIT);

	(void)number_parse(typed, UINT64_MAX, limit_r);
	if (typed == NULL || *limit_r > 0)
		return OK;
	return error_set(&c->why, ERR_DATA,
	    "bad value \"%s\" for --limit: use a number above 0", typed);
}

/* read_dates - the schedule; one that is over already is a slip of the pen */
static enum error
read_dates(struct ctl *c, struct request *q)
{
	char buf[INSTANT_TEXT_MAX];
	enum error e = OK;

	q->enforce_from = q->tempfail_until = INSTANT_NONE;
	if (argument_option(c, OPT_ENFORCE_FROM) != NULL)
		e = argument_time(
		    c, OPT_ENFORCE_FROM, INSTANT_DAY_START, &q->enforce_from);
	if (e == OK && q->enforce_from != INSTANT_NONE && q->enforce_from < c->now)
		return error_set(&c->why, ERR_DATA,
		    "--enforce-from %s is in the past: %s",
		    argument_option(c, OPT_ENFORCE_FROM),
		    instant_print(q->enforce_from, buf));
	if (e == OK && argument_option(c, OPT_TEMPFAIL_UNTIL) != NULL)
		e = argument_future_time(c, OPT_TEMPFAIL_UNTIL, &q->tempfail_until);
	if (e == OK && q->tempfail_until != INSTANT_NONE &&
	    q->tempfail_until <= q->enforce_from)
		return error_set(&c->why, ERR_DATA,
		    "--tempfail-until must come after --enforce-from");
	return e;
}

/* check_coverage - "unused" is said only where the data can tell */
static enum error
check_coverage(struct ctl *c, const struct rollout *r)
{
	if (r->covered || argument_option(c, OPT_FORCE) != NULL)
		return OK;
	return error_set(&c->why, ERR_PROTECTED,
	    "nothing is switched off, as tenants in use could be among them: %.600s. --force switches off all the same",
	    r->gap.text);
}

/* check_named - a tenant that was asked for by name, and is in use */
static enum error
check_named(struct ctl *c, const struct rollout *r)
{
	const struct tenant_usage *t = &r->usage.at[0];
	char last[INSTANT_TEXT_MAX];

	if (r->only[0] == '\0' || rollout_class(t, c->now) != ROLLOUT_IN_USE)
		return OK;
	return error_set(&c->why, ERR_PROTECTED,
	    "tenant %s is in use: %u mailbox%s, the last at %s; see \"rollout grant\" and \"tenant set %s --smtp-auth disabled\"",
	    t->name, t->mailboxes, t->mailboxes == 1 ? "" : "es",
	    instant_print(t->last_use, last), t->name);
}

/* disable - one tenant; all but its setting and its dates stays */
static enum error
disable(struct ctl *c, const struct request *q, const char *name)
{
	struct tenant t;
	bool found;
	enum error e = tenant_table_get(c->txn, name, &t, &found);

	if (e == OK && !found) /* but it was, when the usage was read */
		e = ERR_DAMAGED;
	if (e == OK) {
		t.smtp_auth = SMTP_AUTH_DISABLED;
		t.enforce_from = q->enforce_from;
		t.tempfail_until = q->tempfail_until;
		e = tenant_table_put(c->txn, &t);
	}
	return e == OK ? OK : error_about(&c->why, e, name);
}

static void
tenant_print(struct printer *p, const struct request *q, const char *name)
{
	print_line(p, "%s", name);
	print_object_start(p, NULL);
	print_text(p, "tenant", name);
	print_text(p, "smtp_auth", word_of_smtp_auth(SMTP_AUTH_DISABLED));
	print_time(p, "enforce_from", q->enforce_from);
	print_time(p, "tempfail_until", q->tempfail_until);
	print_bool(p, "dry_run", q->dry_run);
	print_object_end(p);
}

/* disable_all - the unused ones in the order of names */
static enum error
disable_all(struct ctl *c, const struct request *q, const struct rollout *r,
    unsigned long *count_r, unsigned long *wanted_r)
{
	enum error e = OK;

	*count_r = *wanted_r = 0;
	for (size_t i = 0; e == OK && i < r->usage.count; i++) {
		const struct tenant_usage *t = &r->usage.at[i];

		if (rollout_class(t, c->now) != ROLLOUT_UNUSED)
			continue;
		if (r->only[0] == '\0' && t->last_seen != INSTANT_NONE &&
		    t->last_seen >= r->usage.since) {
			(*wanted_r)++; /* denied tries: somebody wants it */
			continue;
		}
		if (q->limit > 0 && *count_r == q->limit)
			break;
		(*count_r)++;
		tenant_print(&c->print, q, t->name);
		if (!q->dry_run)
			e = disable(c, q, t->name);
	}
	return e;
}

static void
print_summary(struct ctl *c, const struct request *q, const struct rollout *r,
    unsigned long count)
{
	char since[INSTANT_TEXT_MAX], from[INSTANT_TEXT_MAX] = "";
	char until[INSTANT_TEXT_MAX] = "";

	if (q->enforce_from != INSTANT_NONE)
		instant_print(q->enforce_from, from);
	if (q->tempfail_until != INSTANT_NONE)
		instant_print(q->tempfail_until, until);
	print_line(&c->print, "%lu tenant%s without use since %s %s%s%s%s%s", count,
	    count == 1 ? "" : "s", instant_print(r->usage.since, since),
	    q->dry_run ? "would be disabled" : "disabled",
	    *from != '\0' ? ", enforced from " : "", from,
	    *until != '\0' ? ", tempfailed until " : "", until);
}

enum error
ctl_rollout_disable_unused(struct ctl *c)
{
	struct request q = {.dry_run = argument_option(c, OPT_DRY_RUN) != NULL};
	unsigned long count, wanted;
	struct rollout r;
	enum error e = read_limit(c, &q.limit);

	if (e == OK)
		e = read_dates(c, &q);
	if (e == OK)
		e = rollout_begin(c, OPT_UNUSED_FOR, &r);
	if (e == OK)
		e = rollout_read(c, &r, false, NULL, NULL);
	if (e != OK)
		return e;
	e = check_coverage(c, &r);
	if (e == OK)
		e = check_named(c, &r);
	if (e == OK)
		e = disable_all(c, &q, &r, &count, &wanted);
	if (e == OK && wanted > 0)
		print_remark(c->err,
		    "%lu unused tenant%s left alone, as tries were denied: see \"usage tenants\"; --tenant NAME disables one",
		    wanted, wanted == 1 ? "" : "s");
	if (e == OK)
		print_summary(c, &q, &r, count);
	tenant_usage_free(&r.usage);
	return e;
}
