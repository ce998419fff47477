/* SPDX-License-Identifier: BSD-2-Clause */
/* import - puts the rows of a file into the policy */
#include "policy/import/import.h"

#include <stdlib.h>
#include <string.h>

#include "policy/identity/domain.h"
#include "policy/import/key_set.h"
#include "policy/model/address.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/setting_table.h"
#include "policy/tables/tenant_table.h"

struct import {
	struct store_txn *txn;
	const char *only;
	instant now;
	struct key_set met;
	/*
	 * No mailbox had a record before: then one that has is in an earlier row, and
	 * only those without one need a place in MET.
	 */
	bool fresh;
	struct ownership owner; /* files come in the order of domains */
};

enum error
import_open(
    struct import **import_r, struct store_txn *txn, const char *only, instant now)
{
	struct import *i = calloc(1, sizeof *i);
	enum error e;

	*import_r = i;
	if (i == NULL)
		return ERR_MEMORY;
	i->txn = txn;
	i->only = only;
	i->now = now;
	i->fresh = store_meta(txn)->mailboxes == 0;
	e = key_set_start(&i->met);
	if (e != OK)
		import_close(import_r);
	return e;
}

void
import_close(struct import **import)
{
	if (*import == NULL)
		return;
	key_set_end(&(*import)->met);
	free(*import);
	*import = NULL;
}

bool
import_is_of_row(enum error e)
{
	return e == ERR_DATA || e == ERR_CONFLICT || e == ERR_EXISTS || e == ERR_LIMIT;
}

static enum error
said_twice(const char *type, const char *name, struct error_text *why)
{
	return error_set(
	    why, ERR_EXISTS, "%s %s is in an earlier line, too", type, name);
}

/* meet - that no other row has spoken of the object */
static enum error
meet(struct import *i, const struct key *key, const char *type, const char *name,
    struct error_text *why)
{
	enum error e = key_set_add(&i->met, key_bytes(key));

	return e == ERR_EXISTS ? said_twice(type, name, why) : e;
}

static enum error
put_setting(struct import *i, const struct row *row, struct error_text *why)
{
	const struct setting *setting = settings_find(row->name);
	struct key key;
	enum error e;

	if (i->only != NULL)
		return error_set(
		    why, ERR_DATA, "a setting is not of tenant %s alone", i->only);
	if (setting == NULL)
		return error_set(why, ERR_DATA, "unknown setting \"%s\"", row->name);
	key_name(&key, TABLE_SETTING, setting->key);
	e = meet(i, &key, "setting", setting->key, why);
	if (e == OK)
		e = setting_table_set(i->txn, setting, row->value, why);
	return e == OK ? store_reload_settings(i->txn) : e;
}

/* put_domains - of a tenant that is stored already */
static enum error
put_domains(struct import *i, const struct row *row, struct error_text *why)
{
	char domain[DOMAIN_MAX + 1];
	struct key key;
	enum error e = OK;

	memset(&i->owner, 0, sizeof i->owner); /* may not hold any more */
	for (size_t n = 0; n < row->domains && e == OK; n++) {
		e = domain_parse(row->domain[n], domain, why);
		if (e != OK)
			return e;
		key_name(&key, TABLE_DOMAIN, domain);
		e = meet(i, &key, "domain", domain, why);
		if (e == OK)
			e = ownership_add_domain(
			    i->txn, domain, row->tenant.name, false, why);
	}
	return e;
}

/* put_lock - as one that was brought; one that was made here is left alone */
static enum error
put_lock(struct import *i, const struct lock_subject *subject, const struct lock *lock,
    struct error_text *why)
{
	struct key key;
	enum error e;

	if (subject->kind == LOCK_TENANT)
		key_tenant_lock(&key, TABLE_LOCK, subject->tenant);
	else
		key_login_lock(&key, TABLE_LOCK, &subject->login);
	e = meet(i, &key, "the lock of", lock_subject_name(subject), why);
	return e == OK ? lock_table_put(i->txn, LOCK_BROUGHT, subject, lock) : e;
}

static enum error
put_tenant(struct import *i, const struct row *row, struct error_text *why)
{
	struct lock_subject subject;
	struct key key;
	enum error e;

	if (i->only != NULL && strcmp(i->only, row->tenant.name) != 0)
		return error_set(why, ERR_DATA, "tenant %s is not tenant %s",
		    row->tenant.name, i->only);
	key_name(&key, TABLE_TENANT, row->tenant.name);
	e = meet(i, &key, "tenant", row->tenant.name, why);
	if (e == OK)
		e = tenant_table_put(i->txn, &row->tenant);
	lock_subject_tenant(&subject, row->tenant.name);
	if (e == OK && row->locked)
		e = put_lock(i, &subject, &row->lock, why);
	return e == OK ? put_domains(i, row, why) : e;
}

/* find_address - of a mailbox that can have a setting, and is of the tenant asked for
 */
static enum error
find_address(struct import *i, const char *typed, struct login *address_r,
    struct error_text *why)
{
	enum error e = address_normalize(store_settings(i->txn), typed, address_r, why);

	if (e == OK)
		e = ownership_find(i->txn, address_r, &i->owner);
	if (e == OK && i->owner.tenant[0] == '\0')
		return ownership_check(i->txn, typed, address_r, why);
	if (e == OK && i->only != NULL && strcmp(i->only, i->owner.tenant) != 0)
		return error_set(why, ERR_DATA,
		    "mailbox %s is of tenant %s, not of tenant %s", address_r->text,
		    i->owner.tenant, i->only);
	return e == OK ? ownership_check_alias(i->txn, address_r, why) : e;
}

/*
 * merge - what the row does not speak of is kept from the record that is there, as
 * "mailbox set" would
 */
static enum error
merge(struct import *i, const struct login *address, const struct row *row,
    struct mailbox *m)
{
	struct mailbox old;
	bool found;
	enum error e;

	if (row->says == ROW_ALL || i->fresh)
		return OK;
	e = mailbox_table_get(i->txn, address, &old, &found);
	if (e != OK || !found)
		return e;
	mailbox_set_smtp_auth(&old, m->smtp_auth, i->now);
	if (!(row->says & ROW_UNTIL))
		m->until = old.until;
	if (!(row->says & ROW_CLIENTS))
		m->clients = old.clients;
	if (!(row->says & ROW_NOTE))
		memcpy(m->note, old.note, sizeof m->note);
	return OK;
}

/* is_stored - ERR_EXISTS for a mailbox that has a record */
static enum error
is_stored(struct import *i, const struct login *address)
{
	struct mailbox m;
	bool found;
	enum error e = mailbox_table_get(i->txn, address, &m, &found);

	return e == OK && found ? ERR_EXISTS : e;
}

/* put_fresh - where no mailbox had a record before */
static enum error
put_fresh(struct import *i, const struct login *address, const struct mailbox *m,
    struct error_text *why)
{
	bool empty = mailbox_is_empty(m);
	struct key key;
	enum error e = OK;

	key_login(&key, TABLE_MAILBOX, address);
	if (empty)
		e = key_set_add(&i->met, key_bytes(&key));
	else if (key_set_has(&i->met, key_bytes(&key)))
		e = ERR_EXISTS;
	if (e == OK)
		e = empty ? is_stored(i, address)
			  : mailbox_table_insert(i->txn, address, m);
	return e == ERR_EXISTS ? said_twice("mailbox", address->text, why) : e;
}

/* put_other - where rows change mailboxes that are there */
static enum error
put_other(struct import *i, const struct login *address, const struct row *row,
    struct error_text *why)
{
	struct mailbox m = row->mailbox;
	struct key key;
	enum error e;

	key_login(&key, TABLE_MAILBOX, address);
	e = meet(i, &key, "mailbox", address->text, why);
	if (e == OK)
		e = merge(i, address, row, &m);
	return e == OK ? mailbox_table_put(i->txn, address, &m) : e;
}

static enum error
put_mailbox(struct import *i, const struct row *row, struct error_text *why)
{
	struct lock_subject subject;
	struct login address;
	enum error e = find_address(i, row->name, &address, why);

	if (e != OK)
		return e;
	e = i->fresh ? put_fresh(i, &address, &row->mailbox, why)
		     : put_other(i, &address, row, why);
	if (e != OK || !row->locked)
		return e;
	lock_subject_login(&subject, &address);
	return put_lock(i, &subject, &row->lock, why);
}

static enum error
put_alias(struct import *i, const struct row *row, struct error_text *why)
{
	struct login login, mailbox;
	struct key key;
	enum error e = find_address(i, row->value, &mailbox, why);

	if (e == OK)
		e = address_login(store_settings(i->txn), row->name, &login, why);
	if (e != OK)
		return e;
	key_login(&key, TABLE_ALIAS, &login);
	e = meet(i, &key, "login", login.text, why);
	return e == OK ? ownership_add_alias(i->txn, &mailbox, &login, why) : e;
}

/* check_only - that the lock is of the tenant asked for, or one of its logins */
static enum error
check_only(struct import *i, const struct lock_subject *subject, struct error_text *why)
{
	struct tenant t = {.name = ""};
	bool found;
	enum error e = OK;

	if (i->only == NULL)
		return OK;
	if (subject->kind == LOCK_LOGIN)
		e = ownership_of_login(i->txn, &subject->login, &t, &found);
	else
		memcpy(t.name, subject->tenant, sizeof t.name);
	if (e != OK)
		return e;
	if (strcmp(t.name, i->only) == 0)
		return OK;
	return error_set(why, ERR_DATA, "the lock of %s is not of tenant %s",
	    lock_subject_name(subject), i->only);
}

/* put_lock_row - of whatever name: a lock outlives what it is of */
static enum error
put_lock_row(struct import *i, const struct row *row, struct error_text *why)
{
	char name[TENANT_NAME_MAX + 1];
	struct lock_subject subject;
	struct login login;
	enum error e;

	if (row->value != NULL) {
		e = tenant_name_parse(row->value, name, why);
		if (e == OK)
			lock_subject_tenant(&subject, name);
	} else {
		e = address_exact(store_settings(i->txn), row->name, &login, why);
		if (e == OK)
			lock_subject_login(&subject, &login);
	}
	if (e == OK)
		e = check_only(i, &subject, why);
	return e == OK ? put_lock(i, &subject, &row->lock, why) : e;
}

enum error
import_row(struct import *import, const struct row *row, struct error_text *why)
{
	enum error e = ERR_INTERNAL;

	why->text[0] = '\0';
	switch (row->type) {
	case ROW_SETTING:
		e = put_setting(import, row, why);
		break;
	case ROW_TENANT:
		e = put_tenant(import, row, why);
		break;
	case ROW_MAILBOX:
		e = put_mailbox(import, row, why);
		break;
	case ROW_ALIAS:
		e = put_alias(import, row, why);
		break;
	case ROW_LOCK:
		e = put_lock_row(import, row, why);
		break;
	}
	if (e != OK && why->text[0] == '\0')
		error_set(why, e, "%s", error_string(e));
	return e;
}

/*
 * The mailboxes to be removed, which cannot be while they are walked: their addresses,
 * each with its NUL.
 */
struct others {
	struct import *import;
	char *at;
	size_t len, room;
};

/* collect - a mailbox that no row has spoken of */
static enum error
collect(void *arg, const struct login *address, const struct mailbox *m)
{
	struct others *o = arg;
	struct key key;
	char *at;

	(void)m;
	key_login(&key, TABLE_MAILBOX, address);
	if (key_set_has(&o->import->met, key_bytes(&key)))
		return OK;
	if (o->len + address->len + 1 > o->room) {
		o->room = 2 * o->room + LOGIN_MAX + 1;
		at = realloc(o->at, o->room);
		if (at == NULL)
			return ERR_MEMORY;
		o->at = at;
	}
	memcpy(o->at + o->len, address->text, address->len + 1);
	o->len += address->len + 1;
	return OK;
}

static enum error
remove_one(struct store_txn *txn, const char *text, size_t n)
{
	struct login address;
	enum error e = login_from_normal(text, n, &address);

	if (e == OK)
		e = mailbox_table_remove(txn, &address);
	return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
}

enum error
import_remove_others(struct import *import)
{
	struct others o = {.import = import};
	enum error e = import->fresh
	    ? OK /* all that there are come from rows */
	    : ownership_each_mailbox(import->txn, import->only, collect, &o);

	for (size_t at = 0; at < o.len && e == OK; at += strlen(o.at + at) + 1)
		e = remove_one(import->txn, o.at + at, strlen(o.at + at));
	free(o.at);
	return e;
}
