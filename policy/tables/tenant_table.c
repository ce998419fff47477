/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_table - the tenants as the database has them */
#include "policy/tables/tenant_table.h"

#include <string.h>

#include "policy/store/prefix_scan.h"
#include "policy/tables/policy_table.h"

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
	return w.failed ? ERR_LIMIT : store_put(txn, &key, (struct bytes){buf, w.len});
}

enum error
tenant_table_remove(struct store_txn *txn, const char *name)
{
	struct key key;

	key_name(&key, TABLE_TENANT, name);
	return policy_table_delete(txn, &key);
}

struct tenant_walk {
	tenant_table_visitor *fn;
	void *arg;
};

static enum error
tenant_visit(void *arg, struct bytes key, struct bytes value)
{
	const struct tenant_walk *w = arg;
	struct tenant t;
	enum error e = tenant_decode(value, &t);

	if (e == OK)
		e = key_to_name(key, 1, TENANT_NAME_MAX, t.name);
	return e == OK ? w->fn(w->arg, &t) : e;
}

enum error
tenant_table_each(struct store_txn *txn, tenant_table_visitor *fn, void *arg)
{
	struct tenant_walk w = {fn, arg};
	struct key key;

	key_table(&key, TABLE_TENANT);
	return prefix_scan_each(txn, &key, tenant_visit, &w);
}
