/* SPDX-License-Identifier: BSD-2-Clause */
/* locked_domains - whether another policy would take a domain out of a lock made here
 */
#include "policy/copies/locked_domains.h"

#include <stdlib.h>
#include <string.h>

static enum error
add_domain(void *arg, const char *domain)
{
	struct locked_domains *d = arg;

	if (d->count == d->room) {
		size_t room = 2 * d->room + 16;
		struct locked_domain *at = realloc(d->at, room * sizeof *at);

		if (at == NULL)
			return ERR_MEMORY;
		d->at = at;
		d->room = room;
	}
	memcpy(d->at[d->count].tenant, d->tenant, sizeof d->tenant);
	memcpy(d->at[d->count++].domain, domain, strlen(domain) + 1);
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
	return domain_table_each_of(d->txn, subject->tenant, add_domain, d);
}

enum error
locked_domains_start(struct locked_domains *d, struct store_txn *txn, instant now)
{
	memset(d, 0, sizeof *d);
	d->txn = txn;
	d->now = now;
	return lock_table_each(txn, LOCK_MADE_HERE, add_tenant, d);
}

/* find_owner - whose the logins of the domain are; ERR_NOTFOUND: nobody's */
static enum error
find_owner(struct store_txn *txn, const char *domain, char *tenant_r)
{
	enum error e = domain_table_get(txn, domain, tenant_r);

	return e == ERR_NOTFOUND ? domain_table_get(txn, DOMAIN_ANY, tenant_r) : e;
}

/* check_one - whether the logins of the domain would pass where they did not */
static enum error
check_one(const struct locked_domains *d, const struct locked_domain *was,
    struct error_text *why)
{
	struct lock_state lock = {.set = false};
	char owner[TENANT_NAME_MAX + 1];
	enum error e = find_owner(d->txn, was->domain, owner);

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
