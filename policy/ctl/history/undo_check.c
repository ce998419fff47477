/* SPDX-License-Identifier: BSD-2-Clause */
/* undo_check - whether entries of the audit log may be undone, and what that would open
 */
#include "policy/ctl/history/undo_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/ctl/commands/locking.h"
#include "policy/ctl/commands/overruled.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/decision/overrule.h"
#include "policy/model/alias_record.h"
#include "policy/model/domain_record.h"
#include "policy/model/settings.h"
#include "policy/tables/ownership.h"
#include "policy/tables/removal.h"
#include "policy/tables/setting_table.h"
#include "policy/tables/tenant_table.h"
#include "policy/tables/verify.h"

/* A domain that came to another tenant by an entry that is not undone. */
struct moved_domain {
	uint64_t number;
	char domain[DOMAIN_MAX + 1], from[TENANT_NAME_MAX + 1];
};

/* moved_note - an entry, if it is one of a domain outside of the range */
static enum error
moved_note(void *arg, const struct audit_entry *e)
{
	struct undo_check *check = arg;
	struct moved_domain *at, moved = {.number = e->number};

	if (e->kind != AUDIT_CHANGE || e->number <= check->last ||
	    *(const uint8_t *)e->object.at != TABLE_DOMAIN ||
	    key_to_name(e->object, 1, DOMAIN_MAX, moved.domain) != OK)
		return OK;
	if (e->before.at != NULL && domain_record_decode(e->before, moved.from) != OK)
		return OK;
	at = array_grow(check->moved, check->moves, &check->room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	check->moved = at;
	at[check->moves++] = moved;
	return OK;
}

/* note_change - the watcher: the audit log has what undo changes, too */
static enum error
note_change(void *arg, struct store_txn *txn, struct bytes key, struct bytes before,
    struct bytes after)
{
	struct undo_check *check = arg;
	enum error e = lock_guard_note(&check->guard, key, before, after);

	if (e != OK || !transaction_writes(check->c))
		return e;
	return audit_table_append_change(txn, &check->c->log, key, before, after);
}

enum error
undo_check_start(struct undo_check *check, struct ctl *c)
{
	enum error e = audit_table_each(c->txn, check->first, moved_note, check);

	check->c = c;
	check->before = *store_settings(c->txn);
	if (e == OK)
		e = lock_guard_start(&check->guard, c->txn, c->now);
	store_watch(c->txn, note_change, check);
	return e;
}

/* tenant_opens - the tenant, or its domain, goes */
static enum error
tenant_opens(struct undo_check *check, const char *name)
{
	struct ctl *c = check->c;
	struct tenant t;
	bool found, opens = false;
	enum error e = tenant_table_get(c->txn, name, &t, &found);

	if (e == OK && found)
		e = removal_opens(c->txn, &t, &opens);
	if (e == OK && opens && check->cause[0] == '\0')
		snprintf(check->cause, sizeof check->cause,
		    "tenant %s denies SMTP AUTH, and without it its logins would pass",
		    name);
	return e == OK ? locking_check_removal(c, name) : e;
}

/* domain_opens - the domain goes back to tenant TO */
static enum error
domain_opens(struct undo_check *check, const char *owner, const char *to)
{
	struct ctl *c = check->c;
	struct tenant from, other;
	bool found, opens = false;
	enum error e = tenant_table_get(c->txn, owner, &from, &found);

	if (e == OK && found)
		e = tenant_table_get(c->txn, to, &other, &found);
	if (e == OK && found)
		e = removal_move_opens(c->txn, &from, &other, c->now, &opens);
	if (e == OK && opens && check->cause[0] == '\0')
		snprintf(check->cause, sizeof check->cause,
		    "tenant %s denies SMTP AUTH, and tenant %s does not%s", owner, to,
		    opening_guard_less(&other));
	return e;
}

/* domain_check - a domain that goes, or goes back to the tenant that it had */
static enum error
domain_check(struct undo_check *check, const struct undo_entry *u)
{
	char owner[TENANT_NAME_MAX + 1], to[TENANT_NAME_MAX + 1];
	enum error e = OK;

	if (u->after.at == NULL)
		return OK;
	e = domain_record_decode(u->after, owner);
	if (e == OK && u->before.at == NULL)
		return tenant_opens(check, owner);
	if (e == OK)
		e = domain_record_decode(u->before, to);
	return e == OK ? domain_opens(check, owner, to) : e;
}

/* lock_ends - whether the lock goes that the entry made, or becomes shorter */
static bool
lock_ends(const struct undo_check *check, const struct undo_entry *u)
{
	struct lock_state was = {.set = false}, is = {.set = false};
	struct lock lock;

	if (u->after.at != NULL && lock_decode(u->after, &lock) == OK)
		lock_state_add(&was, lock.until);
	if (u->before.at != NULL && lock_decode(u->before, &lock) == OK)
		lock_state_add(&is, lock.until);
	return lock_outlasts(&was, &is, check->c->now);
}

enum error
undo_check_before(struct undo_check *check, const struct undo_entry *u)
{
	char name[TENANT_NAME_MAX + 1];
	enum error e;

	switch (u->key.at[0]) {
	case TABLE_SETTING:
		check->opens = check->exempts = true;
		return OK;
	case TABLE_TENANT:
		if (u->before.at != NULL && u->after.at != NULL)
			return OK;
		check->opens = true;
		if (u->after.at == NULL)
			return OK;
		e = key_to_tenant(key_bytes(&u->key), 1, name);
		return e == OK ? tenant_opens(check, name) : e;
	case TABLE_DOMAIN:
		check->opens = true;
		return domain_check(check, u);
	case TABLE_ALIAS:
		check->opens = true;
		return OK;
	case TABLE_LOCK:
	case TABLE_LOCAL_LOCK:
		check->ends_lock |= lock_ends(check, u);
		return OK;
	default:
		return OK; /* a mailbox: its own setting */
	}
}

/* check_moved - that the domain of LOGIN is of the tenant that it was of at entry U */
static enum error
check_moved(const struct undo_check *check, const struct undo_entry *u,
    const struct login *login)
{
	const char *domain = login->has_domain ? login_domain(login) : "";
	char owner[TENANT_NAME_MAX + 1];
	enum error e;

	for (size_t i = 0; i < check->moves; i++) {
		const struct moved_domain *moved = &check->moved[i];

		if (strcmp(moved->domain, domain) != 0)
			continue;
		e = domain_table_get(check->c->txn, domain, owner);
		if (e != OK || strcmp(owner, moved->from) == 0)
			return e;
		return error_set(&check->c->why, ERR_CONFLICT,
		    "entry %" PRIu64
		    ": domain %s has changed hands since, with entry %" PRIu64
		    "; use \"mailbox set\" or \"mailbox alias add\" if that is meant",
		    u->number, domain, moved->number);
	}
	return OK;
}

/* check_alias - an alias that came back: as ownership_add_alias() would have it */
static enum error
check_alias(const struct undo_check *check, const struct undo_entry *u,
    const struct login *login, const struct login *mailbox)
{
	struct ctl *c = check->c;
	enum error e = check_moved(check, u, mailbox);

	if (e == OK)
		e = alias_table_remove(c->txn, login);
	if (e == OK)
		e = ownership_add_alias(c->txn, mailbox, login, &c->why);
	return e;
}

/* check_record - what came back with the entry, unless an earlier one took it again */
static enum error
check_record(struct undo_check *check, const struct undo_entry *u)
{
	struct bytes key = key_bytes(&u->key);
	struct login login, mailbox;
	bool found;
	enum error e;

	if (u->before.at == NULL ||
	    (u->key.at[0] != TABLE_MAILBOX && u->key.at[0] != TABLE_ALIAS))
		return OK;
	e = key_to_login(key, &login);
	if (e == OK && u->key.at[0] == TABLE_ALIAS) {
		e = alias_table_get(check->c->txn, &login, &mailbox, &found);
		return e == OK && found ? check_alias(check, u, &login, &mailbox) : e;
	}
	if (e == OK)
		e = check_moved(check, u, &login);
	if (e == OK)
		e = ownership_check_alias(check->c->txn, &login, &check->c->why);
	return e;
}

static enum error
tell_tenant_overruled(struct ctl *c, const struct key *key, struct bytes now)
{
	struct tenant t;
	enum error e = tenant_decode(now, &t);

	if (e == OK)
		e = key_to_tenant(key_bytes(key), 1, t.name);
	return e == OK ? overruled_remark_tenant(c, &t) : e;
}

static enum error
tell_mailbox_overruled(struct ctl *c, const struct key *key, struct bytes now)
{
	struct mailbox m;
	struct login address;
	enum error e = mailbox_decode(now, &m);

	if (e == OK)
		e = key_to_login(key_bytes(key), &address);
	return e == OK ? overruled_remark_mailbox(c, &address, &m, &m) : e;
}

/* tell_overruled - what holds at present instead of a setting that came back */
static enum error
tell_overruled(struct undo_check *check, const struct undo_entry *u)
{
	uint8_t table = u->key.at[0], buf[RECORD_MAX];
	struct ctl *c = check->c;
	struct bytes now;
	enum error e;

	if (u->before.at == NULL || (table != TABLE_MAILBOX && table != TABLE_TENANT))
		return OK;
	e = store_get(c->txn, &u->key, buf, &now);
	if (e != OK || !undo_entry_is_same(now, u->before))
		return e; /* an earlier entry of the range was undone after it */
	return table == TABLE_TENANT ? tell_tenant_overruled(c, &u->key, now)
				     : tell_mailbox_overruled(c, &u->key, now);
}

/* check_records - each record of the range, now that all are back */
static enum error
check_records(struct undo_check *check)
{
	struct store_txn *txn = check->c->txn;
	enum error e = OK;

	/* What this does is no change: an alias is taken away and comes back. */
	store_watch(txn, NULL, NULL);
	for (uint64_t i = check->first; e == OK && i <= check->last; i++) {
		e = undo_entry_read(&check->entry, txn, i);
		if (e == OK && check->entry.found && check->entry.kind == AUDIT_CHANGE)
			e = check_record(check, &check->entry);
		if (e == OK && check->entry.found && check->entry.kind == AUDIT_CHANGE)
			e = tell_overruled(check, &check->entry);
	}
	return e;
}

/* check_links - that all records fit together */
static enum error
check_links(struct undo_check *check)
{
	struct ctl *c = check->c;
	const char *separators = store_settings(c->txn)->login_separators;
	struct error_text why;
	enum error e = OK;

	if (separators[0] != '\0') /* which looks at the aliases, too */
		e = setting_table_set(
		    c->txn, settings_find("login-separators"), separators, &c->why);
	if (e == OK)
		e = verify_links(c->txn, &why);
	if (e != ERR_DAMAGED)
		return e;
	return error_set(
	    &c->why, ERR_CONFLICT, "this cannot be undone alone: %.600s", why.text);
}

/* check_opening - what would let logins pass */
static enum error
check_opening(struct undo_check *check)
{
	struct ctl *c = check->c;
	const struct settings *s = store_settings(c->txn);
	bool accepts = s->unknown_tenant == ACTION_ACCEPT &&
	    check->before.unknown_tenant != ACTION_ACCEPT;
	struct opening opening = {.exempts = check->exempts};

	if (check->ends_lock && check->first < check->last)
		opening.cause = "a lock would end";
	else if (check->cause[0] != '\0')
		opening.cause = check->cause;
	else if (accepts)
		opening.cause = "the logins of no tenant would pass";
	else
		opening.cause = overrule_laxer(&check->before, s);
	if (opening.cause == NULL &&
	    opening_guard_wide(&check->before, s, check->cause, sizeof check->cause))
		opening.cause = check->cause;
	return check->opens || opening.cause != NULL ? opening_guard_check(c, &opening)
						     : OK;
}

/* check_locks - that no login leaves a lock that was made here */
static enum error
check_locks(struct undo_check *check)
{
	struct ctl *c = check->c;
	struct error_text why;
	enum error e;

	if (check->ends_lock || argument_option(c, OPT_FORCE) != NULL)
		return OK; /* that is meant, or was asked for */
	e = lock_guard_check(&check->guard, &why);
	if (e != OK && argument_option(c, OPT_DRY_RUN) == NULL)
		return error_set(&c->why, e, "%s", why.text);
	if (e != OK)
		print_remark(c->err, "warning: %s", why.text);
	return OK;
}

enum error
undo_check_after(struct undo_check *check)
{
	enum error e = store_reload_settings(check->c->txn);

	if (e == OK)
		e = check_records(check);
	if (e == OK)
		e = check_links(check);
	if (e == OK)
		e = check_locks(check);
	return e == OK ? check_opening(check) : e;
}

void
undo_check_end(struct undo_check *check)
{
	lock_guard_end(&check->guard);
	free(check->moved);
	check->moved = NULL;
}
