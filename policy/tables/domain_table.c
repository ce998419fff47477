/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_table - which tenant owns which domain */
#include "policy/tables/domain_table.h"

#include <string.h>

#include "policy/model/domain_record.h"
#include "policy/store/prefix_scan.h"
#include "policy/tables/policy_table.h"

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
domain_table_put(struct store_txn *txn, const char *domain, const char *tenant)
{
	uint8_t record[DOMAIN_RECORD_MAX], buf[RECORD_MAX];
	struct bytes old;
	struct key key;
	enum error e;

	key_name(&key, TABLE_DOMAIN, domain);
	e = store_get(txn, &key, buf, &old);
	if (e != OK)
		return e;
	return policy_table_put(
	    txn, key_bytes(&key), domain_record_encode(tenant, record), old);
}

enum error
domain_table_remove(struct store_txn *txn, const char *domain)
{
	struct key key;

	key_name(&key, TABLE_DOMAIN, domain);
	return policy_table_delete(txn, &key);
}

struct domain_walk {
	const char *tenant; /* of an index; or NULL */
	size_t skip;        /* bytes of the key before the domain */
	domain_table_visitor *fn;
	void *arg;
};

static enum error
domain_visit(void *arg, struct bytes key, struct bytes value)
{
	const struct domain_walk *w = arg;
	char domain[DOMAIN_MAX + 1], tenant[TENANT_NAME_MAX + 1];
	enum error e = key_to_name(key, w->skip, DOMAIN_MAX, domain);

	if (e == OK && w->tenant == NULL)
		e = domain_record_decode(value, tenant);
	if (e != OK)
		return e;
	return w->fn(w->arg, domain, w->tenant != NULL ? w->tenant : tenant);
}

enum error
domain_table_each(
    struct store_txn *txn, const char *tenant, domain_table_visitor *fn, void *arg)
{
	struct domain_walk w = {tenant, 0, fn, arg};
	struct key range;

	if (tenant != NULL)
		key_tenant_domain(&range, tenant, "");
	else
		key_table(&range, TABLE_DOMAIN);
	w.skip = range.len;
	return prefix_scan_each(txn, &range, domain_visit, &w);
}

static enum error
domain_take_first(void *arg, const char *domain, const char *tenant)
{
	(void)tenant;
	memcpy(arg, domain, strlen(domain) + 1);
	return WALK_STOP;
}

enum error
domain_table_first_of(struct store_txn *txn, const char *tenant, char *domain_r)
{
	domain_r[0] = '\0';
	return domain_table_each(txn, tenant, domain_take_first, domain_r);
}
