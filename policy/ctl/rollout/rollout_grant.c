/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout_grant - turns the use of a tenant into exceptions */
#include <string.h>

#include "policy/base/text.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/rollout/rollout.h"
#include "policy/tables/mailbox_table.h"

struct grant {
	struct ctl *c;
	bool dry_run;
	instant until;
	unsigned long granted, skipped;
	unsigned long local, burst; /* granted ones that should be looked at */
};

/* Use of a mailbox that has no more than this between its first and its last time. */
#define BURST_SECONDS 600

/* is_local - whether it was seen from this machine only, as webmail and tests are */
static bool
is_local(const struct usage *u)
{
	return u->last_seen != INSTANT_NONE && !u->elsewhere;
}

/* is_burst - whether it was seen in one moment only, as a test or a thief is */
static bool
is_burst(const struct usage *u)
{
	return u->last_seen != INSTANT_NONE &&
	    u->last_seen - u->first_seen <= BURST_SECONDS;
}

/*
 * address_of - the mailbox that the login is today: an alias or default-domain may have
 * come since it was recorded. A subaddress keeps its own name where the setting of the
 * mailbox without it was found.
 */
static const struct login *
address_of(const struct grant *g, const struct login_usage *s)
{
	const char *delimiters = store_settings(g->c->txn)->subaddress_delimiter;
	struct login base;

	if (login_strip_subaddress(&s->row->login, delimiters, &base) &&
	    login_equal(&base, &s->outcome.login))
		return &s->row->login;
	return &s->outcome.login;
}

/* is_manageable - whether the commands on mailboxes take the address */
static bool
is_manageable(const struct login *address)
{
	struct login again;

	return address->has_domain &&
	    login_normalize(address->text, address->len, "", &again, NULL) == OK;
}

/*
 * expired_of - the setting that has expired, the mailbox's OWN or that of the mailbox
 * without the subaddress; or NULL
 */
static const struct mailbox *
expired_of(const struct grant *g, const struct mailbox *own, const struct outcome *o)
{
	if (own->smtp_auth != SMTP_AUTH_INHERIT && !mailbox_overrides(own, g->c->now))
		return own;
	return o->decision.override == OVERRIDE_EXPIRED ? &o->mailbox : NULL;
}

/*
 * why_not - the reason for which a login that is exposed gets no exception, or NULL:
 * what somebody has decided for this mailbox is never overruled
 */
static const char *
why_not(const struct grant *g, const struct login_usage *s, const struct mailbox *own,
    const struct mailbox *expired)
{
	const struct outcome *o = &s->outcome;
	const struct usage *u = &s->row->usage;

	if (lock_holds(&o->tenant_lock, g->c->now))
		return "the tenant is locked";
	if (lock_holds(&o->login_lock, g->c->now))
		return "locked";
	if (own->smtp_auth == SMTP_AUTH_INHERIT && own->note[0] != '\0')
		return "left at inherit, with a note";
	if (o->decision.override == OVERRIDE_HELD)
		return o->mailbox.smtp_auth == SMTP_AUTH_DISABLED
		    ? "disabled by its own setting"
		    : "enabled, but only until before enforce-from";
	if (o->decision.override == OVERRIDE_OTHER_CLIENT)
		return "enabled, but not for its last client";
	if (expired == NULL)
		return NULL;
	if (u->last_use < expired->until)
		return "expired, and not used since";
	if (expired->clients.count > 0 &&
	    !(u->has_client && cidr_list_has(&expired->clients, &u->client)))
		return "expired, and was not for its last client";
	return NULL;
}

/* write_note - where the exception comes from */
static void
write_note(const struct usage *u, char *note, size_t cap)
{
	char when[INSTANT_TEXT_MAX], client[CIDR_IP_TEXT_MAX];
	const char *mechanism = usage_mechanism_name(u->mechanism);
	struct text t;

	text_init(&t, note, cap);
	text_printf(
	    &t, "granted by rollout: last used %s", instant_print(u->last_use, when));
	/* client and mechanism are of the last time seen, and that may be a denial */
	if (u->last_seen != u->last_use)
		return;
	if (u->has_client)
		text_printf(&t, " from %s", cidr_ip_print(&u->client, client));
	if (*mechanism != '\0')
		text_printf(&t, " (%s)", mechanism);
}

static void
exception_print(struct grant *g, const struct login_usage *s, const char *mailbox,
    const char *reason)
{
	const struct usage *u = &s->row->usage;
	char client[CIDR_IP_TEXT_MAX] = "", result[80];
	struct printer *p = &g->c->print;
	bool local = is_local(u), burst = is_burst(u);

	if (reason != NULL)
		snprintf(result, sizeof result, "skipped: %s", reason);
	else
		snprintf(result, sizeof result, "%s%s%s",
		    g->dry_run ? "would be granted" : "granted",
		    local ? "; CHECK: loopback only" : "",
		    burst ? "; CHECK: one burst only" : "");
	if (u->has_client)
		cidr_ip_print(&u->client, client);
	print_object_start(p, NULL);
	print_text(p, "mailbox", mailbox);
	print_text(p, "tenant", s->outcome.tenant.name);
	print_bool(p, "granted", reason == NULL);
	print_text(p, "reason", reason);
	print_time(p, "last_use", u->last_use);
	print_text(p, "last_client", client);
	print_words(p, "mechanism", usage_mechanism_name(u->mechanism));
	print_words(p, "result", result);
	print_time(p, "until", reason == NULL ? g->until : INSTANT_NONE);
	print_bool(p, "dry_run", g->dry_run);
	print_time(p, "first_seen", u->first_seen);
	print_array_start(p, "warnings");
	if (local)
		print_item(p, "loopback", strlen("loopback"));
	if (burst)
		print_item(p, "burst", strlen("burst"));
	print_array_end(p);
	print_object_end(p);
}

/* grant_one - an exception for the login, or the reason against it */
static enum error
grant_one(struct grant *g, const struct login_usage *s, const struct login *address,
    const char **reason_r)
{
	const struct mailbox *expired;
	struct mailbox own;
	enum error e;

	*reason_r = address->has_domain ? "no mailbox: no tenant can own its domain"
					: "no mailbox: the login has no domain";
	if (!is_manageable(address))
		return OK;
	e = mailbox_table_get(g->c->txn, address, &own, NULL);
	if (e != OK)
		return error_about(&g->c->why, e, address->text);
	expired = expired_of(g, &own, &s->outcome);
	*reason_r = why_not(g, s, &own, expired);
	if (*reason_r != NULL || g->dry_run)
		return OK;
	if (own.note[0] == '\0')
		write_note(&s->row->usage, own.note, sizeof own.note);
	if (expired != NULL && expired != &own)
		own.clients = expired->clients;
	own.smtp_auth = SMTP_AUTH_ENABLED;
	own.until = g->until;
	e = mailbox_table_put(g->c->txn, address, &own);
	return e == OK ? OK : error_about(&g->c->why, e, address->text);
}

/* visit - one login of the tenant */
static enum error
visit(void *arg, const struct login_usage *s)
{
	const struct login *address;
	struct grant *g = arg;
	const char *reason;
	enum error e;

	if (!s->outcome.has_tenant || !s->uncovered)
		return OK;
	address = address_of(g, s);
	e = grant_one(g, s, address, &reason);
	if (e != OK)
		return e;
	exception_print(g, s, address->text, reason);
	if (reason != NULL) {
		g->skipped++;
		return OK;
	}
	g->granted++;
	g->local += is_local(&s->row->usage);
	g->burst += is_burst(&s->row->usage);
	return OK;
}

/* warn - about exceptions that may serve only a test, or a thief */
static void
warn(const struct grant *g)
{
	if (g->local > 0)
		print_remark(g->c->err,
		    "warning: %lu of these mailboxes were seen from this machine only: look whether that is webmail, a proxy or a test, which should be exempt and need no exception",
		    g->local);
	if (g->burst > 0)
		print_remark(g->c->err,
		    "warning: %lu of these mailboxes were seen within %d minutes only: ask their owners whether it was they, or a test or a stolen password; \"smtpauthctl mailbox set ADDRESS --smtp-auth inherit --note WHY\" takes an exception back for good",
		    g->burst, BURST_SECONDS / 60);
}

enum error
ctl_rollout_grant(struct ctl *c)
{
	static const struct print_column columns[] = {{"mailbox", "MAILBOX"},
	    {"last_use", "LAST USE"}, {"last_client", "LAST CLIENT"},
	    {"mechanism", "MECHANISM"}, {"result", "RESULT"}, {NULL, NULL}};
	struct grant g = {.c = c,
	    .dry_run = argument_option(c, OPT_DRY_RUN) != NULL,
	    .until = INSTANT_NONE};
	struct rollout r;
	enum error e = OK;

	if (argument_option(c, OPT_TENANT) == NULL)
		return error_set(
		    &c->why, ERR_USAGE, "\"rollout grant\" needs --tenant NAME");
	if (argument_option(c, OPT_UNTIL) != NULL)
		e = argument_future_time(c, OPT_UNTIL, &g.until);
	if (e == OK)
		e = rollout_begin(c, OPT_USED_WITHIN, &r);
	if (e != OK)
		return e;
	print_table(&c->print, columns, "");
	/* the exceptions are made while the usage is read; an error takes them back */
	e = rollout_read(c, &r, false, visit, &g);
	if (e != OK)
		return e;
	if (!r.covered)
		print_remark(
		    c->err, "warning: mailboxes in use may be missing: %s", r.gap.text);
	warn(&g);
	print_line(&c->print, "%lu exception%s %s, %lu skipped", g.granted,
	    g.granted == 1 ? "" : "s", g.dry_run ? "would be granted" : "granted",
	    g.skipped);
	tenant_usage_free(&r.usage);
	return OK;
}
