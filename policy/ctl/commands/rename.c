/* SPDX-License-Identifier: BSD-2-Clause */
/* rename - mailbox rename and tenant rename */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/ctl/commands/locking.h"
#include "policy/ctl/commands/mailbox.h"
#include "policy/ctl/commands/overruled.h"
#include "policy/ctl/commands/tenant.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/decision/lock_lookup.h"
#include "policy/model/address.h"
#include "policy/tables/notice_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/removal.h"
#include "policy/tables/tenant_table.h"

/* A mailbox that gets another address. */
struct mailbox_rename {
	struct ctl *c;
	struct login from, to;
	struct mailbox mailbox;
	bool has_record;     /* FROM has a setting or note */
	bool to_is_alias;    /* TO is one of FROM's aliases */
	struct login *alias; /* of FROM, but TO */
	size_t aliases, room;
};

static enum error
alias_note(void *arg, const struct login *login, const struct login *mailbox)
{
	struct mailbox_rename *r = arg;
	struct login *at;

	(void)mailbox;
	if (login_equal(login, &r->to))
		return OK;
	at = array_grow(r->alias, r->aliases, &r->room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	r->alias = at;
	at[r->aliases++] = *login;
	return OK;
}

static enum error
alias_found(void *arg, const struct login *login, const struct login *mailbox)
{
	(void)login;
	(void)mailbox;
	*(bool *)arg = true;
	return WALK_STOP;
}

/* check_free - that nothing has the new address, apart from an alias of the mailbox */
static enum error
check_free(struct mailbox_rename *r)
{
	struct ctl *c = r->c;
	struct login other;
	struct mailbox m;
	bool found, has_aliases = false;
	enum error e = alias_table_get(c->txn, &r->to, &other, &r->to_is_alias);

	if (e == OK && r->to_is_alias && !login_equal(&other, &r->from))
		return error_set(&c->why, ERR_EXISTS,
		    "%s is a login alias of mailbox %s; see \"smtpauthctl mailbox alias remove\"",
		    r->to.text, other.text);
	if (e == OK)
		e = mailbox_table_get(c->txn, &r->to, &m, &found);
	if (e == OK && found)
		return error_set(&c->why, ERR_EXISTS,
		    "mailbox %s has a setting of its own already; see \"smtpauthctl mailbox remove\"",
		    r->to.text);
	if (e == OK)
		e = alias_table_each(c->txn, &r->to, alias_found, &has_aliases);
	if (e == OK && has_aliases)
		return error_set(&c->why, ERR_EXISTS,
		    "mailbox %s has aliases already; see \"smtpauthctl mailbox alias list %s\"",
		    r->to.text, r->to.text);
	return e;
}

/* check_tenants - that both addresses are of one tenant */
static enum error
check_tenants(struct mailbox_rename *r)
{
	char from[TENANT_NAME_MAX + 1], to[TENANT_NAME_MAX + 1] = "";
	struct ctl *c = r->c;
	enum error e = ownership_of_domain(c->txn, login_domain(&r->from), from);

	if (e == OK)
		e = ownership_of_domain(c->txn, login_domain(&r->to), to);
	if (e != OK || strcmp(from, to) == 0)
		return e;
	return error_set(&c->why, ERR_CONFLICT,
	    "%s is of tenant %s, and %s of tenant %s: a setting stays with its tenant",
	    r->from.text, from, r->to.text, to);
}

/* rename_find - what is to be renamed, and whether it can be */
static enum error
rename_find(struct mailbox_rename *r)
{
	const char *from = argument_word(r->c, 0), *to = argument_word(r->c, 1);
	struct ctl *c = r->c;
	enum error e = ownership_mailbox(c->txn, from, &r->from, &c->why);

	if (e == OK)
		e = address_normalize(store_settings(c->txn), to, &r->to, &c->why);
	if (e == OK)
		e = ownership_check(c->txn, to, &r->to, &c->why);
	if (e == OK && login_equal(&r->from, &r->to))
		return error_set(&c->why, ERR_DATA,
		    "both addresses are %s, in normal form", r->to.text);
	if (e == OK)
		e = check_tenants(r);
	if (e == OK)
		e = check_free(r);
	if (e == OK)
		e = mailbox_table_get(c->txn, &r->from, &r->mailbox, &r->has_record);
	if (e == OK)
		e = alias_table_each(c->txn, &r->from, alias_note, r);
	if (e == OK && !r->has_record && r->aliases == 0 && !r->to_is_alias)
		return error_set(&c->why, ERR_NOTFOUND,
		    "mailbox %s has neither a setting of its own nor an alias",
		    r->from.text);
	return e;
}

/* rename_write - aliases go first and come last: each leads to a mailbox at all times
 */
static enum error
rename_write(struct mailbox_rename *r)
{
	struct ctl *c = r->c;
	enum error e = r->to_is_alias ? alias_table_remove(c->txn, &r->to) : OK;

	for (size_t i = 0; i < r->aliases && e == OK; i++)
		e = alias_table_remove(c->txn, &r->alias[i]);
	if (e == OK && r->has_record)
		e = mailbox_table_remove(c->txn, &r->from);
	if (e == OK && r->has_record)
		e = mailbox_table_put(c->txn, &r->to, &r->mailbox);
	for (size_t i = 0; i < r->aliases && e == OK; i++)
		e = ownership_add_alias(c->txn, &r->to, &r->alias[i], &c->why);
	return e;
}

/* lock_of - the lock of OLD that ends last, or one that stands for it under other names
 */
static enum error
lock_of(struct mailbox_rename *r, const struct lock_state *was, struct lock *out)
{
	struct lock_subject subject;
	struct ctl *c = r->c;
	bool found = false;

	lock_table_subject_login(&subject, &r->from);
	for (int i = 0; i < LOCK_ORIGINS; i++) {
		enum error e =
		    lock_table_get(c->txn, (enum lock_origin)i, &subject, out, &found);

		if (e != OK || (found && out->until == was->until))
			return e;
	}
	lock_init(out);
	out->until = was->until;
	out->when = c->now;
	return OK;
}

/*
 * keep_locked - a lock is of a login, and stays; but the mailbox does not slip out of
 * it by another name
 */
static enum error
keep_locked(struct mailbox_rename *r, const struct lock_state *was)
{
	struct lock_state is = {.set = false};
	struct lock_subject from, to;
	struct lock lock;
	struct ctl *c = r->c;
	enum error e = lock_lookup_login(c->txn, &r->to, c->now, &is, NULL);

	lock_table_subject_login(&from, &r->from);
	lock_table_subject_login(&to, &r->to);
	if (e == OK && lock_outlasts(was, &is, c->now)) {
		e = lock_of(r, was, &lock);
		if (e == OK)
			e = lock_table_put(c->txn, LOCK_MADE_HERE, &to, &lock);
		print_remark(c->err,
		    "mailbox %s is locked now, as %s is; \"smtpauthctl unlock %s\" ends that",
		    r->to.text, r->from.text, r->to.text);
	}
	return e == OK ? locking_remark_stays(c, &from) : e;
}

/* tell_opened - a login that its own setting blocked has none under the old name */
static enum error
tell_opened(const struct mailbox_rename *r)
{
	struct ctl *c = r->c;
	struct tenant t;
	bool found, denied = false;
	enum error e = ownership_of_login(c->txn, &r->from, &t, &found);

	if (e == OK && found && t.enforce_from <= c->now)
		t.enforce_from = INSTANT_NONE;
	if (e == OK && found)
		e = removal_surely_denies(c->txn, &t, &denied);
	if (e == OK && found && !denied && r->mailbox.smtp_auth == SMTP_AUTH_DISABLED &&
	    mailbox_overrides(&r->mailbox, c->now))
		print_remark(c->err,
		    "warning: login %s was blocked by this setting, and %s now as its tenant says; \"smtpauthctl lock %s\" blocks it",
		    r->from.text,
		    t.smtp_auth == SMTP_AUTH_ENABLED ? "passes" : "may pass",
		    r->from.text);
	return e;
}

static enum error
mailbox_rename(struct mailbox_rename *r)
{
	struct lock_state was = {.set = false};
	struct ctl *c = r->c;
	enum error e = rename_find(r);

	if (e == OK)
		e = lock_lookup_login(c->txn, &r->from, c->now, &was, NULL);
	if (e == OK)
		e = rename_write(r);
	if (e == OK)
		e = keep_locked(r, &was);
	if (e == OK)
		e = tell_opened(r);
	if (e == OK)
		e = overruled_remark_mailbox(c, &r->to, &r->mailbox, &r->mailbox);
	if (e == OK)
		e = mailbox_show(c, &r->to, &r->mailbox);
	if (e != OK)
		return e;
	if (r->aliases > 0)
		print_line(&c->print, "%zu alias%s followed", r->aliases,
		    r->aliases == 1 ? "" : "es");
	print_line(&c->print,
	    "login %s is as its tenant says now; to keep it: smtpauthctl mailbox alias add %s %s",
	    r->from.text, r->to.text, r->from.text);
	return OK;
}

enum error
ctl_mailbox_rename(struct ctl *c)
{
	struct mailbox_rename *r = calloc(1, sizeof *r);
	enum error e = ERR_MEMORY;

	if (r != NULL) {
		r->c = c;
		e = mailbox_rename(r);
		free(r->alias);
	}
	free(r);
	return e;
}

/* A tenant that gets another name. */
struct tenant_rename {
	struct ctl *c;
	struct tenant tenant;
	char from[TENANT_NAME_MAX + 1];
};

/* rename_domains - the first one until there is none: each leaves the index of FROM */
static enum error
rename_domains(const struct tenant_rename *r)
{
	struct store_txn *txn = r->c->txn;
	char domain[DOMAIN_MAX + 1];
	enum error e = OK;

	while (e == OK) {
		e = domain_table_first_of(txn, r->from, domain);
		if (e != OK || domain[0] == '\0')
			break;
		e = domain_table_put(txn, domain, r->tenant.name);
	}
	return e;
}

/* rename_notice - what its contact was told last */
static enum error
rename_notice(const struct tenant_rename *r)
{
	struct store_txn *txn = r->c->txn;
	struct notice n;
	bool found;
	enum error e = notice_table_get(txn, r->from, &n, &found);

	return e == OK && found ? notice_table_put(txn, r->tenant.name, &n) : e;
}

/* rename_lock - a lock that waits under the new name stays if it holds longer */
static enum error
rename_lock(const struct tenant_rename *r, enum lock_origin origin)
{
	struct lock_state is = {.set = false}, waits = {.set = false};
	struct lock_subject from, to;
	struct lock lock, other = {.until = INSTANT_NONE};
	struct ctl *c = r->c;
	bool found, has;
	enum error e;

	lock_table_subject_tenant(&from, r->from);
	lock_table_subject_tenant(&to, r->tenant.name);
	e = lock_table_get(c->txn, origin, &from, &lock, &found);
	if (e == OK)
		e = lock_table_get(c->txn, origin, &to, &other, &has);
	if (e == OK && has) {
		lock_state_add(&waits, other.until);
		print_remark(c->err,
		    "warning: tenant %s has the lock that a former tenant of that name left; see \"smtpauthctl locks\"",
		    r->tenant.name);
	}
	if (e != OK || !found)
		return e;
	lock_state_add(&is, lock.until);
	if (!has || lock_outlasts(&is, &waits, c->now))
		e = lock_table_put(c->txn, origin, &to, &lock);
	return e == OK ? lock_table_remove(c->txn, origin, &from) : e;
}

/* rename_tenant - the record before the domains, which name it, and the old one last */
static enum error
rename_tenant(const struct tenant_rename *r)
{
	struct store_txn *txn = r->c->txn;
	enum error e = tenant_table_put(txn, &r->tenant);

	if (e == OK)
		e = rename_domains(r);
	if (e == OK)
		e = rename_notice(r);
	for (int i = 0; i < LOCK_ORIGINS && e == OK; i++)
		e = rename_lock(r, (enum lock_origin)i);
	return e == OK ? tenant_table_remove(txn, r->from) : e;
}

enum error
ctl_tenant_rename(struct ctl *c)
{
	struct tenant_rename r = {.c = c};
	struct tenant other;
	bool found;
	enum error e = argument_tenant(c, argument_word(c, 0), &r.tenant);

	if (e != OK)
		return e;
	memcpy(r.from, r.tenant.name, sizeof r.from);
	e = tenant_name_parse(argument_word(c, 1), r.tenant.name, &c->why);
	if (e == OK)
		e = tenant_table_get(c->txn, r.tenant.name, &other, &found);
	if (e == OK && strcmp(r.from, r.tenant.name) == 0)
		return error_set(&c->why, ERR_DATA, "both names are %s", r.from);
	if (e == OK && found)
		return error_set(
		    &c->why, ERR_EXISTS, "tenant %s exists already", r.tenant.name);
	if (e == OK)
		e = rename_tenant(&r);
	return e == OK ? tenant_show(c, &r.tenant) : e;
}
