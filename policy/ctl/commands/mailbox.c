/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox - the commands on mailboxes */
#include "policy/model/mailbox.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/ctl/commands/locking.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"

/* mailbox_print - its tenant may be "" */
static void
mailbox_print(struct ctl *c, const struct login *address, const char *tenant,
    const struct mailbox *m, const struct lock_state *lock)
{
	struct printer *p = &c->print;

	print_object_start(p, NULL);
	print_text(p, "address", address->text);
	print_text(p, "tenant", tenant);
	object_text_mailbox(p, m, lock, c->now);
	object_text_expired(p, "until", m->until, c->now);
	print_bool(p, "expired", m->until != INSTANT_NONE && c->now >= m->until);
	print_object_end(p);
}

/* mailbox_show - all of a mailbox */
static enum error
mailbox_show(struct ctl *c, const struct login *address, const struct mailbox *m)
{
	static const struct print_column columns[] = {{"address", "mailbox"},
	    {"tenant", "tenant"}, {"smtp_auth", "smtp-auth"}, {"until", "until"},
	    {"clients", "clients"}, {"note", "note"}, {NULL, NULL}};
	struct lock_state lock = {.set = false};
	struct lock_subject subject;
	struct tenant t = {.name = ""};
	bool found;
	enum error e = ownership_of_login(c->txn, address, &t, &found);

	if (e == OK)
		e = lock_table_add_login(c->txn, address, &lock);
	if (e != OK)
		return e;
	print_properties(&c->print, columns);
	mailbox_print(c, address, t.name, m, &lock);
	lock_subject_login(&subject, address);
	return locking_properties(c, &subject);
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

enum error
ctl_mailbox_set(struct ctl *c)
{
	struct login address;
	struct mailbox m;
	enum error e = argument_mailbox(c, argument_word(c, 0), &address);

	if (e == OK)
		e = mailbox_table_get(c->txn, &address, &m, NULL);
	if (e == OK)
		e = apply_options(c, &m);
	if (e == OK)
		e = mailbox_table_put(c->txn, &address, &m);
	return e == OK ? mailbox_show(c, &address, &m) : e;
}

/* find - the record named on the command line */
static enum error
find(struct ctl *c, struct login *address, struct mailbox *m, bool *found_r)
{
	enum error e = argument_mailbox(c, argument_word(c, 0), address);

	return e == OK ? mailbox_table_get(c->txn, address, m, found_r) : e;
}

static enum error
has_none(struct ctl *c, const struct login *address)
{
	return error_set(&c->why, ERR_NOTFOUND, "mailbox %s has no setting of its own",
	    address->text);
}

enum error
ctl_mailbox_show(struct ctl *c)
{
	struct lock_state lock = {.set = false};
	struct login address;
	struct mailbox m;
	bool found;
	enum error e = find(c, &address, &m, &found);

	if (e == OK && !found) /* a lock is worth showing, too */
		e = lock_table_add_login(c->txn, &address, &lock);
	if (e == OK && !found && !lock.set)
		return has_none(c, &address);
	return e == OK ? mailbox_show(c, &address, &m) : e;
}

enum error
ctl_mailbox_remove(struct ctl *c)
{
	struct lock_subject subject;
	struct login address;
	struct mailbox m;
	bool found;
	enum error e = find(c, &address, &m, &found);

	if (e == OK && !found)
		return has_none(c, &address);
	if (e == OK)
		e = mailbox_table_remove(c->txn, &address);
	if (e != OK)
		return e;
	lock_subject_login(&subject, &address);
	e = locking_remark_stays(c, &subject);
	if (e != OK)
		return e;
	mailbox_init(&m);
	if (c->options.json)
		return mailbox_show(c, &address, &m);
	print_line(&c->print, "mailbox %s has no setting of its own now", address.text);
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
		e = mailbox_table_get(c->txn, login, &m, NULL);
	return e == OK ? mailbox_show(c, login, &m) : e;
}

enum error
ctl_mailbox_lock(struct ctl *c)
{
	struct login login;
	enum error e = locking_make_login(c, &login);

	return e == OK ? show_locked(c, &login) : e;
}

enum error
ctl_mailbox_unlock(struct ctl *c)
{
	struct login login;
	enum error e = locking_end_login(c, &login);

	return e == OK ? show_locked(c, &login) : e;
}

struct lister {
	struct ctl *c;
	char tenant[TENANT_NAME_MAX + 1]; /* all mailboxes of the walk are its, or "" */
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

static enum error
list_one(void *arg, const struct login *address, const struct mailbox *m)
{
	struct lister *l = arg;
	struct lock_state lock = {.set = false};
	enum error e = lock_table_add_login(l->c->txn, address, &lock);

	l->walked++;
	if (e != OK || !is_wanted(l, m, &lock))
		return e;
	if (l->tenant[0] == '\0')
		e = ownership_find(l->c->txn, address, &l->owner);
	if (e != OK)
		return e;
	mailbox_print(l->c, address, l->tenant[0] != '\0' ? l->tenant : l->owner.tenant,
	    m, &lock);
	return OK;
}

/* list_locked - one that has nothing but its lock */
static enum error
list_locked(struct lister *l, const struct login *address)
{
	struct lock_state lock = {.set = false};
	struct mailbox m;
	bool found;
	enum error e = mailbox_table_get(l->c->txn, address, &m, &found);

	if (e != OK || found)
		return e;
	e = lock_table_add_login(l->c->txn, address, &lock);
	if (e == OK)
		e = ownership_find(l->c->txn, address, &l->owner);
	if (e != OK)
		return e;
	if (is_wanted(l, &m, &lock) &&
	    (l->tenant[0] == '\0' || strcmp(l->tenant, l->owner.tenant) == 0))
		mailbox_print(l->c, address, l->owner.tenant, &m, &lock);
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
	bool found;
	enum error e =
	    lock_table_get(l->c->txn, LOCK_MADE_HERE, subject, &here, &found);

	return e == OK && !found ? list_made_here(arg, subject, lock) : e;
}

/* list_all - the mailboxes with a record, and then those with a lock alone */
static enum error
list_all(struct lister *l)
{
	enum error e = l->tenant[0] != '\0'
	    ? ownership_each_mailbox(l->c->txn, l->tenant, list_one, l)
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
	static const struct print_column columns[] = {{"address", "MAILBOX"},
	    {"tenant", "TENANT"}, {"smtp_auth", "SMTP-AUTH"}, {"until", "UNTIL"},
	    {"clients", "CLIENTS"}, {"lock", "LOCK"}, {"note", "NOTE"}, {NULL, NULL}};
	struct lister l = {.c = c, .expiring_before = INSTANT_NONE};
	enum error e = list_filters(c, &l);

	if (e == OK)
		e = argument_tenant_option(c, l.tenant);
	if (e != OK)
		return e;
	print_table(&c->print, columns, "");
	e = list_all(&l);
	if (e != OK || l.tenant[0] != '\0')
		return e;
	return transaction_walked(c, l.walked, store_meta(c->txn)->mailboxes);
}
