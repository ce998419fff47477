/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_guard - whether another policy would take a login out of a lock made here */
#include "policy/copies/lock_guard.h"

#include <stdlib.h>
#include <string.h>

#include "policy/alias_table.h"
#include "policy/array.h"
#include "policy/lock_lookup.h"

static enum error
add_domain(void *arg, const char *domain)
{
	struct lock_guard *g = arg;
	struct locked_domain *at =
	    array_grow(g->domain, g->domains, &g->domain_room, sizeof *at);

	if (at == NULL)
		return ERR_MEMORY;
	g->domain = at;
	at += g->domains++;
	memcpy(at->tenant, g->tenant, sizeof g->tenant);
	memcpy(at->domain, domain, strlen(domain) + 1);
	at->lock = g->lock;
	return OK;
}

/* add_lock - all domains of a tenant whose lock holds */
static enum error
add_lock(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	struct lock_guard *g = arg;

	g->lock = (struct lock_state){.set = true, .until = lock->until};
	if (!lock_holds(&g->lock, g->now))
		return OK;
	g->locked = true;
	if (subject->kind != LOCK_TENANT)
		return OK;
	memcpy(g->tenant, subject->tenant, sizeof g->tenant);
	if (strcmp(subject->tenant, g->any_owner) == 0)
		g->any = g->lock;
	return domain_table_each_of(g->txn, subject->tenant, add_domain, g);
}

static void
note_identity(struct locked_identity *i, const struct settings *s)
{
	memset(i, 0, sizeof *i);
	i->login_domain = s->login_domain;
	memcpy(i->default_domain, s->default_domain, strlen(s->default_domain));
	memcpy(i->login_separators, s->login_separators, strlen(s->login_separators));
	memcpy(i->subaddress_delimiter, s->subaddress_delimiter,
	    strlen(s->subaddress_delimiter));
}

enum error
lock_guard_start(struct lock_guard *g, struct store_txn *txn, instant now)
{
	enum error e;

	memset(g, 0, sizeof *g);
	g->txn = txn;
	g->now = now;
	note_identity(&g->identity, store_settings(txn));
	e = domain_table_get(txn, DOMAIN_ANY, g->any_owner);
	if (e != OK && e != ERR_NOTFOUND)
		return e;
	return lock_table_each(txn, LOCK_MADE_HERE, add_lock, g);
}

/* note_domain - a new one was the tenant's that has "*" */
static enum error
note_domain(struct lock_guard *g, struct bytes key)
{
	char domain[DOMAIN_MAX + 1];

	if (!g->any.set)
		return OK;
	if (key.len > sizeof domain)
		return ERR_DAMAGED;
	memcpy(domain, (const char *)key.at + 1, key.len - 1);
	domain[key.len - 1] = '\0';
	memcpy(g->tenant, g->any_owner, sizeof g->tenant);
	g->lock = g->any;
	return add_domain(g, domain);
}

/* lock_before - of the tenant that the alias was of, or the login that becomes one */
static enum error
lock_before(struct lock_guard *g, const struct login *login, struct bytes before,
    struct lock_state *out)
{
	struct login mailbox;
	enum error e = before.at != NULL ? alias_decode(before, &mailbox) : OK;

	if (e != OK)
		return e;
	return lock_lookup_own_tenant(
	    g->txn, before.at != NULL ? &mailbox : login, out);
}

static enum error
note_alias(struct lock_guard *g, struct bytes key, struct bytes before)
{
	struct locked_alias was = {.lock.set = false}, *at;
	enum error e = key_to_login(key, &was.login);

	if (e == OK)
		e = lock_before(g, &was.login, before, &was.lock);
	if (e != OK || !lock_holds(&was.lock, g->now))
		return e;
	at = array_grow(g->alias, g->aliases, &g->alias_room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	g->alias = at;
	at[g->aliases++] = was;
	return OK;
}

enum error
lock_guard_note(struct lock_guard *g, struct bytes key, struct bytes before)
{
	if (!g->locked || key.len == 0)
		return OK;
	if (*(const uint8_t *)key.at == TABLE_ALIAS)
		return note_alias(g, key, before);
	if (*(const uint8_t *)key.at == TABLE_DOMAIN && before.at == NULL)
		return note_domain(g, key);
	return OK;
}

/* check_identity - that each login is whose it was */
static enum error
check_identity(const struct lock_guard *g, struct error_text *why)
{
	struct locked_identity now;
	enum error e = store_reload_settings(g->txn);

	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	note_identity(&now, store_settings(g->txn));
	if (memcmp(&now, &g->identity, sizeof now) == 0)
		return OK;
	return error_set(why, ERR_PROTECTED,
	    "a lock that was made on this machine is in force, and default-domain, "
	    "login-domain, login-separators or subaddress-delimiter would change: "
	    "logins might leave it; use --force if that is meant");
}

/* check_domain - whether the logins of the domain would pass where they did not */
static enum error
check_domain(
    const struct lock_guard *g, const struct locked_domain *was, struct error_text *why)
{
	struct lock_state lock = {.set = false};
	char owner[TENANT_NAME_MAX + 1];
	enum error e = domain_table_owner(g->txn, was->domain, owner);

	if (e == ERR_NOTFOUND)
		return error_set(why, ERR_PROTECTED,
		    "tenant %s is locked on this machine, and the logins of %s would "
		    "be of no tenant; use --force if that is meant",
		    was->tenant, was->domain);
	if (e == OK)
		e = lock_table_add_tenant(g->txn, owner, &lock);
	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	if (!lock_outlasts(&was->lock, &lock, g->now))
		return OK;
	return error_set(why, ERR_PROTECTED,
	    "tenant %s is locked on this machine, and the logins of %s would be of "
	    "tenant %s, which is not, or not for so long; use --force if that is meant",
	    was->tenant, was->domain, owner);
}

/* check_alias - whether the login is locked as it was */
static enum error
check_alias(
    const struct lock_guard *g, const struct locked_alias *was, struct error_text *why)
{
	struct lock_state lock = {.set = false};
	enum error e = lock_lookup_tenant(g->txn, &was->login, &lock);

	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	if (!lock_outlasts(&was->lock, &lock, g->now))
		return OK;
	return error_set(why, ERR_PROTECTED,
	    "login %s would leave the lock of its tenant; use --force if that is meant",
	    was->login.text);
}

enum error
lock_guard_check(const struct lock_guard *g, struct error_text *why)
{
	enum error e = g->locked ? check_identity(g, why) : OK;

	for (size_t i = 0; i < g->domains && e == OK; i++)
		e = check_domain(g, &g->domain[i], why);
	for (size_t i = 0; i < g->aliases && e == OK; i++)
		e = check_alias(g, &g->alias[i], why);
	return e;
}

void
lock_guard_end(struct lock_guard *g)
{
	free(g->domain);
	free(g->alias);
	memset(g, 0, sizeof *g);
}
