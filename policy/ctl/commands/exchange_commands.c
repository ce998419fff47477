/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_commands - what Exchange's commands do to our policy */
#include "policy/ctl/commands/exchange_commands.h"

#include <string.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"

#define DISABLED_NAME "SmtpClientAuthenticationDisabled"

/* disabled_text - the double negative, as PowerShell prints it */
static const char *
disabled_text(enum smtp_auth smtp_auth)
{
	if (smtp_auth == SMTP_AUTH_INHERIT)
		return "";
	return smtp_auth == SMTP_AUTH_DISABLED ? "True" : "False";
}

/* list_line - of PowerShell's list format, in which all names here are as wide as one
 */
static void
list_line(struct printer *p, const char *name, const char *value)
{
	print_line(p, "%-*s : %s", (int)strlen(DISABLED_NAME), name, value);
}

static void
disabled_print(struct printer *p, enum smtp_auth smtp_auth)
{
	list_line(p, DISABLED_NAME, disabled_text(smtp_auth));
	if (smtp_auth == SMTP_AUTH_INHERIT)
		print_none(p, DISABLED_NAME);
	else
		print_bool(p, DISABLED_NAME, smtp_auth == SMTP_AUTH_DISABLED);
}

static void
show_tenant(struct ctl *c, const struct tenant *t)
{
	struct printer *p = &c->print;

	print_line(p, "%s", "");
	list_line(p, "Organization", t->name);
	print_object_start(p, NULL);
	print_text(p, "Organization", t->name);
	disabled_print(p, t->smtp_auth);
	print_object_end(p);
}

/* A walk through tenants or mailboxes. */
struct walk {
	struct ctl *c;
	uint64_t walked, most;
	bool more;              /* than MOST */
	struct ownership owner; /* of the last mailbox */
};

static enum error
show_each_tenant(void *arg, const struct tenant *t)
{
	struct walk *w = arg;

	w->walked++;
	show_tenant(w->c, t);
	return OK;
}

static enum error
get_transport_config(struct ctl *c, const struct exchange *x)
{
	struct walk w = {.c = c};
	struct tenant t;
	enum error e;

	if (x->organization[0] == '\0') {
		e = tenant_table_each(c->txn, show_each_tenant, &w);
		if (e == OK)
			e = transaction_walked(
			    c, w.walked, store_meta(c->txn)->tenants);
	} else {
		e = argument_tenant(c, x->organization, &t);
		if (e == OK)
			show_tenant(c, &t);
	}
	return e;
}

/* keep_tenant - the first one */
static enum error
keep_tenant(void *arg, const struct tenant *t)
{
	*(struct tenant *)arg = *t;
	return WALK_STOP;
}

/* only_tenant - who is meant where nobody is named */
static enum error
only_tenant(struct ctl *c, struct tenant *t)
{
	uint64_t tenants = store_meta(c->txn)->tenants;
	enum error e;

	if (tenants > 1)
		return error_set(&c->why, ERR_USAGE,
		    "there are %llu tenants: name one with -Organization",
		    (unsigned long long)tenants);
	t->name[0] = '\0';
	e = tenant_table_each(c->txn, keep_tenant, t);
	if (e == OK)
		e = transaction_walked(c, t->name[0] != '\0', tenants);
	if (e == OK && tenants == 0)
		return error_set(&c->why, ERR_NOTFOUND,
		    "there is no tenant yet; see \"smtpauthctl tenant add\"");
	return e;
}

static enum error
set_transport_config(struct ctl *c, const struct exchange *x)
{
	struct tenant t;
	enum error e = x->organization[0] != '\0'
	    ? argument_tenant(c, x->organization, &t)
	    : only_tenant(c, &t);

	if (e != OK)
		return e;
	t.smtp_auth = x->smtp_auth;
	return tenant_table_put(c->txn, &t);
}

/* own_setting - what of the record holds now; Exchange knows no times */
static enum smtp_auth
own_setting(const struct mailbox *m, instant now)
{
	return mailbox_overrides(m, now) ? m->smtp_auth : SMTP_AUTH_INHERIT;
}

static void
show_mailbox(struct ctl *c, const struct login *address, const char *tenant,
    enum smtp_auth smtp_auth)
{
	struct printer *p = &c->print;

	print_line(p, "%s", "");
	print_line(p, "%-*s : %.*s", (int)strlen(DISABLED_NAME), "Name",
	    (int)address->local, address->text);
	list_line(p, "PrimarySmtpAddress", address->text);
	print_object_start(p, NULL);
	print_text(p, "PrimarySmtpAddress", address->text);
	print_text(p, "Organization", tenant);
	disabled_print(p, smtp_auth);
	print_object_end(p);
}

/* show_each_mailbox - up to one more than wanted, which is not shown */
static enum error
show_each_mailbox(void *arg, const struct login *address, const struct mailbox *m)
{
	struct walk *w = arg;
	enum error e;

	w->more = w->walked == w->most;
	if (w->more)
		return WALK_STOP;
	w->walked++;
	/* for JSON only */
	e = w->c->options.json ? ownership_find(w->c->txn, address, &w->owner) : OK;
	if (e != OK)
		return e;
	show_mailbox(w->c, address, w->owner.tenant, own_setting(m, w->c->now));
	return OK;
}

static enum error
list_mailboxes(struct ctl *c, const struct exchange *x)
{
	struct walk w = {.c = c, .most = x->results};
	enum error e = mailbox_table_each(c->txn, NULL, show_each_mailbox, &w);

	if (e != OK)
		return e;
	if (!w.more)
		return transaction_walked(c, w.walked, store_meta(c->txn)->mailboxes);
	print_remark(c->err,
	    x->results_said ? "warning: there are more mailboxes than these %llu: "
			      "raise -ResultSize"
			    : "warning: only the first %llu mailboxes are shown; for "
			      "all, say -ResultSize Unlimited",
	    (unsigned long long)x->results);
	return OK;
}

/* find_mailbox - the record of one that has a tenant; an empty one is none of its own
 */
static enum error
find_mailbox(struct ctl *c, const char *typed, struct login *address, struct tenant *t,
    struct mailbox *m)
{
	bool found;
	enum error e = argument_address(c, typed, address);

	if (e == OK)
		e = tenant_table_of(c->txn, address, t, &found);
	if (e == OK && !found)
		return error_set(&c->why, ERR_NOTFOUND,
		    "there is no mailbox %s: no tenant owns its domain", address->text);
	if (e == OK)
		e = argument_mailbox(c, typed, address); /* no alias */
	return e == OK ? mailbox_table_get(c->txn, address, m, NULL) : e;
}

static enum error
get_cas_mailbox(struct ctl *c, const struct exchange *x)
{
	struct login address;
	struct mailbox m = {0};
	struct tenant t;
	enum error e;

	if (x->identity[0] == '\0')
		return list_mailboxes(c, x);
	e = find_mailbox(c, x->identity, &address, &t, &m);
	if (e == OK)
		show_mailbox(c, &address, t.name, own_setting(&m, c->now));
	return e;
}

static enum error
set_cas_mailbox(struct ctl *c, const struct exchange *x)
{
	struct login address;
	struct mailbox m;
	enum error e = argument_mailbox(c, x->identity, &address);

	if (e == OK)
		e = mailbox_table_get(c->txn, &address, &m, NULL);
	if (e != OK)
		return e;
	mailbox_set_smtp_auth(&m, x->smtp_auth, c->now);
	return mailbox_table_put(c->txn, &address, &m);
}

enum error
exchange_commands_run(struct ctl *c, const struct exchange *x)
{
	enum error e = ERR_INTERNAL;

	switch (x->cmdlet) {
	case EXCHANGE_GET_TRANSPORT_CONFIG:
		e = get_transport_config(c, x);
		break;
	case EXCHANGE_SET_TRANSPORT_CONFIG:
		return set_transport_config(c, x);
	case EXCHANGE_GET_CAS_MAILBOX:
		e = get_cas_mailbox(c, x);
		break;
	case EXCHANGE_SET_CAS_MAILBOX:
		return set_cas_mailbox(c, x);
	case EXCHANGE_CMDLETS:
		break;
	}
	if (e == OK)
		print_line(&c->print, "%s", "");
	return e;
}
