/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_table - the notices as the database has them: one a tenant, the last one */
#include "policy/tables/notice_table.h"

enum error
notice_table_get(
    struct store_txn *txn, const char *tenant, struct notice *out_r, bool *found_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes value;
	struct key key;
	enum error e;

	key_name(&key, TABLE_NOTICE, tenant);
	e = store_get(txn, &key, buf, &value);
	*found_r = e == OK && value.at != NULL;
	return *found_r ? notice_decode(value, out_r) : e;
}

enum error
notice_table_put(struct store_txn *txn, const char *tenant, const struct notice *n)
{
	struct record_writer w;
	uint8_t buf[RECORD_MAX];
	struct key key;

	key_name(&key, TABLE_NOTICE, tenant);
	record_write_start(&w, buf, sizeof buf);
	notice_encode(n, &w);
	return w.failed ? ERR_LIMIT : store_put(txn, &key, (struct bytes){buf, w.len});
}

enum error
notice_table_remove(struct store_txn *txn, const char *tenant)
{
	struct key key;

	key_name(&key, TABLE_NOTICE, tenant);
	return store_delete(txn, &key);
}
