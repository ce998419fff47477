/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_table - the tenants as the database has them */
#include "policy/tables/tenant_table.h"

#include <string.h>

#include "policy/store/prefix_scan.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/notice_table.h"

enum error
tenant_table_get(
    struct store_txn *txn, const char *name, struct tenant *out_r, bool *found_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes record;
	struct key key;
	enum error e;

	key_name(&key, TABLE_TENANT, name);
	e = store_get(txn, &key, buf, &record);
	*found_r = e == OK && record.at != NULL;
	if (!*found_r)
		return e;
	e = tenant_decode(record, out_r);
	if (e == OK)
		memmove(out_r->name, name, strlen(name) + 1);
	return e;
}

enum error
tenant_table_put(struct store_txn *txn, const struct tenant *t)
{
	struct record_writer w;
	uint8_t buf[RECORD_MAX];
	struct key key;

	key_name(&key, TABLE_TENANT, t->name);
	record_write_start(&w, buf, sizeof buf);
	tenant_encode(t, &w);
	if (w.failed)
		return ERR_LIMIT;
	return store_put(txn, &key, (struct bytes){buf, w.len});
}

enum error
tenant_table_of(struct store_txn *txn, const struct login *login, struct tenant *out_r,
    bool *found_r)
{
	const char *domain = login->has_domain ? login_domain(login) : DOMAIN_ANY;
	char name[TENANT_NAME_MAX + 1];
	enum error e = domain_table_owner(txn, domain, name);

	*found_r = false;
	if (e != OK || name[0] == '\0')
		return e;
	e = tenant_table_get(txn, name, out_r, found_r);
	return e == OK && !*found_r ? ERR_DAMAGED : e;
}

enum error
tenant_table_denies(struct store_txn *txn, const struct tenant *t, bool *denies_r)
{
	struct lock_state lock = {.set = false};
	enum error e = lock_table_add_tenant(txn, t->name, &lock);

	*denies_r = t->smtp_auth == SMTP_AUTH_DISABLED || lock.set;
	return e;
}

/*
 * surely_denies - whether a tenant denies all its logins, at any time and until
 * somebody changes that
 */
static enum error
surely_denies(struct store_txn *txn, const struct tenant *t, bool *denies_r)
{
	const struct settings *s = store_settings(txn);
	enum action action = t->action == ACTION_DEFAULT ? s->action : t->action;
	struct lock_state lock = {.set = false};
	enum error e = lock_table_add_tenant(txn, t->name, &lock);

	*denies_r = (lock.set && lock.until == INSTANT_NONE) ||
	    (t->smtp_auth == SMTP_AUTH_DISABLED && t->blocks == BLOCKS_ALL &&
		t->enforce_from == INSTANT_NONE && action != ACTION_REPORT);
	return e;
}

/* passes_without - whether logins without the tenant may pass: of nobody, or of another
 */
static enum error
passes_without(struct store_txn *txn, const struct tenant *t, bool *passes_r)
{
	char name[TENANT_NAME_MAX + 1];
	struct tenant other;
	bool found, denies = false;
	enum error e = domain_table_get(txn, DOMAIN_ANY, name);

	*passes_r = store_settings(txn)->unknown_tenant == ACTION_ACCEPT;
	if (e != OK || *passes_r || name[0] == '\0' || strcmp(name, t->name) == 0)
		return e;
	e = tenant_table_get(txn, name, &other, &found);
	if (e == OK && !found)
		e = ERR_DAMAGED;
	if (e == OK)
		e = surely_denies(txn, &other, &denies);
	*passes_r = !denies;
	return e;
}

enum error
tenant_table_protects(struct store_txn *txn, const struct tenant *t, bool *protects_r)
{
	bool passes;
	enum error e = passes_without(txn, t, &passes);

	*protects_r = false;
	return e == OK && passes ? tenant_table_denies(txn, t, protects_r) : e;
}

struct removal {
	struct store_txn *txn;
	bool used;
};

/* note_use - of the domains, up to the first one that is used */
static enum error
note_use(void *arg, const char *domain)
{
	struct removal *r = arg;
	enum error e = domain_table_used(r->txn, domain, &r->used);

	return e == OK && r->used ? WALK_STOP : e;
}

/* may_remove - the guards */
static enum error
may_remove(struct store_txn *txn, const struct tenant *t, struct error_text *why)
{
	struct removal r = {txn, false};
	bool protects;
	enum error e = domain_table_each_of(txn, t->name, note_use, &r);

	if (r.used)
		return error_set(why, ERR_CONFLICT,
		    "tenant %s has mailboxes; --force removes them too", t->name);
	if (e != OK)
		return e;
	e = tenant_table_protects(txn, t, &protects);
	if (e == OK && protects)
		return error_set(why, ERR_PROTECTED,
		    "tenant %s denies SMTP AUTH, and unknown-tenant is accept: without "
		    "it its "
		    "logins would pass; use --force if that is meant",
		    t->name);
	return e;
}

/* remove_domains - with all that is in them */
static enum error
remove_domains(struct store_txn *txn, const char *tenant)
{
	char domain[DOMAIN_MAX + 1];
	enum error e;

	while ((e = domain_table_first_of(txn, tenant, domain)) == OK &&
	    domain[0] != '\0') {
		e = domain_table_empty(txn, domain);
		if (e == OK)
			e = domain_table_delete(txn, tenant, domain);
		if (e != OK)
			return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
	}
	return e;
}

/* forget_notice - what its contact was told, if anything */
static enum error
forget_notice(struct store_txn *txn, const char *tenant)
{
	enum error e = notice_table_remove(txn, tenant);

	return e == ERR_NOTFOUND ? OK : e;
}

enum error
tenant_table_remove(
    struct store_txn *txn, const char *name, bool force, struct error_text *why)
{
	struct tenant t;
	struct key key;
	bool found;
	enum error e = tenant_table_get(txn, name, &t, &found);

	if (e == OK && !found)
		e = ERR_NOTFOUND;
	if (e == OK && !force)
		e = may_remove(txn, &t, why);
	if (e == OK)
		e = remove_domains(txn, name);
	if (e == OK)
		e = forget_notice(txn, name);
	key_name(&key, TABLE_TENANT, name);
	return e == OK ? store_delete(txn, &key) : e;
}

struct each {
	enum error (*fn)(void *arg, const struct tenant *t);
	void *arg;
};

static enum error
visit(void *arg, struct bytes key, struct bytes value)
{
	const struct each *each = arg;
	struct tenant t;
	enum error e = tenant_decode(value, &t);

	if (e == OK && key.len - 1 > TENANT_NAME_MAX)
		e = ERR_DAMAGED;
	if (e != OK)
		return e;
	memcpy(t.name, (const char *)key.at + 1, key.len - 1);
	t.name[key.len - 1] = '\0';
	return each->fn(each->arg, &t);
}

enum error
tenant_table_each(struct store_txn *txn,
    enum error (*fn)(void *arg, const struct tenant *t), void *arg)
{
	struct each each = {fn, arg};
	struct key key;

	key_table(&key, TABLE_TENANT);
	return prefix_scan_each(txn, &key, visit, &each);
}
