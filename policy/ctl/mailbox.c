/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox - the commands on mailboxes */
#include "policy/mailbox.h"

#include <string.h>

#include "policy/address.h"
#include "policy/ctl/ctl.h"
#include "policy/ctl/object.h"
#include "policy/ctl/output.h"
#include "policy/domain_table.h"
#include "policy/mailbox_table.h"
#include "policy/tenant_mailboxes.h"
#include "policy/tenant_table.h"
#include "policy/text.h"

#define CLIENTS_TEXT_MAX (CIDR_LIST_MAX * CIDR_TEXT_MAX)

/* is_expired - whether its setting was for a time that is over */
static bool
is_expired(const struct mailbox *m, instant now)
{
	return m->until != INSTANT_NONE && now >= m->until;
}

static void
json_mailbox(struct ctl *c, const struct login *address, const char *tenant,
    const struct mailbox *m)
{
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "address", address->text);
	json_text(&j, "tenant", tenant);
	json_mailbox_members(&j, m);
	json_bool(&j, "expired", is_expired(m, c->now));
	json_object_end(&j);
	json_line_end(&j, c->out);
}

/* until_text - the time, and whether it has come */
static const char *
until_text(const struct mailbox *m, instant now, char *buf, size_t cap)
{
	char when[INSTANT_TEXT_MAX];

	if (m->until == INSTANT_NONE)
		return "";
	snprintf(buf, cap, "%s%s", instant_print(m->until, when),
	    is_expired(m, now) ? " (expired)" : "");
	return buf;
}

static void
property_clients(FILE *out, const struct cidr_list *list)
{
	char clients[CLIENTS_TEXT_MAX];
	struct text text;

	text_init(&text, clients, sizeof clients);
	cidr_list_print(list, &text);
	property(out, "clients", clients);
}

/* show - all of a mailbox, for people or programs */
static enum error
show(struct ctl *c, const struct login *address, const struct mailbox *m)
{
	char until[INSTANT_TEXT_MAX + 16], lock[LOCK_TEXT_MAX];
	struct tenant t = {.name = ""};
	enum error e = tenant_table_of(c->txn, address, &t);

	if (e != OK && e != ERR_NOTFOUND)
		return e;
	if (c->options.json) {
		json_mailbox(c, address, t.name, m);
		return OK;
	}
	property(c->out, "mailbox", address->text);
	property(c->out, "tenant", t.name);
	property(c->out, "smtp-auth", smtp_auth_name(m->smtp_auth));
	property(c->out, "until", until_text(m, c->now, until, sizeof until));
	property_clients(c->out, &m->clients);
	property(c->out, "lock", lock_text(&m->lock, c->now, lock));
	property(c->out, "note", m->note);
	return OK;
}

static enum error
apply_clients(struct ctl *c, struct mailbox *m)
{
	const char *typed = ctl_option(c, OPT_CLIENTS);

	if (typed == NULL)
		return OK;
	if (strcmp(typed, "none") == 0) {
		m->clients.count = 0;
		return OK;
	}
	if (m->smtp_auth != SMTP_AUTH_ENABLED)
		return error_set(&c->why, ERR_DATA,
		    "--clients goes with smtp-auth enabled only, not %s",
		    smtp_auth_name(m->smtp_auth));
	return cidr_list_parse(typed, &m->clients, &c->why);
}

static enum error
apply_until(struct ctl *c, struct mailbox *m)
{
	enum error e;

	if (ctl_option(c, OPT_UNTIL) == NULL)
		return OK;
	e = ctl_future_time(c, OPT_UNTIL, &m->until);
	if (e == OK && m->until != INSTANT_NONE && m->smtp_auth == SMTP_AUTH_INHERIT)
		return error_set(&c->why, ERR_DATA,
		    "--until goes with smtp-auth enabled or disabled, not inherit");
	return e;
}

/* apply_options - the options of mailbox set */
static enum error
apply_options(struct ctl *c, struct mailbox *m)
{
	const char *v = ctl_option(c, OPT_SMTP_AUTH);
	enum smtp_auth smtp_auth = m->smtp_auth;
	enum error e;

	if (v != NULL && !smtp_auth_parse(v, &smtp_auth))
		return error_set(&c->why, ERR_DATA,
		    "bad value \"%s\" for --smtp-auth: use enabled, disabled or "
		    "inherit",
		    v);
	if (v != NULL)
		mailbox_set_smtp_auth(m, smtp_auth, c->now);
	e = apply_clients(c, m);
	if (e == OK)
		e = apply_until(c, m);
	if (e == OK && ctl_option(c, OPT_NOTE) != NULL)
		e = ctl_line(c, OPT_NOTE, NOTE_MAX, m->note);
	return e;
}

/* put - stores and shows */
static enum error
put(struct ctl *c, const struct login *address, const struct mailbox *m)
{
	enum error e = mailbox_table_put(c->txn, address, m);

	return e == OK ? show(c, address, m) : e;
}

enum error
ctl_mailbox_set(struct ctl *c)
{
	struct login address;
	struct mailbox m;
	enum error e = ctl_mailbox(c, ctl_word(c, 0), &address);

	if (e == OK)
		e = mailbox_table_get_or_empty(c->txn, &address, &m);
	if (e == OK)
		e = apply_options(c, &m);
	return e == OK ? put(c, &address, &m) : e;
}

/* find - the record named on the command line */
static enum error
find(struct ctl *c, struct login *address, struct mailbox *m)
{
	enum error e = ctl_mailbox(c, ctl_word(c, 0), address);

	if (e == OK)
		e = mailbox_table_get(c->txn, address, m);
	if (e == ERR_NOTFOUND)
		error_set(
		    &c->why, e, "mailbox %s has no setting of its own", address->text);
	return e;
}

enum error
ctl_mailbox_show(struct ctl *c)
{
	struct login address;
	struct mailbox m;
	enum error e = find(c, &address, &m);

	return e == OK ? show(c, &address, &m) : e;
}

enum error
ctl_mailbox_remove(struct ctl *c)
{
	struct login address;
	struct mailbox m;
	enum error e = find(c, &address, &m);

	if (e == OK)
		e = mailbox_table_remove(c->txn, &address);
	if (e != OK)
		return e;
	mailbox_init(&m);
	if (c->options.json)
		return show(c, &address, &m);
	show_line(c->out, "mailbox %s has no setting of its own now", address.text);
	return OK;
}

enum error
ctl_mailbox_lock(struct ctl *c)
{
	struct login address;
	struct mailbox m;
	enum error e = ctl_mailbox(c, ctl_word(c, 0), &address);

	if (e == OK)
		e = mailbox_table_get_or_empty(c->txn, &address, &m);
	if (e != OK)
		return e;
	m.lock.set = true;
	m.lock.until = INSTANT_NONE;
	if (ctl_option(c, OPT_UNTIL) != NULL)
		e = ctl_future_time(c, OPT_UNTIL, &m.lock.until);
	return e == OK ? put(c, &address, &m) : e;
}

enum error
ctl_mailbox_unlock(struct ctl *c)
{
	struct login address;
	struct mailbox m;
	enum error e = find(c, &address, &m);

	if (e != OK)
		return e;
	m.lock.set = false;
	m.lock.until = INSTANT_NONE;
	return put(c, &address, &m);
}

struct lister {
	struct ctl *c;
	struct listing listing;
	const char *tenant; /* all mailboxes of the walk are its, or NULL */
	bool by_setting;
	enum smtp_auth wanted;
	instant expiring_before; /* INSTANT_NONE: all */
	uint64_t walked;
	struct address_owner owner; /* of the last record */
};

static bool
is_wanted(const struct lister *l, const struct mailbox *m)
{
	if (l->by_setting && m->smtp_auth != l->wanted)
		return false;
	if (l->expiring_before == INSTANT_NONE)
		return true;
	if (m->until != INSTANT_NONE && m->until <= l->expiring_before)
		return true; /* what has expired already is not forgotten silently */
	return lock_holds(&m->lock, l->c->now) && m->lock.until != INSTANT_NONE &&
	    m->lock.until <= l->expiring_before;
}

static enum error
list_one(void *arg, const struct login *address, const struct mailbox *m)
{
	struct lister *l = arg;
	char until[INSTANT_TEXT_MAX + 16], lock[LOCK_TEXT_MAX],
	    clients[CLIENTS_TEXT_MAX];
	struct text text;
	enum error e;

	l->walked++;
	if (!is_wanted(l, m))
		return OK;
	e = l->tenant == NULL ? address_find_owner(l->c->txn, address, &l->owner) : OK;
	if (e != OK && e != ERR_NOTFOUND)
		return e;
	if (l->c->options.json) {
		json_mailbox(
		    l->c, address, l->tenant != NULL ? l->tenant : l->owner.tenant, m);
		return OK;
	}
	text_init(&text, clients, sizeof clients);
	cidr_list_print(&m->clients, &text);
	listing_row(&l->listing,
	    (const char *[]){address->text,
		l->tenant != NULL ? l->tenant : l->owner.tenant,
		smtp_auth_name(m->smtp_auth),
		until_text(m, l->c->now, until, sizeof until), clients,
		lock_text(&m->lock, l->c->now, lock), m->note});
	return OK;
}

/* list_filters - the options of mailbox list */
static enum error
list_filters(struct ctl *c, struct lister *l)
{
	const char *v = ctl_option(c, OPT_SMTP_AUTH);
	int64_t seconds;
	enum error e;

	l->by_setting = v != NULL;
	if (v != NULL && !smtp_auth_parse(v, &l->wanted))
		return error_set(&c->why, ERR_DATA,
		    "bad value \"%s\" for --smtp-auth: use enabled, disabled or "
		    "inherit",
		    v);
	v = ctl_option(c, OPT_EXPIRING_WITHIN);
	if (v == NULL)
		return OK;
	e = instant_parse_span(v, &seconds, &c->why);
	if (e == OK)
		l->expiring_before = c->now + seconds;
	return e;
}

enum error
ctl_mailbox_list(struct ctl *c)
{
	static const char *const headings[] = {
	    "MAILBOX", "TENANT", "SMTP-AUTH", "UNTIL", "CLIENTS", "LOCK", "NOTE"};
	struct lister l = {.c = c, .expiring_before = INSTANT_NONE};
	struct tenant t;
	enum error e = list_filters(c, &l);

	if (e == OK && ctl_option(c, OPT_TENANT) != NULL) {
		e = tenant_name_parse(ctl_option(c, OPT_TENANT), t.name, &c->why);
		if (e == OK)
			e = tenant_table_get(c->txn, t.name, &t);
		if (e == ERR_NOTFOUND)
			return error_set(&c->why, e, "there is no tenant %s", t.name);
		l.tenant = t.name;
	}
	if (e != OK)
		return e;
	listing_start(&l.listing, c->out, 7, headings);
	e = l.tenant != NULL ? tenant_mailboxes_each(c->txn, t.name, list_one, &l)
			     : mailbox_table_each(c->txn, NULL, list_one, &l);
	listing_end(&l.listing);
	if (e != OK || l.tenant != NULL)
		return e;
	return ctl_walked(c, l.walked, store_meta(c->txn)->mailboxes);
}
