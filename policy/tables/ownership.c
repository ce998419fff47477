/* SPDX-License-Identifier: BSD-2-Clause */
/* ownership - whose a domain or a login is, and who may have it */
#include "policy/tables/ownership.h"

#include <string.h>

#include "policy/model/address.h"
#include "policy/tables/tenant_table.h"

enum error
ownership_of_domain(struct store_txn *txn, const char *domain, char *tenant_r)
{
	enum error e = domain_table_get(txn, domain, tenant_r);

	return e == OK && tenant_r[0] == '\0'
	    ? domain_table_get(txn, DOMAIN_ANY, tenant_r)
	    : e;
}

enum error
ownership_of_login(struct store_txn *txn, const struct login *login,
    struct tenant *out_r, bool *found_r)
{
	const char *domain = login->has_domain ? login_domain(login) : DOMAIN_ANY;
	char name[TENANT_NAME_MAX + 1];
	enum error e = ownership_of_domain(txn, domain, name);

	*found_r = false;
	if (e != OK || name[0] == '\0')
		return e;
	e = tenant_table_get(txn, name, out_r, found_r);
	return e == OK && !*found_r ? ERR_DAMAGED : e;
}

enum error
ownership_find(
    struct store_txn *txn, const struct login *address, struct ownership *owner)
{
	const char *domain = login_domain(address);
	enum error e;

	if (strcmp(domain, owner->domain) == 0)
		return OK;
	owner->domain[0] = '\0';
	e = ownership_of_domain(txn, domain, owner->tenant);
	if (e == OK)
		memcpy(owner->domain, domain, strlen(domain) + 1);
	return e;
}

enum error
ownership_of_lock(
    struct store_txn *txn, const struct lock_subject *subject, char *tenant_r)
{
	struct tenant t;
	bool found;
	enum error e;

	if (subject->kind == LOCK_TENANT) {
		memcpy(tenant_r, subject->tenant, sizeof subject->tenant);
		return OK;
	}
	e = ownership_of_login(txn, &subject->login, &t, &found);
	tenant_r[0] = '\0';
	if (e == OK && found)
		memcpy(tenant_r, t.name, sizeof t.name);
	return e;
}

enum error
ownership_check(struct store_txn *txn, const char *typed, const struct login *address,
    struct error_text *why)
{
	struct tenant t;
	bool found;
	enum error e = ownership_of_login(txn, address, &t, &found);

	if (e == OK && !found)
		return error_set(why, ERR_DATA,
		    "no tenant owns the domain of \"%s\"; see \"smtpauthctl domain add\"",
		    typed);
	return e;
}

enum error
ownership_check_alias(
    struct store_txn *txn, const struct login *address, struct error_text *why)
{
	struct login mailbox;
	bool found;
	enum error e = alias_table_get(txn, address, &mailbox, &found);

	if (e == OK && found)
		return error_set(why, ERR_CONFLICT, "%s is a login alias of mailbox %s",
		    address->text, mailbox.text);
	return e;
}

enum error
ownership_mailbox(struct store_txn *txn, const char *typed, struct login *out_r,
    struct error_text *why)
{
	enum error e = address_normalize(store_settings(txn), typed, out_r, why);

	if (e == OK)
		e = ownership_check(txn, typed, out_r, why);
	return e == OK ? ownership_check_alias(txn, out_r, why) : e;
}

/* named_owner - the tenant that owns a login's domain by name; "" for none */
static enum error
named_owner(struct store_txn *txn, const struct login *login, char *tenant_r)
{
	tenant_r[0] = '\0';
	return login->has_domain ? domain_table_get(txn, login_domain(login), tenant_r)
				 : OK;
}

/* A domain, and the tenant that is to own it. */
struct gift {
	struct store_txn *txn;
	const char *domain, *tenant;
	struct error_text *why;
};

static enum error
gift_refused(const struct gift *g, const struct login *alias)
{
	return error_set(g->why, ERR_CONFLICT,
	    "the login alias %s would then cross tenants; remove it first",
	    alias->text);
}

/* gift_check_within - an alias in the domain: its mailbox must be the new owner's */
static enum error
gift_check_within(void *arg, const struct login *alias, const struct login *mailbox)
{
	const struct gift *g = arg;
	char name[TENANT_NAME_MAX + 1];
	enum error e = named_owner(g->txn, mailbox, name);

	if (e != OK || strcmp(name, g->tenant) == 0 ||
	    strcmp(login_domain(mailbox), g->domain) == 0)
		return e;
	return gift_refused(g, alias);
}

/* gift_check_into - an alias of a mailbox in the domain: no other tenant may own it */
static enum error
gift_check_into(void *arg, const struct login *alias, const struct login *mailbox)
{
	const struct gift *g = arg;
	char name[TENANT_NAME_MAX + 1];
	enum error e = named_owner(g->txn, alias, name);

	(void)mailbox;
	if (e != OK || name[0] == '\0' || strcmp(name, g->tenant) == 0 ||
	    strcmp(login_domain(alias), g->domain) == 0)
		return e;
	return gift_refused(g, alias);
}

enum error
ownership_add_domain(struct store_txn *txn, const char *domain, const char *tenant,
    bool move, struct error_text *why)
{
	struct gift gift = {txn, domain, tenant, why};
	char have[TENANT_NAME_MAX + 1];
	enum error e = domain_table_get(txn, domain, have);

	if (e != OK)
		return e;
	/* put also what is there already: store_content() has to have it */
	if (strcmp(have, tenant) == 0)
		return domain_table_put(txn, domain, tenant);
	if (have[0] != '\0' && !move)
		return error_set(
		    why, ERR_CONFLICT, "domain %s belongs to tenant %s", domain, have);
	if (have[0] == '\0' && move)
		return error_set(
		    why, ERR_NOTFOUND, "domain %s belongs to no tenant", domain);
	if (store_meta(txn)->aliases > 0) {
		e = alias_table_each_within(txn, domain, gift_check_within, &gift);
		if (e == OK)
			e = alias_table_each_into(txn, domain, gift_check_into, &gift);
	}
	return e == OK ? domain_table_put(txn, domain, tenant) : e;
}

/* alias_check_names - neither end of the new alias may stand for something else */
static enum error
alias_check_names(struct store_txn *txn, const struct login *mailbox,
    const struct login *login, struct error_text *why)
{
	struct mailbox m;
	struct login other;
	bool found;
	enum error e;

	if (login_equal(mailbox, login))
		return error_set(
		    why, ERR_CONFLICT, "login %s is the mailbox itself", login->text);
	e = alias_table_get(txn, mailbox, &other, &found);
	if (e == OK && found)
		return error_set(why, ERR_CONFLICT,
		    "%s is itself an alias of mailbox %s", mailbox->text, other.text);
	if (e != OK || !login->has_domain)
		return e;
	e = mailbox_table_get(txn, login, &m, &found);
	if (e == OK && found)
		return error_set(why, ERR_CONFLICT,
		    "%s is a mailbox with its own setting; remove that first",
		    login->text);
	return e;
}

static enum error
alias_note(void *found, const struct login *login, const struct login *mailbox)
{
	(void)login;
	(void)mailbox;
	*(bool *)found = true;
	return WALK_STOP;
}

/* alias_check_own - LOGIN must not have aliases of its own: they would lead astray */
static enum error
alias_check_own(
    struct store_txn *txn, const struct login *login, struct error_text *why)
{
	bool found = false;
	enum error e;

	if (!login->has_domain)
		return OK;
	e = alias_table_each(txn, login, alias_note, &found);
	if (e == OK && found)
		return error_set(
		    why, ERR_CONFLICT, "%s has aliases of its own", login->text);
	return e;
}

/*
 * alias_check_tenants - an alias in a domain that a tenant owns must lead to a mailbox
 * of that tenant; in a domain that nobody owns by name it may lead anywhere
 */
static enum error
alias_check_tenants(struct store_txn *txn, const struct login *mailbox,
    const struct login *login, struct error_text *why)
{
	char of_login[TENANT_NAME_MAX + 1], of_mailbox[TENANT_NAME_MAX + 1] = "";
	enum error e = named_owner(txn, login, of_login);

	if (e == OK)
		e = named_owner(txn, mailbox, of_mailbox);
	if (e != OK || of_login[0] == '\0' || strcmp(of_login, of_mailbox) == 0)
		return e;
	return error_set(why, ERR_CONFLICT,
	    "login %s is in a domain of tenant %s, mailbox %s is not", login->text,
	    of_login, mailbox->text);
}

enum error
ownership_add_alias(struct store_txn *txn, const struct login *mailbox,
    const struct login *login, struct error_text *why)
{
	struct login other;
	bool found;
	enum error e = alias_table_get(txn, login, &other, &found);

	if (e != OK)
		return e;
	if (found && !login_equal(&other, mailbox))
		return error_set(why, ERR_EXISTS,
		    "login %s is an alias of mailbox %s already", login->text,
		    other.text);
	if (!found) {
		e = alias_check_names(txn, mailbox, login, why);
		if (e == OK)
			e = alias_check_own(txn, login, why);
		if (e == OK)
			e = alias_check_tenants(txn, mailbox, login, why);
		if (e != OK)
			return e;
	}
	e = alias_table_put(txn, mailbox, login);
	if (e == ERR_CONFLICT)
		return error_set(why, e,
		    "the database cannot tell login %s from another alias of mailbox %s",
		    login->text, mailbox->text);
	return e;
}

/* domain_at - of the first record at or after AT in the range ALL; "" for none */
static enum error
domain_at(struct db_cursor *cursor, const struct key *at, const struct key *all,
    char *domain_r)
{
	enum error e = db_cursor_seek(cursor, at);

	domain_r[0] = '\0';
	return e == OK && key_has_prefix(db_cursor_key(cursor), all)
	    ? key_to_domain(db_cursor_key(cursor), domain_r)
	    : e;
}

enum error
ownership_each_unowned(
    struct store_txn *txn, enum table table, domain_table_visitor *fn, void *arg)
{
	char domain[DOMAIN_MAX + 1], tenant[TENANT_NAME_MAX + 1];
	struct db_cursor *cursor;
	struct key all, at;
	enum error e = db_cursor_open(store_db(txn), &cursor);

	key_table(&all, table);
	at = all;
	while (e == OK) {
		e = domain_at(cursor, &at, &all, domain);
		if (e != OK || domain[0] == '\0')
			break;
		key_domain_range(&at, table, domain);
		at.at[at.len - 1] = 1; /* after the NUL: after all of the domain */
		e = domain_table_get(txn, domain, tenant);
		if (e == OK && tenant[0] == '\0')
			e = fn(arg, domain, tenant);
	}
	db_cursor_close(&cursor);
	return e == WALK_STOP ? OK : e;
}

/* A walk over what is in a tenant's domains; one of MAILBOX and ALIAS is not NULL. */
struct tenant_walk {
	struct store_txn *txn;
	mailbox_table_visitor *mailbox;
	alias_table_visitor *alias;
	void *arg;
	bool stopped; /* by its visitor: the walks within a walk end with OK */
};

static enum error
tenant_walk_mailbox(void *arg, const struct login *address, const struct mailbox *m)
{
	struct tenant_walk *w = arg;
	enum error e = w->mailbox(w->arg, address, m);

	w->stopped = e == WALK_STOP;
	return e;
}

static enum error
tenant_walk_alias(void *arg, const struct login *login, const struct login *mailbox)
{
	struct tenant_walk *w = arg;
	enum error e = w->alias(w->arg, login, mailbox);

	w->stopped = e == WALK_STOP;
	return e;
}

static enum error
tenant_walk_domain(void *arg, const char *domain, const char *tenant)
{
	struct tenant_walk *w = arg;
	enum error e;

	(void)tenant;
	if (strcmp(domain, DOMAIN_ANY) == 0)
		e = ownership_each_unowned(w->txn,
		    w->alias != NULL ? INDEX_ALIAS : TABLE_MAILBOX, tenant_walk_domain,
		    w);
	else if (w->alias != NULL)
		e = alias_table_each_into(w->txn, domain, tenant_walk_alias, w);
	else
		e = mailbox_table_each(w->txn, domain, tenant_walk_mailbox, w);
	return e == OK && w->stopped ? WALK_STOP : e;
}

enum error
ownership_each_mailbox(
    struct store_txn *txn, const char *tenant, mailbox_table_visitor *fn, void *arg)
{
	struct tenant_walk w = {.txn = txn, .mailbox = fn, .arg = arg};

	return domain_table_each(txn, tenant, tenant_walk_domain, &w);
}

enum error
ownership_each_alias(
    struct store_txn *txn, const char *tenant, alias_table_visitor *fn, void *arg)
{
	struct tenant_walk w = {.txn = txn, .alias = fn, .arg = arg};

	return domain_table_each(txn, tenant, tenant_walk_domain, &w);
}
