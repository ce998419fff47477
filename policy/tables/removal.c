/* SPDX-License-Identifier: BSD-2-Clause */
/* removal - what a domain or tenant takes with it, and what protects it */
#include "policy/tables/removal.h"

#include <string.h>

#include "policy/store/prefix_scan.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"

/* The tables that show a domain in use: mailboxes, and the targets of aliases. */
static const enum table users[] = {TABLE_MAILBOX, INDEX_ALIAS};

#define USERS (sizeof users / sizeof *users)

static enum error
note_use(void *used, const char *domain, const char *tenant)
{
	(void)domain;
	(void)tenant;
	*(bool *)used = true;
	return WALK_STOP;
}

/* domain_is_used - by mailboxes or aliases; "*" by those in domains of no owner */
static enum error
domain_is_used(struct store_txn *txn, const char *domain, bool *used_r)
{
	bool any = strcmp(domain, DOMAIN_ANY) == 0, empty = true;
	struct key range;
	enum error e = OK;

	*used_r = false;
	for (size_t i = 0; i < USERS && e == OK && !*used_r; i++) {
		key_domain_range(&range, users[i], domain);
		e = any ? ownership_each_unowned(txn, users[i], note_use, used_r)
			: prefix_scan_is_empty(txn, &range, &empty);
		*used_r = *used_r || !empty;
	}
	return e;
}

/* empty_domain - remove the mailboxes of DOMAIN and their aliases */
static enum error
empty_domain(void *arg, const char *domain, const char *tenant)
{
	struct store_txn *txn = arg;
	struct key range;
	enum error e = OK;

	(void)tenant;
	if (strcmp(domain, DOMAIN_ANY) == 0) {
		for (size_t i = 0; i < USERS && e == OK; i++)
			e = ownership_each_unowned(txn, users[i], empty_domain, txn);
		return e;
	}
	e = alias_table_remove_into(txn, domain);
	if (e != OK)
		return e;
	key_domain_range(&range, TABLE_MAILBOX, domain);
	return prefix_scan_delete(txn, &range);
}

enum error
removal_denies(struct store_txn *txn, const struct tenant *t, bool *denies_r)
{
	struct lock_state lock = {.set = false};
	enum error e = lock_table_add_tenant(txn, t->name, &lock);

	*denies_r = t->smtp_auth == SMTP_AUTH_DISABLED || lock.set;
	return e;
}

static enum action
action_of(const struct store_txn *txn, const struct tenant *t)
{
	return t->action == ACTION_DEFAULT ? store_settings(txn)->action : t->action;
}

/* denies_less - whether TO lets pass what FROM denies; both are disabled */
static bool
denies_less(const struct store_txn *txn, const struct tenant *from,
    const struct tenant *to, instant now)
{
	return (to->blocks != BLOCKS_ALL && from->blocks == BLOCKS_ALL) ||
	    (action_of(txn, to) == ACTION_REPORT &&
		action_of(txn, from) != ACTION_REPORT) ||
	    (to->enforce_from > now && to->enforce_from > from->enforce_from);
}

enum error
removal_move_opens(struct store_txn *txn, const struct tenant *from,
    const struct tenant *to, instant now, bool *opens_r)
{
	struct lock_state lock = {.set = false};
	bool denied;
	enum error e = removal_denies(txn, from, &denied);

	*opens_r = false;
	if (e == OK && denied)
		e = lock_table_add_tenant(txn, to->name, &lock);
	if (e != OK || !denied || lock_holds(&lock, now))
		return e;
	*opens_r = to->smtp_auth == SMTP_AUTH_ENABLED ||
	    (from->smtp_auth == SMTP_AUTH_DISABLED && denies_less(txn, from, to, now));
	return OK;
}

enum error
removal_surely_denies(struct store_txn *txn, const struct tenant *t, bool *denies_r)
{
	struct lock_state lock = {.set = false};
	enum error e = lock_table_add_tenant(txn, t->name, &lock);

	*denies_r = (lock.set && lock.until == INSTANT_NONE) ||
	    (t->smtp_auth == SMTP_AUTH_DISABLED && t->blocks == BLOCKS_ALL &&
		t->enforce_from == INSTANT_NONE && action_of(txn, t) != ACTION_REPORT);
	return e;
}

/* passes_without - whether the logins of tenant NAME may pass as those of "*" or nobody
 */
static enum error
passes_without(struct store_txn *txn, const char *name, bool *passes_r)
{
	char any[TENANT_NAME_MAX + 1];
	struct tenant other;
	bool found, surely = false;
	enum error e = domain_table_get(txn, DOMAIN_ANY, any);

	*passes_r = store_settings(txn)->unknown_tenant == ACTION_ACCEPT;
	if (e != OK || *passes_r || any[0] == '\0' || strcmp(any, name) == 0)
		return e;
	e = tenant_table_get(txn, any, &other, &found);
	if (e == OK)
		e = found ? removal_surely_denies(txn, &other, &surely) : ERR_DAMAGED;
	*passes_r = !surely;
	return e;
}

enum error
removal_unowned_pass(struct store_txn *txn, bool *passes_r)
{
	return passes_without(txn, "", passes_r);
}

enum error
removal_opens(struct store_txn *txn, const struct tenant *t, bool *opens_r)
{
	bool passes;
	enum error e = passes_without(txn, t->name, &passes);

	*opens_r = false;
	return e == OK && passes ? removal_denies(txn, t, opens_r) : e;
}

/* protection_cause - what would let the logins pass */
static const char *
protection_cause(struct store_txn *txn)
{
	return store_settings(txn)->unknown_tenant == ACTION_ACCEPT
	    ? "and unknown-tenant is accept"
	    : "and the tenant of * may not";
}

/* check_protection - of the domain of tenant NAME */
static enum error
check_protection(
    struct store_txn *txn, const char *domain, const char *name, struct error_text *why)
{
	struct tenant t;
	bool found, protects;
	enum error e = tenant_table_get(txn, name, &t, &found);

	if (e == OK)
		e = found ? removal_opens(txn, &t, &protects) : ERR_DAMAGED;
	if (e == OK && protects)
		return error_set(why, ERR_PROTECTED,
		    "tenant %s denies SMTP AUTH, %s: the logins of %s would pass", name,
		    protection_cause(txn), domain);
	return e;
}

enum error
removal_domain(
    struct store_txn *txn, const char *domain, bool force, struct error_text *why)
{
	char name[TENANT_NAME_MAX + 1];
	bool used;
	enum error e = domain_table_get(txn, domain, name);

	if (e == OK && name[0] == '\0')
		return error_set(
		    why, ERR_NOTFOUND, "domain %s belongs to no tenant", domain);
	if (e == OK)
		e = domain_is_used(txn, domain, &used);
	if (e == OK && used)
		return error_set(why, ERR_CONFLICT,
		    "domain %s is used by mailboxes or aliases", domain);
	if (e == OK && !force)
		e = check_protection(txn, domain, name, why);
	return e == OK ? domain_table_remove(txn, domain) : e;
}

struct use {
	struct store_txn *txn;
	bool found;
};

static enum error
find_use(void *arg, const char *domain, const char *tenant)
{
	struct use *use = arg;
	enum error e = domain_is_used(use->txn, domain, &use->found);

	(void)tenant;
	return e == OK && use->found ? WALK_STOP : e;
}

static enum error
check_tenant(struct store_txn *txn, const struct tenant *t, struct error_text *why)
{
	struct use use = {txn, false};
	bool protects;
	enum error e = domain_table_each(txn, t->name, find_use, &use);

	if (e == OK)
		e = removal_opens(txn, t, &protects);
	if (e == OK && use.found && protects)
		return error_set(why, ERR_PROTECTED,
		    "tenant %s has mailboxes, which are removed, too; and it denies SMTP AUTH, %s: its logins would pass",
		    t->name, protection_cause(txn));
	if (e == OK && use.found)
		return error_set(why, ERR_CONFLICT,
		    "tenant %s has mailboxes, which are removed, too", t->name);
	if (e == OK && protects)
		return error_set(why, ERR_PROTECTED,
		    "tenant %s denies SMTP AUTH, %s: without it its logins would pass",
		    t->name, protection_cause(txn));
	return e;
}

enum error
removal_tenant(
    struct store_txn *txn, const char *name, bool force, struct error_text *why)
{
	char domain[DOMAIN_MAX + 1];
	struct tenant t;
	bool found;
	enum error e = tenant_table_get(txn, name, &t, &found);

	if (e == OK && !found)
		return ERR_NOTFOUND;
	if (e == OK && !force)
		e = check_tenant(txn, &t, why);
	while (e == OK) {
		e = domain_table_first_of(txn, name, domain);
		if (e != OK || domain[0] == '\0')
			break;
		e = empty_domain(txn, domain, name);
		if (e == OK)
			e = domain_table_remove(txn, domain);
		if (e == ERR_NOTFOUND)
			e = ERR_DAMAGED;
	}
	return e == OK ? tenant_table_remove(txn, name) : e;
}
