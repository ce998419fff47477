/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout_grant - turns the use of a tenant into exceptions */
#include "policy/ctl/output.h"
#include "policy/ctl/rollout.h"
#include "policy/mailbox_table.h"
#include "policy/text.h"

struct grant {
	struct ctl *c;
	bool dry_run;
	instant until;
	struct listing listing;
	unsigned long granted, skipped;
};

/*
 * why_not - the reason for which a login that is exposed gets no exception, or NULL:
 * what somebody has decided for this mailbox is never overruled
 */
static const char *
why_not(const struct grant *g, const struct usage_row *row, const struct outcome *o)
{
	const struct mailbox *m = &o->mailbox;

	if (!o->login.has_domain)
		return "no mailbox: the login has no domain";
	if (lock_holds(&o->tenant.lock, g->c->now))
		return "the tenant is locked";
	if (!o->has_mailbox)
		return NULL;
	if (lock_holds(&m->lock, g->c->now))
		return "locked";
	if (o->decision.override == OVERRIDE_HELD && m->smtp_auth == SMTP_AUTH_DISABLED)
		return "disabled by its own setting";
	if (o->decision.override == OVERRIDE_OTHER_CLIENT)
		return "enabled, but not for its last client";
	if (o->decision.override == OVERRIDE_EXPIRED && row->usage.last_use < m->until)
		return "expired, and not used since";
	return NULL;
}

/*
 * address_of - the mailbox that the login is today: an alias or default-domain may have
 * come since it was recorded. A subaddress keeps its own name where the setting of the
 * mailbox without it was found.
 */
static const struct login *
address_of(const struct grant *g, const struct usage_row *row, const struct outcome *o)
{
	const char *delimiters = store_settings(g->c->txn)->subaddress_delimiter;
	struct login base;

	if (login_strip_subaddress(&row->login, delimiters, &base) &&
	    login_equal(&base, &o->login))
		return &row->login;
	return &o->login;
}

/* put - the exception, with a note that says where it comes from */
static enum error
put(struct grant *g, const struct usage_row *row, const struct login *address)
{
	char when[INSTANT_TEXT_MAX], client[ADDRESS_TEXT_MAX] = "an unknown client";
	struct ctl *c = g->c;
	struct mailbox m;
	enum error e = mailbox_table_get(c->txn, address, &m);

	if (e == ERR_NOTFOUND)
		mailbox_init(&m);
	else if (e != OK)
		return e;
	if (row->usage.has_client)
		address_print(&row->usage.client, client);
	if (m.note[0] == '\0')
		snprintf(m.note, sizeof m.note,
		    "granted by rollout: last used %s from %s %s",
		    instant_print(row->usage.last_use, when), client,
		    mechanism_code_name(row->usage.mechanism));
	m.smtp_auth = SMTP_AUTH_ENABLED;
	m.until = g->until;
	m.clients.count = 0;
	return mailbox_table_put(c->txn, address, &m);
}

static void
json_row(struct grant *g, const struct usage_row *row, const char *tenant,
    const char *reason)
{
	char client[ADDRESS_TEXT_MAX];
	struct json j;

	json_to_stream(&j, g->c->out);
	json_object(&j, NULL);
	json_string(&j, "mailbox", row->login.text);
	json_string(&j, "tenant", tenant);
	json_bool(&j, "granted", reason == NULL);
	json_text(&j, "reason", reason);
	json_instant(&j, "last_use", row->usage.last_use);
	json_text(&j, "last_client",
	    row->usage.has_client ? address_print(&row->usage.client, client) : "");
	json_instant(&j, "until", reason == NULL ? g->until : INSTANT_NONE);
	json_bool(&j, "dry_run", g->dry_run);
	json_object_end(&j);
	json_line_end(&j, g->c->out);
}

static void
list_row(struct grant *g, const struct usage_row *row, const char *reason)
{
	char login[4 * LOGIN_MAX + 64], when[INSTANT_TEXT_MAX];
	char client[ADDRESS_TEXT_MAX] = "", result[80];
	struct text t;

	text_init(&t, login, sizeof login);
	text_show(&t, row->login.text, row->login.len, LOGIN_MAX);
	if (row->usage.has_client)
		address_print(&row->usage.client, client);
	if (reason != NULL)
		snprintf(result, sizeof result, "skipped: %s", reason);
	else
		snprintf(result, sizeof result, "%s",
		    g->dry_run ? "would be granted" : "granted");
	listing_row(&g->listing,
	    (const char *[]){login, rollout_time(row->usage.last_use, when), client,
		mechanism_code_name(row->usage.mechanism), result});
}

/* visit - one login of the tenant */
static enum error
visit(void *arg, size_t tenant, const struct usage_row *row, const struct standing *s)
{
	struct grant *g = arg;
	const char *reason;

	if (tenant == SURVEY_NO_TENANT || !s->exposed)
		return OK;
	reason = why_not(g, row, &s->outcome);
	if (g->c->options.json)
		json_row(g, row, s->outcome.tenant.name, reason);
	else
		list_row(g, row, reason);
	if (reason != NULL) {
		g->skipped++;
		return OK;
	}
	g->granted++;
	return g->dry_run ? OK : put(g, row, address_of(g, row, &s->outcome));
}

/* run - the survey does the work; the exceptions count only if it reaches its end */
static enum error
run(struct ctl *c, struct grant *g, struct rollout *r)
{
	static const char *const headings[] = {
	    "MAILBOX", "LAST USE", "LAST CLIENT", "MECHANISM", "RESULT"};
	char only[TENANT_NAME_MAX + 1];
	enum error e = rollout_tenant(c, only);

	if (e != OK)
		return e;
	listing_start(&g->listing, c->out, 5, headings);
	e = rollout_survey(c, only, visit, g, r);
	listing_end(&g->listing);
	return e;
}

enum error
ctl_rollout_grant(struct ctl *c)
{
	struct grant g = {.c = c,
	    .dry_run = ctl_option(c, OPT_DRY_RUN) != NULL,
	    .until = INSTANT_NONE};
	struct rollout r;
	enum error e = rollout_since(c, OPT_USED_WITHIN, &r.since);

	if (e == OK && ctl_option(c, OPT_TENANT) == NULL)
		return error_set(
		    &c->why, ERR_USAGE, "\"rollout grant\" needs --tenant NAME");
	if (e == OK && ctl_option(c, OPT_UNTIL) != NULL)
		e = ctl_future_time(c, OPT_UNTIL, &g.until);
	if (e == OK)
		e = run(c, &g, &r);
	if (e != OK)
		return e;
	if (!r.covered)
		fprintf(stderr,
		    "smtpauthctl: warning: mailboxes in use may be missing: %s\n",
		    r.gap.text);
	if (!c->options.json)
		fprintf(c->out, "%lu exception%s %s, %lu skipped\n", g.granted,
		    g.granted == 1 ? "" : "s",
		    g.dry_run ? "would be granted" : "granted", g.skipped);
	rollout_end(&r);
	return OK;
}
