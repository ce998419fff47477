/* SPDX-License-Identifier: BSD-2-Clause */
/* verify_links - whether the records of the policy fit each other */
#include "policy/tables/verify_links.h"

#include <string.h>

#include "policy/model/alias_record.h"
#include "policy/model/domain_record.h"
#include "policy/model/policy_record.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/tenant_table.h"

struct walk {
	struct store_txn *txn;
	struct error_text *why;
	bool has_any; /* somebody owns "*" */
	char domain[DOMAIN_MAX + 1],
	    owner[TENANT_NAME_MAX + 1]; /* by name, of the last domain asked for */
};

/* has_record - whether the record is there, with this value */
static enum error
has_record(struct walk *w, const struct key *key, struct bytes value, bool *has_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes there;
	enum error e = store_get(w->txn, key, buf, &there);

	*has_r = e == OK && there.at != NULL && there.len == value.len &&
	    memcmp(there.at, value.at, value.len) == 0;
	return e;
}

/* find_owner - by name, "" for none; once for a run of one domain */
static enum error
find_owner(struct walk *w, const char *domain)
{
	if (strcmp(domain, w->domain) == 0)
		return OK;
	memcpy(w->domain, domain, strlen(domain) + 1);
	return domain_table_get(w->txn, domain, w->owner);
}

/* check_owner - somebody must own the domain of this mailbox */
static enum error
check_owner(struct walk *w, const struct login *mailbox)
{
	enum error e;

	if (!mailbox->has_domain)
		return error_set(
		    w->why, ERR_DAMAGED, "mailbox %s has no domain", mailbox->text);
	e = find_owner(w, login_domain(mailbox));
	if (e != OK || w->owner[0] != '\0' || w->has_any)
		return e;
	return error_set(w->why, ERR_DAMAGED, "no tenant owns the domain of mailbox %s",
	    mailbox->text);
}

static enum error
check_domain(struct walk *w, struct bytes key, struct bytes value)
{
	char domain[DOMAIN_MAX + 1], name[TENANT_NAME_MAX + 1];
	struct tenant t;
	struct key index;
	bool found, has = false;
	enum error e = domain_record_index(key, value, &index);

	if (e == OK)
		e = domain_record_decode(value, name);
	if (e == OK)
		e = key_to_name(key, 1, DOMAIN_MAX, domain);
	if (e != OK)
		return e;
	e = tenant_table_get(w->txn, name, &t, &found);
	if (e == OK && !found)
		return error_set(w->why, ERR_DAMAGED,
		    "domain %s belongs to tenant %s, which does not exist", domain,
		    name);
	if (e == OK)
		e = has_record(w, &index, (struct bytes){"", 0}, &has);
	if (e != OK || has)
		return e;
	return error_set(w->why, ERR_DAMAGED,
	    "domain %s is missing among those of tenant %s", domain, name);
}

/* check_tenants - an alias in a domain that is owned by name stays with its owner */
static enum error
check_tenants(struct walk *w, const struct login *alias, const struct login *mailbox)
{
	char owner[TENANT_NAME_MAX + 1];
	enum error e = OK;

	if (!alias->has_domain)
		return OK;
	e = find_owner(w, login_domain(mailbox));
	if (e != OK)
		return e;
	memcpy(owner, w->owner, sizeof owner);
	e = find_owner(w, login_domain(alias));
	if (e != OK || w->owner[0] == '\0' || strcmp(owner, w->owner) == 0)
		return e;
	return error_set(w->why, ERR_DAMAGED,
	    "login alias %s of tenant %s leads to %s, which is not that tenant's",
	    alias->text, w->owner, mailbox->text);
}

static enum error
check_alias(struct walk *w, struct bytes key, struct bytes value)
{
	struct login alias, mailbox;
	uint8_t buf[LOGIN_MAX + 1];
	struct bytes entry;
	struct key index;
	bool has = false;
	enum error e = alias_record_index(key, value, &index, buf, &entry);

	if (e == OK)
		e = key_to_login(key, &alias);
	if (e == OK)
		e = alias_record_decode(value, &mailbox);
	if (e == OK)
		e = has_record(w, &index, entry, &has);
	if (e != OK)
		return e;
	if (!has)
		return error_set(w->why, ERR_DAMAGED,
		    "login alias %s is missing among those of mailbox %s", alias.text,
		    mailbox.text);
	e = check_owner(w, &mailbox);
	return e == OK ? check_tenants(w, &alias, &mailbox) : e;
}

static enum error
check_mailbox(struct walk *w, struct bytes key)
{
	struct login address;
	enum error e = key_to_login(key, &address);

	return e == OK ? check_owner(w, &address) : e;
}

/* check_domain_entry - "D TENANT NUL DOMAIN" stands for a record */
static enum error
check_domain_entry(struct walk *w, struct bytes key)
{
	const char *tenant = (const char *)key.at + 1;
	const char *end = memchr(tenant, '\0', key.len - 1);
	char domain[DOMAIN_MAX + 1], owner[TENANT_NAME_MAX + 1];
	size_t n;
	enum error e;

	if (end == NULL)
		return ERR_DAMAGED;
	n = key.len - 2 - (size_t)(end - tenant);
	if (n == 0 || n > DOMAIN_MAX || memchr(end + 1, '\0', n) != NULL)
		return ERR_DAMAGED;
	memcpy(domain, end + 1, n);
	domain[n] = '\0';
	e = domain_table_get(w->txn, domain, owner);
	if (e == OK && (owner[0] == '\0' || strcmp(owner, tenant) != 0))
		return error_set(w->why, ERR_DAMAGED,
		    "domain %s stands among those of tenant %.100s, and belongs to %s",
		    domain, tenant, owner[0] != '\0' ? owner : "nobody");
	return e;
}

/* check_alias_entry - its value is a login that is an alias, and of this mailbox */
static enum error
check_alias_entry(struct walk *w, struct bytes key, struct bytes value)
{
	struct login alias, mailbox;
	struct key index;
	bool found;
	enum error e = alias_record_decode(value, &alias);

	if (e != OK)
		return e;
	e = alias_table_get(w->txn, &alias, &mailbox, &found);
	if (e == OK && !found)
		return error_set(w->why, ERR_DAMAGED,
		    "login %s stands among the aliases of a mailbox, and is none",
		    alias.text);
	if (e != OK)
		return e;
	key_mailbox_alias(&index, &mailbox, &alias);
	if (index.len == key.len && memcmp(index.at, key.at, key.len) == 0)
		return OK;
	return error_set(w->why, ERR_DAMAGED,
	    "login alias %s of mailbox %s stands among those of another mailbox",
	    alias.text, mailbox.text);
}

/* check - one record; what cannot even be read has no line yet */
static enum error
check(struct walk *w, struct bytes key, struct bytes value)
{
	enum error e = key_is_policy(key) ? policy_record_check(key, value) : OK;

	if (e != OK)
		return e;
	switch ((enum table) * (const uint8_t *)key.at) {
	case TABLE_DOMAIN:
		return check_domain(w, key, value);
	case TABLE_MAILBOX:
		return check_mailbox(w, key);
	case TABLE_ALIAS:
		return check_alias(w, key, value);
	case INDEX_DOMAIN:
		return check_domain_entry(w, key);
	case INDEX_ALIAS:
		return check_alias_entry(w, key, value);
	case TABLE_META:
	case TABLE_NOTICE:
	case TABLE_SETTING:
	case TABLE_TENANT:
	case TABLE_LOCK: /* it stays when what it is of goes */
	case TABLE_LOCAL_LOCK:
	case TABLE_AUDIT:
		break;
	}
	return OK;
}

/* unreadable - the line for a record that is none of its table: its key, as it is */
static enum error
unreadable(struct walk *w, struct bytes key, enum error e)
{
	struct key shown = key_copy(key);

	for (size_t i = 0; i < shown.len; i++)
		if (shown.at[i] == '\0')
			shown.at[i] = ' ';
	return error_set(w->why, e, "the record \"%.*s\" cannot be read: %s",
	    (int)shown.len, (const char *)shown.at, error_string(e));
}

/* next - the record behind that at the cursor; the audit log is passed over */
static enum error
next(struct db_cursor *cursor)
{
	struct key behind;

	if (*(const uint8_t *)db_cursor_key(cursor).at != TABLE_AUDIT)
		return db_cursor_next(cursor);
	key_table(&behind, TABLE_AUDIT);
	behind.at[0]++;
	return db_cursor_seek(cursor, &behind);
}

/* walk - all records but the audit log, which has a verification of its own */
static enum error
walk(struct walk *w, struct db_cursor *cursor)
{
	struct key first = {.len = 1};
	enum error e = db_cursor_seek(cursor, &first), found = OK;

	while (e == OK && db_cursor_key(cursor).at != NULL) {
		found = check(w, db_cursor_key(cursor), db_cursor_value(cursor));
		if (found != OK && w->why->text[0] == '\0')
			return unreadable(w, db_cursor_key(cursor), found);
		if (found != OK)
			return found;
		e = next(cursor);
	}
	return e == OK ? OK : store_about(w->why, e, store_of(w->txn));
}

enum error
verify_links(struct store_txn *txn, struct error_text *why)
{
	char owner[TENANT_NAME_MAX + 1];
	struct walk w = {.txn = txn, .why = why};
	struct db_cursor *cursor;
	enum error e = domain_table_get(txn, DOMAIN_ANY, owner);

	why->text[0] = '\0';
	w.has_any = owner[0] != '\0';
	if (e == OK)
		e = db_cursor_open(store_db(txn), &cursor);
	if (e != OK)
		return store_about(why, e, store_of(txn));
	e = walk(&w, cursor);
	db_cursor_close(&cursor);
	return e;
}
