/* SPDX-License-Identifier: BSD-2-Clause */
/* locked_domains - whether another policy would take a domain out of a lock made here
 */
#include "policy/copies/locked_domains.h"

#include <stdlib.h>
#include <string.h>

#include "policy/array.h"

static enum error
add_domain(void *arg, const char *domain)
{
	struct locked_domains *d = arg;
	struct locked_domain *at = array_grow(d->at, d->count, &d->room, sizeof *at);

	if (at == NULL)
		return ERR_MEMORY;
	d->at = at;
	memcpy(at[d->count].tenant, d->tenant, sizeof d->tenant);
	memcpy(at[d->count++].domain, domain, strlen(domain) + 1);
	return OK;
}

/* add_tenant - all domains of a tenant whose lock holds */
static enum error
add_tenant(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	const struct lock_state state = {.set = true, .until = lock->until};
	struct locked_domains *d = arg;

	if (subject->kind != LOCK_TENANT || !lock_holds(&state, d->now))
		return OK;
	memcpy(d->tenant, subject->tenant, sizeof d->tenant);
	if (strcmp(subject->tenant, d->owner_of_any) == 0)
		memcpy(d->any, d->tenant, sizeof d->any);
	return domain_table_each_of(d->txn, subject->tenant, add_domain, d);
}

enum error
locked_domains_start(struct locked_domains *d, struct store_txn *txn, instant now)
{
	enum error e;

	memset(d, 0, sizeof *d);
	d->txn = txn;
	d->now = now;
	e = domain_table_get(txn, DOMAIN_ANY, d->owner_of_any);
	if (e != OK && e != ERR_NOTFOUND)
		return e;
	return lock_table_each(txn, LOCK_MADE_HERE, add_tenant, d);
}

enum error
locked_domains_note(struct locked_domains *d, struct bytes key, struct bytes before)
{
	char domain[DOMAIN_MAX + 1];

	if (d->any[0] == '\0' || before.at != NULL ||
	    *(const uint8_t *)key.at != TABLE_DOMAIN || key.len > sizeof domain)
		return OK;
	memcpy(domain, (const char *)key.at + 1, key.len - 1);
	domain[key.len - 1] = '\0';
	memcpy(d->tenant, d->any, sizeof d->tenant);
	return add_domain(d, domain);
}

/* check_one - whether the logins of the domain would pass where they did not */
static enum error
check_one(const struct locked_domains *d, const struct locked_domain *was,
    struct error_text *why)
{
	struct lock_state lock = {.set = false};
	char owner[TENANT_NAME_MAX + 1];
	enum error e = domain_table_owner(d->txn, was->domain, owner);

	if (e == ERR_NOTFOUND &&
	    store_settings(d->txn)->unknown_tenant != ACTION_ACCEPT)
		return OK;
	if (e == ERR_NOTFOUND)
		return error_set(why, ERR_PROTECTED,
		    "tenant %s is locked on this machine, and the logins of %s would "
		    "be of no tenant, and pass; use --force if that is meant",
		    was->tenant, was->domain);
	if (e == OK)
		e = lock_table_add_tenant(d->txn, owner, &lock);
	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	if (lock_holds(&lock, d->now))
		return OK;
	return error_set(why, ERR_PROTECTED,
	    "tenant %s is locked on this machine, and the logins of %s would be of "
	    "tenant %s, which is not; use --force if that is meant",
	    was->tenant, was->domain, owner);
}

enum error
locked_domains_check(const struct locked_domains *d, struct error_text *why)
{
	enum error e = OK;

	for (size_t i = 0; i < d->count && e == OK; i++)
		e = check_one(d, &d->at[i], why);
	return e;
}

void
locked_domains_end(struct locked_domains *d)
{
	free(d->at);
	memset(d, 0, sizeof *d);
}
