/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_guard - whether another policy would take a login out of a lock made here */
#include "policy/transfer/lock_guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/decision/lock_lookup.h"
#include "policy/model/alias_record.h"
#include "policy/tables/ownership.h"

static enum error
lock_guard_add_domain(void *arg, const char *domain, const char *tenant)
{
	struct lock_guard *g = arg;
	struct locked_domain *at =
	    array_grow(g->domain, g->domains, &g->domain_room, sizeof *at);

	if (at == NULL)
		return ERR_MEMORY;
	g->domain = at;
	at += g->domains++;
	memcpy(at->tenant, tenant, strlen(tenant) + 1);
	memcpy(at->domain, domain, strlen(domain) + 1);
	at->lock = g->lock;
	return OK;
}

/* lock_guard_add_lock - if it holds: all domains of its tenant */
static enum error
lock_guard_add_lock(
    void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	struct lock_guard *g = arg;

	g->lock = (struct lock_state){.set = true, .until = lock->until};
	if (!lock_holds(&g->lock, g->now))
		return OK;
	g->locked = true;
	if (subject->kind != LOCK_TENANT)
		return OK;
	if (strcmp(subject->tenant, g->any_owner) == 0)
		g->any = g->lock;
	return domain_table_each(g->txn, subject->tenant, lock_guard_add_domain, g);
}

enum error
lock_guard_start(struct lock_guard *g, struct store_txn *txn, instant now)
{
	enum error e;

	memset(g, 0, sizeof *g);
	g->txn = txn;
	g->now = now;
	e = domain_table_get(txn, DOMAIN_ANY, g->any_owner);
	if (e != OK)
		return e;
	return lock_table_each(txn, LOCK_MADE_HERE, lock_guard_add_lock, g);
}

/* lock_guard_note_domain - a new one, which was of the tenant that has "*" */
static enum error
lock_guard_note_domain(struct lock_guard *g, struct bytes key)
{
	char domain[DOMAIN_MAX + 1];
	enum error e;

	if (!g->any.set)
		return OK;
	e = key_to_name(key, 1, sizeof domain - 1, domain);
	g->lock = g->any;
	return e == OK ? lock_guard_add_domain(g, domain, g->any_owner) : e;
}

/* lock_guard_before - the locks of the tenant and mailbox that the login was of; its
 * own one stays */
static enum error
lock_guard_before(struct lock_guard *g, struct bytes before, struct locked_alias *was)
{
	struct login mailbox;
	enum error e;

	if (before.at == NULL)
		return lock_lookup_own_tenant(g->txn, &was->login, &was->lock);
	e = alias_record_decode(before, &mailbox);
	if (e == OK)
		e = lock_lookup_own_tenant(g->txn, &mailbox, &was->lock);
	return e == OK ? lock_lookup_login(g->txn, &mailbox, g->now, &was->own, NULL)
		       : e;
}

static enum error
lock_guard_note_alias(struct lock_guard *g, struct bytes key, struct bytes before)
{
	struct locked_alias was = {.lock.set = false}, *at;
	enum error e = key_to_login(key, &was.login);

	if (e == OK)
		e = lock_guard_before(g, before, &was);
	if (e != OK || !(lock_holds(&was.lock, g->now) || lock_holds(&was.own, g->now)))
		return e;
	at = array_grow(g->alias, g->aliases, &g->alias_room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	g->alias = at;
	at[g->aliases++] = was;
	return OK;
}

/* lock_guard_value - of a stored record, or the default where there is none */
static enum error
lock_guard_value(
    const struct setting *setting, struct bytes record, char *out, size_t cap)
{
	if (record.at != NULL)
		return settings_decode(record, out, cap);
	snprintf(out, cap, "%s", setting->initial != NULL ? setting->initial : "");
	return OK;
}

static enum error
lock_guard_note_setting(
    struct lock_guard *g, struct bytes key, struct bytes before, struct bytes after)
{
	char name[SETTING_KEY_MAX + 1], was[DOMAIN_MAX + 1], now[DOMAIN_MAX + 1];
	const struct setting *setting;
	enum error e;

	e = key_to_name(key, 1, sizeof name - 1, name);
	setting = e == OK ? settings_find(name) : NULL;
	if (setting == NULL || !setting->identifies)
		return e;
	e = lock_guard_value(setting, before, was, sizeof was);
	if (e == OK)
		e = lock_guard_value(setting, after, now, sizeof now);
	if (e == OK && strcmp(was, now) != 0)
		g->setting = setting;
	return e;
}

enum error
lock_guard_note(
    struct lock_guard *g, struct bytes key, struct bytes before, struct bytes after)
{
	if (!g->locked || key.len == 0)
		return OK;
	switch (*(const uint8_t *)key.at) {
	case TABLE_ALIAS:
		return lock_guard_note_alias(g, key, before);
	case TABLE_DOMAIN:
		return before.at == NULL ? lock_guard_note_domain(g, key) : OK;
	case TABLE_SETTING:
		return lock_guard_note_setting(g, key, before, after);
	default:
		return OK;
	}
}

/* lock_guard_check_domain - its logins must not pass where they did not */
static enum error
lock_guard_check_domain(
    const struct lock_guard *g, const struct locked_domain *was, struct error_text *why)
{
	struct lock_state lock = {.set = false};
	char owner[TENANT_NAME_MAX + 1];
	enum error e = ownership_of_domain(g->txn, was->domain, owner);

	if (e == OK && owner[0] == '\0')
		return error_set(why, ERR_PROTECTED,
		    "tenant %s is locked on this machine, and the logins of %s would be of no tenant; use --force if that is meant",
		    was->tenant, was->domain);
	if (e == OK)
		e = lock_table_add_tenant(g->txn, owner, &lock);
	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	if (!lock_outlasts(&was->lock, &lock, g->now))
		return OK;
	return error_set(why, ERR_PROTECTED,
	    "tenant %s is locked on this machine, and the logins of %s would be of tenant %s, which is not, or not for so long; use --force if that is meant",
	    was->tenant, was->domain, owner);
}

/* lock_guard_check_alias - whether the login is locked as it was */
static enum error
lock_guard_check_alias(
    const struct lock_guard *g, const struct locked_alias *was, struct error_text *why)
{
	struct lock_state lock = {.set = false}, own = {.set = false};
	enum error e = lock_lookup_tenant(g->txn, &was->login, &lock);
	bool leaves_tenant;

	if (e == OK)
		e = lock_lookup_login(g->txn, &was->login, g->now, &own, NULL);
	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	leaves_tenant = lock_outlasts(&was->lock, &lock, g->now);
	if (!leaves_tenant && !lock_outlasts(&was->own, &own, g->now))
		return OK;
	return error_set(why, ERR_PROTECTED,
	    "login %s would leave the lock of its %s; use --force if that is meant",
	    was->login.text, leaves_tenant ? "tenant" : "mailbox");
}

enum error
lock_guard_check(const struct lock_guard *g, struct error_text *why)
{
	enum error e = OK;

	if (g->setting != NULL)
		return error_set(why, ERR_PROTECTED,
		    "a lock that was made on this machine is in force, and %s would change: logins might leave it; use --force if that is meant",
		    g->setting->key);
	for (size_t i = 0; i < g->domains && e == OK; i++)
		e = lock_guard_check_domain(g, &g->domain[i], why);
	for (size_t i = 0; i < g->aliases && e == OK; i++)
		e = lock_guard_check_alias(g, &g->alias[i], why);
	return e;
}

void
lock_guard_end(struct lock_guard *g)
{
	free(g->domain);
	free(g->alias);
	memset(g, 0, sizeof *g);
}
