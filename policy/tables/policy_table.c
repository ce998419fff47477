/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_table - any record of the policy, kept with its entry of the index */
#include "policy/tables/policy_table.h"

#include <string.h>

#include "policy/model/policy_record.h"
#include "policy/tables/notice_table.h"

/* drop_index - the entry of a record that goes or changes */
static enum error
drop_index(struct store_txn *txn, struct bytes key, struct bytes old)
{
	uint8_t buf[LOGIN_MAX + 1];
	struct bytes entry;
	struct key index;
	enum error e = policy_record_index(key, old, &index, buf, &entry);

	if (e != OK || index.len == 0)
		return e;
	e = store_delete(txn, &index);
	return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
}

static struct key
as_key(struct bytes bytes)
{
	struct key key = {.len = bytes.len};

	memcpy(key.at, bytes.at, bytes.len);
	return key;
}

enum error
policy_table_put(
    struct store_txn *txn, struct bytes key, struct bytes value, struct bytes old)
{
	struct key own = as_key(key), index;
	uint8_t buf[LOGIN_MAX + 1];
	struct bytes entry;
	enum error e = old.at != NULL ? drop_index(txn, key, old) : OK;

	if (e == OK)
		e = store_put(txn, &own, value);
	if (e == OK)
		e = policy_record_index(key_bytes(&own), value, &index, buf, &entry);
	return e == OK && index.len > 0 ? store_put(txn, &index, entry) : e;
}

enum error
policy_table_remove(struct store_txn *txn, struct bytes key, struct bytes old)
{
	struct key own = as_key(key);
	char name[TENANT_NAME_MAX + 1];
	enum error e = drop_index(txn, key, old);

	if (e == OK)
		e = store_delete(txn, &own);
	if (e != OK || own.at[0] != TABLE_TENANT)
		return e;
	if (own.len - 1 > TENANT_NAME_MAX)
		return ERR_DAMAGED;
	memcpy(name, own.at + 1, own.len - 1);
	name[own.len - 1] = '\0';
	e = notice_table_remove(txn, name);
	return e == ERR_NOTFOUND ? OK : e;
}
