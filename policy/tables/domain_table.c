/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_table - which tenant owns which domain */
#include "policy/tables/domain_table.h"

#include <string.h>

#include "policy/model/domain_record.h"
#include "policy/store/prefix_scan.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/tenant_table.h"

enum error
domain_table_get(struct store_txn *txn, const char *domain, char *tenant_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes value;
	struct key key;
	enum error e;

	tenant_r[0] = '\0';
	key_name(&key, TABLE_DOMAIN, domain);
	e = store_get(txn, &key, buf, &value);
	return e == OK && value.at != NULL ? domain_record_decode(value, tenant_r) : e;
}

enum error
domain_table_owner(struct store_txn *txn, const char *domain, char *tenant_r)
{
	enum error e = domain_table_get(txn, domain, tenant_r);

	return e == OK && tenant_r[0] == '\0'
	    ? domain_table_get(txn, DOMAIN_ANY, tenant_r)
	    : e;
}

/* put - the record and its entry in the tenant's index */
static enum error
put(struct store_txn *txn, const char *tenant, const char *domain)
{
	uint8_t buf[DOMAIN_RECORD_MAX];
	struct key key;
	enum error e;

	key_name(&key, TABLE_DOMAIN, domain);
	e = store_put(txn, &key, domain_record_encode(tenant, buf));
	if (e != OK)
		return e;
	key_tenant_domain(&key, tenant, domain);
	return store_put(txn, &key, (struct bytes){"", 0});
}

enum error
domain_table_delete(struct store_txn *txn, const char *tenant, const char *domain)
{
	struct key key;
	enum error e;

	key_tenant_domain(&key, tenant, domain);
	e = store_delete(txn, &key);
	if (e != OK)
		return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
	key_name(&key, TABLE_DOMAIN, domain);
	return store_delete(txn, &key);
}

enum error
domain_table_add(struct store_txn *txn, const char *domain, const char *tenant,
    bool move, struct error_text *why)
{
	char have[TENANT_NAME_MAX + 1];
	enum error e = domain_table_get(txn, domain, have);
	struct key index;
	bool owned = have[0] != '\0';

	if (e != OK)
		return e;
	if (strcmp(have, tenant) == 0)
		return put(txn, tenant, domain); /* a part of what is said in TXN */
	if (owned && !move)
		return error_set(
		    why, ERR_CONFLICT, "domain %s belongs to tenant %s", domain, have);
	if (!owned && move)
		return error_set(
		    why, ERR_NOTFOUND, "domain %s belongs to no tenant", domain);
	e = alias_table_check_owner(txn, domain, tenant, why);
	if (e == OK && owned) { /* the record itself is put over: one change, not two */
		key_tenant_domain(&index, have, domain);
		e = store_delete(txn, &index);
		if (e == ERR_NOTFOUND)
			e = ERR_DAMAGED;
	}
	return e == OK ? put(txn, tenant, domain) : e;
}

/* domain_at - of the first record at or behind AT in the range ALL; "" for none */
static enum error
domain_at(struct db_cursor *cursor, const struct key *at, const struct key *all,
    char *domain_r)
{
	enum error e = db_cursor_seek(cursor, at);

	domain_r[0] = '\0';
	return e == OK && key_has_prefix(db_cursor_key(cursor), all)
	    ? key_to_domain(db_cursor_key(cursor), domain_r)
	    : e;
}

enum error
domain_table_next_unowned(struct store_txn *txn, enum table table, struct key *at,
    char *domain_r, bool *found_r)
{
	char tenant[TENANT_NAME_MAX + 1];
	struct db_cursor *cursor;
	struct key all;
	enum error e = db_cursor_open(store_db(txn), &cursor);

	key_table(&all, table);
	*found_r = false;
	while (e == OK && !*found_r) {
		e = domain_at(cursor, at, &all, domain_r);
		if (e != OK || domain_r[0] == '\0')
			break;
		key_domain_range(at, table, domain_r);
		at->at[at->len - 1] = 1; /* behind the NUL: behind all of the domain */
		e = domain_table_get(txn, domain_r, tenant);
		*found_r = e == OK && tenant[0] == '\0';
	}
	db_cursor_close(&cursor);
	return e;
}

/* The tables that show a domain in use: mailboxes, and the targets of aliases. */
static const enum table users[] = {TABLE_MAILBOX, INDEX_ALIAS};

#define USERS (sizeof users / sizeof *users)

/* used_without_owner - whether a domain that nobody owns by name is in use */
static enum error
used_without_owner(struct store_txn *txn, bool *used_r)
{
	char domain[DOMAIN_MAX + 1];
	struct key at;
	enum error e = OK;

	*used_r = false;
	for (size_t i = 0; i < USERS && e == OK && !*used_r; i++) {
		key_table(&at, users[i]);
		e = domain_table_next_unowned(txn, users[i], &at, domain, used_r);
	}
	return e;
}

enum error
domain_table_used(struct store_txn *txn, const char *domain, bool *used_r)
{
	struct key range;
	bool empty = true;
	enum error e = OK;

	if (strcmp(domain, DOMAIN_ANY) == 0)
		return used_without_owner(txn, used_r);
	for (size_t i = 0; i < USERS && e == OK && empty; i++) {
		key_domain_range(&range, users[i], domain);
		e = prefix_scan_is_empty(txn, &range, &empty);
	}
	*used_r = !empty;
	return e;
}

/* empty_without_owner - the domains that nobody owns by name */
static enum error
empty_without_owner(struct store_txn *txn)
{
	char domain[DOMAIN_MAX + 1];
	bool found = true;
	struct key at;
	enum error e = OK;

	for (size_t i = 0; i < USERS && e == OK; i++, found = true) {
		key_table(&at, users[i]);
		while (e == OK && found) {
			e = domain_table_next_unowned(
			    txn, users[i], &at, domain, &found);
			if (e == OK && found)
				e = domain_table_empty(txn, domain);
		}
	}
	return e;
}

enum error
domain_table_empty(struct store_txn *txn, const char *domain)
{
	struct key range;
	enum error e;

	if (strcmp(domain, DOMAIN_ANY) == 0)
		return empty_without_owner(txn);
	e = alias_table_remove_into(txn, domain);
	if (e != OK)
		return e;
	key_domain_range(&range, TABLE_MAILBOX, domain);
	return prefix_scan_delete(txn, &range);
}

enum error
domain_table_remove(
    struct store_txn *txn, const char *domain, bool force, struct error_text *why)
{
	char name[TENANT_NAME_MAX + 1];
	struct tenant t;
	bool used, found, protects = false;
	enum error e = domain_table_get(txn, domain, name);

	if (e == OK && name[0] == '\0')
		return error_set(
		    why, ERR_NOTFOUND, "domain %s belongs to no tenant", domain);
	if (e == OK)
		e = domain_table_used(txn, domain, &used);
	if (e == OK && used)
		return error_set(why, ERR_CONFLICT,
		    "domain %s is used by mailboxes or aliases", domain);
	if (e == OK && !force) {
		e = tenant_table_get(txn, name, &t, &found);
		if (e == OK && !found)
			e = ERR_DAMAGED;
		if (e == OK)
			e = tenant_table_protects(txn, &t, &protects);
		if (e == OK && protects)
			return error_set(why, ERR_PROTECTED,
			    "tenant %s denies SMTP AUTH, and unknown-tenant is accept: "
			    "the logins "
			    "of %s would pass; use --force if that is meant",
			    name, domain);
	}
	return e == OK ? domain_table_delete(txn, name, domain) : e;
}

struct each {
	enum error (*of)(void *arg, const char *domain);
	enum error (*all)(void *arg, const char *domain, const char *tenant);
	void *arg;
	size_t skip; /* bytes of the key before the domain */
};

static enum error
visit(void *arg, struct bytes key, struct bytes value)
{
	const struct each *each = arg;
	char domain[DOMAIN_MAX + 1], tenant[TENANT_NAME_MAX + 1];
	size_t n = key.len - each->skip;
	enum error e;

	if (n > DOMAIN_MAX)
		return ERR_DAMAGED;
	memcpy(domain, (const char *)key.at + each->skip, n);
	domain[n] = '\0';
	if (each->of != NULL)
		return each->of(each->arg, domain);
	e = domain_record_decode(value, tenant);
	return e == OK ? each->all(each->arg, domain, tenant) : e;
}

enum error
domain_table_each_of(struct store_txn *txn, const char *tenant,
    enum error (*fn)(void *arg, const char *domain), void *arg)
{
	struct each each = {fn, NULL, arg, 0};
	struct key range;

	key_tenant_domain(&range, tenant, "");
	each.skip = range.len;
	return prefix_scan_each(txn, &range, visit, &each);
}

static enum error
take_first(void *arg, const char *domain)
{
	memcpy(arg, domain, strlen(domain) + 1);
	return WALK_STOP;
}

enum error
domain_table_first_of(struct store_txn *txn, const char *tenant, char *domain_r)
{
	domain_r[0] = '\0';
	return domain_table_each_of(txn, tenant, take_first, domain_r);
}

enum error
domain_table_each(struct store_txn *txn,
    enum error (*fn)(void *arg, const char *domain, const char *tenant), void *arg)
{
	struct each each = {NULL, fn, arg, 1};
	struct key table;

	key_table(&table, TABLE_DOMAIN);
	return prefix_scan_each(txn, &table, visit, &each);
}
