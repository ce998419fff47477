/* SPDX-License-Identifier: BSD-2-Clause */
/* import - puts the rows of a file into the policy */
#include "policy/import/import.h"

#include <stdio.h>
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
import_twice(const char *type, const char *name, struct error_text *why)
{
	return error_set(
	    why, ERR_EXISTS, "%s %s is in an earlier line, too", type, name);
}

/* import_meet - checks that no earlier row was for the object */
static enum error
import_meet(struct import *i, const struct key *key, const char *type, const char *name,
    struct error_text *why)
{
	bool new;
	enum error e = key_set_add(&i->met, key_bytes(key), &new);

	return e == OK && !new ? import_twice(type, name, why) : e;
}

static enum error
import_setting(struct import *i, const struct row *row, struct error_text *why)
{
	const struct setting *setting = settings_find(row->name);
	struct key key;
	enum error e;

	if (i->only != NULL)
		return error_set(
		    why, ERR_DATA, "a setting is not of tenant %s alone", i->only);
	if (setting == NULL)
		return settings_unknown(row->name, why);
	key_name(&key, TABLE_SETTING, setting->key);
	e = import_meet(i, &key, "setting", setting->key, why);
	if (e == OK)
		e = setting_table_set(i->txn, setting, row->value, why);
	return e == OK ? store_reload_settings(i->txn) : e;
}

/* import_domains - of a tenant that is stored already */
static enum error
import_domains(struct import *i, const struct row *row, struct error_text *why)
{
	char domain[DOMAIN_MAX + 1];
	struct key key;
	enum error e;

	memset(&i->owner, 0, sizeof i->owner); /* may have changed */
	for (size_t n = 0; n < row->domains; n++) {
		e = domain_parse(row->domain[n], domain, why);
		if (e != OK)
			return e;
		key_name(&key, TABLE_DOMAIN, domain);
		e = import_meet(i, &key, "domain", domain, why);
		if (e == OK)
			e = ownership_add_domain(
			    i->txn, domain, row->tenant.name, false, why);
		if (e != OK)
			return e;
	}
	return OK;
}

/* import_put_lock - as one that was brought; one that was made here is left alone */
static enum error
import_put_lock(struct import *i, const struct lock_subject *subject,
    const struct lock *lock, struct error_text *why)
{
	struct key key;
	enum error e;

	if (subject->kind == LOCK_TENANT)
		key_tenant_lock(&key, TABLE_LOCK, subject->tenant);
	else
		key_login_lock(&key, TABLE_LOCK, &subject->login);
	e = import_meet(i, &key, "the lock of", lock_table_subject_name(subject), why);
	return e == OK ? lock_table_put(i->txn, LOCK_BROUGHT, subject, lock) : e;
}

static enum error
import_tenant(struct import *i, const struct row *row, struct error_text *why)
{
	struct lock_subject subject;
	struct key key;
	enum error e;

	if (i->only != NULL && strcmp(i->only, row->tenant.name) != 0)
		return error_set(why, ERR_DATA, "tenant %s is not tenant %s",
		    row->tenant.name, i->only);
	key_name(&key, TABLE_TENANT, row->tenant.name);
	e = import_meet(i, &key, "tenant", row->tenant.name, why);
	if (e == OK)
		e = tenant_table_put(i->txn, &row->tenant);
	lock_table_subject_tenant(&subject, row->tenant.name);
	if (e == OK && row->locked)
		e = import_put_lock(i, &subject, &row->lock, why);
	return e == OK ? import_domains(i, row, why) : e;
}

/* import_address - of a mailbox that can have a setting, in a domain of tenant ONLY */
static enum error
import_address(struct import *i, const char *typed, struct login *address_r,
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
 * import_merge - what the row does not speak of is kept from the record that is there,
 * as "mailbox set" would
 */
static enum error
import_merge(struct import *i, const struct login *address, const struct row *row,
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

/* import_fresh - a mailbox, where none had a record before */
static enum error
import_fresh(struct import *i, const struct login *address, const struct mailbox *m,
    struct error_text *why)
{
	struct mailbox stored;
	struct key key;
	bool found;
	enum error e;

	key_login(&key, TABLE_MAILBOX, address);
	if (!mailbox_is_empty(m)) {
		if (key_set_has(&i->met, key_bytes(&key)))
			return import_twice("mailbox", address->text, why);
		e = mailbox_table_insert(i->txn, address, m);
		return e == ERR_EXISTS ? import_twice("mailbox", address->text, why)
				       : e;
	}
	e = import_meet(i, &key, "mailbox", address->text, why);
	if (e != OK)
		return e;
	e = mailbox_table_get(i->txn, address, &stored, &found);
	return e == OK && found ? import_twice("mailbox", address->text, why) : e;
}

/* import_change - a mailbox, where some had records before */
static enum error
import_change(struct import *i, const struct login *address, const struct row *row,
    struct error_text *why)
{
	struct mailbox m = row->mailbox;
	struct key key;
	enum error e;

	key_login(&key, TABLE_MAILBOX, address);
	e = import_meet(i, &key, "mailbox", address->text, why);
	if (e == OK)
		e = import_merge(i, address, row, &m);
	return e == OK ? mailbox_table_put(i->txn, address, &m) : e;
}

static enum error
import_mailbox(struct import *i, const struct row *row, struct error_text *why)
{
	struct lock_subject subject;
	struct login address;
	enum error e = import_address(i, row->name, &address, why);

	if (e != OK)
		return e;
	e = i->fresh ? import_fresh(i, &address, &row->mailbox, why)
		     : import_change(i, &address, row, why);
	if (e != OK || !row->locked)
		return e;
	lock_table_subject_login(&subject, &address);
	return import_put_lock(i, &subject, &row->lock, why);
}

/* import_alias - exports name a login in more than one column, so twice the same counts
 * once */
static enum error
import_alias(struct import *i, const struct row *row, struct error_text *why)
{
	struct login login, mailbox, earlier;
	struct key key;
	bool found, new;
	enum error e = import_address(i, row->value, &mailbox, why);

	if (e == OK)
		e = address_login(store_settings(i->txn), row->name, &login, why);
	if (e != OK)
		return e;
	key_login(&key, TABLE_ALIAS, &login);
	e = key_set_add(&i->met, key_bytes(&key), &new);
	if (e != OK || new)
		return e == OK ? ownership_add_alias(i->txn, &mailbox, &login, why) : e;
	e = alias_table_get(i->txn, &login, &earlier, &found);
	if (e != OK || (found && login_equal(&earlier, &mailbox)))
		return e;
	return import_twice("login", login.text, why);
}

/* import_check_only - that the lock is of the tenant asked for, or one of its logins */
static enum error
import_check_only(
    struct import *i, const struct lock_subject *subject, struct error_text *why)
{
	char tenant[TENANT_NAME_MAX + 1];
	enum error e =
	    i->only != NULL ? ownership_of_lock(i->txn, subject, tenant) : OK;

	if (e != OK || i->only == NULL || strcmp(tenant, i->only) == 0)
		return e;
	return error_set(why, ERR_DATA, "the lock of %s is not of tenant %s",
	    lock_table_subject_name(subject), i->only);
}

/* import_lock - of whatever name: a lock outlives what it is of */
static enum error
import_lock(struct import *i, const struct row *row, struct error_text *why)
{
	char name[TENANT_NAME_MAX + 1];
	struct lock_subject subject;
	struct login login;
	enum error e;

	if (row->value != NULL) {
		e = tenant_name_parse(row->value, name, why);
		if (e == OK)
			lock_table_subject_tenant(&subject, name);
	} else {
		e = address_exact(store_settings(i->txn), row->name, &login, why);
		if (e == OK)
			lock_table_subject_login(&subject, &login);
	}
	if (e == OK)
		e = import_check_only(i, &subject, why);
	return e == OK ? import_put_lock(i, &subject, &row->lock, why) : e;
}

enum error
import_row(struct import *import, const struct row *row, struct error_text *why)
{
	static enum error (*const put[])(
	    struct import * i, const struct row *row, struct error_text *why) = {
	    [ROW_SETTING] = import_setting,
	    [ROW_TENANT] = import_tenant,
	    [ROW_MAILBOX] = import_mailbox,
	    [ROW_ALIAS] = import_alias,
	    [ROW_LOCK] = import_lock,
	};
	enum error e;

	why->text[0] = '\0';
	e = put[row->type](import, row, why);
	if (e != OK && why->text[0] == '\0')
		error_set(why, e, "%s", error_string(e));
	return e;
}

/* The addresses to be removed, each with its NUL: not while the mailboxes are read. */
struct others {
	struct import *import;
	FILE *to;
};

/* others_add - a mailbox that no row was for */
static enum error
others_add(void *arg, const struct login *address, const struct mailbox *m)
{
	struct others *o = arg;
	struct key key;

	(void)m;
	key_login(&key, TABLE_MAILBOX, address);
	if (!key_set_has(&o->import->met, key_bytes(&key)) &&
	    fwrite(address->text, 1, address->len + 1, o->to) != address->len + 1)
		return ERR_MEMORY;
	return OK;
}

enum error
import_remove_others(struct import *import)
{
	struct others o = {.import = import};
	struct login address;
	char *all = NULL;
	size_t n = 0;
	enum error e;

	if (import->fresh)
		return OK; /* all mailboxes come from rows */
	o.to = open_memstream(&all, &n);
	if (o.to == NULL)
		return ERR_MEMORY;
	e = ownership_each_mailbox(import->txn, import->only, others_add, &o);
	if ((fclose(o.to) != 0 || all == NULL) && e == OK)
		e = ERR_MEMORY;
	for (size_t at = 0; e == OK && at < n; at += address.len + 1) {
		e = login_from_normal(all + at, strlen(all + at), &address);
		if (e == OK)
			e = mailbox_table_remove(import->txn, &address);
	}
	free(all);
	return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
}
