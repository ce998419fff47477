/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox - the commands on mailboxes */
#include "policy/model/mailbox.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/ctl/commands/lock.h"
#include "policy/ctl/commands/lock_list.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_mailboxes.h"
#include "policy/tables/tenant_table.h"

#define CLIENTS_TEXT_MAX (CIDR_LIST_MAX * CIDR_TEXT_MAX)

/* is_expired - whether its setting was for a time that is over */
static bool
is_expired(const struct mailbox *m, instant now)
{
	return m->until != INSTANT_NONE && now >= m->until;
}

static void
json_mailbox(struct ctl *c, const struct login *address, const char *tenant,
    const struct mailbox *m, const struct lock_state *lock)
{
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "address", address->text);
	json_text(&j, "tenant", tenant);
	json_mailbox_members(&j, m, lock);
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

static void __attribute__((noinline)) /* a large frame */
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
	char until[INSTANT_TEXT_MAX + 16];
	struct lock_state lock = {.set = false};
	struct lock_subject subject;
	struct tenant t = {.name = ""};
	enum error e = tenant_table_of(c->txn, address, &t);

	if (e == OK || e == ERR_NOTFOUND)
		e = lock_table_add_login(c->txn, address, &lock);
	if (e != OK)
		return e;
	if (c->options.json) {
		json_mailbox(c, address, t.name, m, &lock);
		return OK;
	}
	property(c->out, "mailbox", address->text);
	property(c->out, "tenant", t.name);
	property(c->out, "smtp-auth", word_of_smtp_auth(m->smtp_auth));
	property(c->out, "until", until_text(m, c->now, until, sizeof until));
	property_clients(c->out, &m->clients);
	property(c->out, "note", m->note);
	lock_subject_login(&subject, address);
	return lock_list_properties(c, &subject);
}

static enum error
apply_clients(struct ctl *c, struct mailbox *m)
{
	const char *typed = argument_option(c, OPT_CLIENTS);

	if (typed == NULL)
		return OK;
	if (strcmp(typed, "none") == 0) {
		m->clients.count = 0;
		return OK;
	}
	if (m->smtp_auth != SMTP_AUTH_ENABLED)
		return error_set(&c->why, ERR_DATA,
		    "--clients goes with smtp-auth enabled only, not %s",
		    word_of_smtp_auth(m->smtp_auth));
	return cidr_list_parse(typed, &m->clients, &c->why);
}

static enum error
apply_until(struct ctl *c, struct mailbox *m)
{
	enum error e;

	if (argument_option(c, OPT_UNTIL) == NULL)
		return OK;
	e = argument_future_time(c, OPT_UNTIL, &m->until);
	if (e == OK && m->until != INSTANT_NONE && m->smtp_auth == SMTP_AUTH_INHERIT)
		return error_set(&c->why, ERR_DATA,
		    "--until goes with smtp-auth enabled or disabled, not inherit");
	return e;
}

/* apply_options - the options of mailbox set */
static enum error
apply_options(struct ctl *c, struct mailbox *m)
{
	const char *v = argument_option(c, OPT_SMTP_AUTH);
	enum smtp_auth smtp_auth = m->smtp_auth;
	enum error e;

	if (v != NULL && !word_to_smtp_auth(v, &smtp_auth))
		return error_set(&c->why, ERR_DATA,
		    "bad value \"%s\" for --smtp-auth: use enabled, disabled or "
		    "inherit",
		    v);
	if (v != NULL)
		mailbox_set_smtp_auth(m, smtp_auth, c->now);
	e = apply_clients(c, m);
	if (e == OK)
		e = apply_until(c, m);
	if (e == OK && argument_option(c, OPT_NOTE) != NULL)
		e = argument_line(c, OPT_NOTE, NOTE_MAX, m->note);
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
	enum error e = argument_mailbox(c, argument_word(c, 0), &address);

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
	enum error e = argument_mailbox(c, argument_word(c, 0), address);

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
	struct lock_state lock = {.set = false};
	struct login address;
	struct mailbox m;
	enum error e = find(c, &address, &m), found = e;

	if (e == ERR_NOTFOUND) { /* a lock is worth showing, too */
		mailbox_init(&m);
		e = lock_table_add_login(c->txn, &address, &lock);
	}
	if (e == OK && found == ERR_NOTFOUND && !lock.set)
		return found;
	return e == OK ? show(c, &address, &m) : e;
}

enum error
ctl_mailbox_remove(struct ctl *c)
{
	struct lock_subject subject;
	struct login address;
	struct mailbox m;
	enum error e = find(c, &address, &m);

	if (e == OK)
		e = mailbox_table_remove(c->txn, &address);
	if (e != OK)
		return e;
	lock_subject_login(&subject, &address);
	e = lock_remark_stays(c, &subject);
	if (e != OK)
		return e;
	mailbox_init(&m);
	if (c->options.json)
		return show(c, &address, &m);
	show_line(c->out, "mailbox %s has no setting of its own now", address.text);
	return OK;
}

/* show_locked - the mailbox or other login that was locked or unlocked */
static enum error
show_locked(struct ctl *c, const struct login *login)
{
	struct mailbox m;
	enum error e = OK;

	mailbox_init(&m);
	if (login->has_domain)
		e = mailbox_table_get_or_empty(c->txn, login, &m);
	return e == OK ? show(c, login, &m) : e;
}

enum error
ctl_mailbox_lock(struct ctl *c)
{
	struct login login;
	enum error e = lock_make_login(c, &login);

	return e == OK ? show_locked(c, &login) : e;
}

enum error
ctl_mailbox_unlock(struct ctl *c)
{
	struct login login;
	enum error e = lock_end_login(c, &login);

	return e == OK ? show_locked(c, &login) : e;
}

struct lister {
	struct ctl *c;
	struct listing listing;
	const char *tenant; /* all mailboxes of the walk are its, or NULL */
	bool by_setting;
	enum smtp_auth wanted;
	instant expiring_before; /* INSTANT_NONE: all */
	uint64_t walked;
	struct ownership owner; /* of the last record */
};

static bool
is_wanted(
    const struct lister *l, const struct mailbox *m, const struct lock_state *lock)
{
	if (l->by_setting && m->smtp_auth != l->wanted)
		return false;
	if (l->expiring_before == INSTANT_NONE)
		return true;
	if (m->until != INSTANT_NONE && m->until <= l->expiring_before)
		return true; /* what has expired already is not forgotten silently */
	return lock_holds(lock, l->c->now) && lock->until != INSTANT_NONE &&
	    lock->until <= l->expiring_before;
}

static void
list_row(struct lister *l, const struct login *address, const char *tenant,
    const struct mailbox *m, const struct lock_state *state)
{
	char until[INSTANT_TEXT_MAX + 16], lock[LOCK_TEXT_MAX],
	    clients[CLIENTS_TEXT_MAX];
	struct text text;

	if (l->c->options.json) {
		json_mailbox(l->c, address, tenant, m, state);
		return;
	}
	text_init(&text, clients, sizeof clients);
	cidr_list_print(&m->clients, &text);
	listing_row(&l->listing,
	    (const char *[]){address->text, tenant, word_of_smtp_auth(m->smtp_auth),
		until_text(m, l->c->now, until, sizeof until), clients,
		lock_text(state, l->c->now, lock), m->note});
}

static enum error
list_one(void *arg, const struct login *address, const struct mailbox *m)
{
	struct lister *l = arg;
	struct lock_state lock = {.set = false};
	enum error e = lock_table_add_login(l->c->txn, address, &lock);

	l->walked++;
	if (e != OK || !is_wanted(l, m, &lock))
		return e;
	e = l->tenant == NULL ? ownership_find(l->c->txn, address, &l->owner) : OK;
	if (e != OK && e != ERR_NOTFOUND)
		return e;
	list_row(l, address, l->tenant != NULL ? l->tenant : l->owner.tenant, m, &lock);
	return OK;
}

/* list_locked - one that has nothing but its lock */
static enum error
list_locked(struct lister *l, const struct login *address)
{
	struct lock_state lock = {.set = false};
	struct mailbox m;
	enum error e = mailbox_table_get(l->c->txn, address, &m);

	if (e != ERR_NOTFOUND)
		return e;
	mailbox_init(&m);
	e = lock_table_add_login(l->c->txn, address, &lock);
	if (e == OK)
		e = ownership_find(l->c->txn, address, &l->owner);
	if (e != OK && e != ERR_NOTFOUND)
		return e;
	if (is_wanted(l, &m, &lock) &&
	    (l->tenant == NULL || strcmp(l->tenant, l->owner.tenant) == 0))
		list_row(l, address, l->owner.tenant, &m, &lock);
	return OK;
}

static enum error
list_made_here(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	(void)lock;
	return subject->kind == LOCK_LOGIN && subject->login.has_domain
	    ? list_locked(arg, &subject->login)
	    : OK;
}

static enum error
list_brought(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	struct lister *l = arg;
	struct lock here;
	enum error e = lock_table_get(l->c->txn, LOCK_MADE_HERE, subject, &here);

	return e == ERR_NOTFOUND ? list_made_here(arg, subject, lock) : e;
}

/* list_all - the mailboxes with a record, and then those with a lock alone */
static enum error
list_all(struct lister *l)
{
	enum error e = l->tenant != NULL
	    ? tenant_mailboxes_each(l->c->txn, l->tenant, list_one, l)
	    : mailbox_table_each(l->c->txn, NULL, list_one, l);

	if (e == OK)
		e = lock_table_each(l->c->txn, LOCK_MADE_HERE, list_made_here, l);
	return e == OK ? lock_table_each(l->c->txn, LOCK_BROUGHT, list_brought, l) : e;
}

/* list_filters - the options of mailbox list */
static enum error
list_filters(struct ctl *c, struct lister *l)
{
	const char *v = argument_option(c, OPT_SMTP_AUTH);
	int64_t seconds;
	enum error e;

	l->by_setting = v != NULL;
	if (v != NULL && !word_to_smtp_auth(v, &l->wanted))
		return error_set(&c->why, ERR_DATA,
		    "bad value \"%s\" for --smtp-auth: use enabled, disabled or "
		    "inherit",
		    v);
	v = argument_option(c, OPT_EXPIRING_WITHIN);
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

	if (e == OK && argument_option(c, OPT_TENANT) != NULL) {
		e = tenant_name_parse(argument_option(c, OPT_TENANT), t.name, &c->why);
		if (e == OK)
			e = tenant_table_get(c->txn, t.name, &t);
		if (e == ERR_NOTFOUND)
			return error_set(&c->why, e, "there is no tenant %s", t.name);
		l.tenant = t.name;
	}
	if (e != OK)
		return e;
	listing_start(&l.listing, c->out, 7, headings);
	e = list_all(&l);
	listing_end(&l.listing);
	if (e != OK || l.tenant != NULL)
		return e;
	return transaction_walked(c, l.walked, store_meta(c->txn)->mailboxes);
}
