/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_table - any record of the policy, kept with its entry of the index */
#include "policy/tables/policy_table.h"

#include <string.h>

#include "policy/model/policy_record.h"
#include "policy/model/tenant.h"
#include "policy/tables/notice_table.h"

/* drop_index - the entry of a record that is removed or changed */
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

enum error
policy_table_put(
    struct store_txn *txn, struct bytes key, struct bytes value, struct bytes old)
{
	struct key own = key_copy(key), index = {.len = 0};
	uint8_t buf[LOGIN_MAX + 1];
	struct bytes entry;
	enum error e = OK;

	if (old.at != NULL &&
	    (old.len != value.len || memcmp(old.at, value.at, old.len) != 0))
		e = drop_index(txn, key, old);
	if (e == OK)
		e = store_put(txn, &own, value);
	if (e == OK)
		e = policy_record_index(key_bytes(&own), value, &index, buf, &entry);
	if (e != OK || index.len == 0)
		return e;
	return store_put(txn, &index, entry);
}

enum error
policy_table_remove(struct store_txn *txn, struct bytes key, struct bytes old)
{
	struct key own = key_copy(key);
	char name[TENANT_NAME_MAX + 1];
	enum error e = drop_index(txn, key, old);

	if (e == OK)
		e = store_delete(txn, &own);
	if (e != OK || own.at[0] != TABLE_TENANT)
		return e;
	e = key_to_name(key_bytes(&own), 1, TENANT_NAME_MAX, name);
	if (e == OK)
		e = notice_table_remove(txn, name);
	return e == ERR_NOTFOUND ? OK : e;
}

enum error
policy_table_delete(struct store_txn *txn, const struct key *key)
{
	uint8_t buf[RECORD_MAX];
	struct bytes old;
	enum error e = store_get(txn, key, buf, &old);

	if (e == OK && old.at == NULL)
		return ERR_NOTFOUND;
	return e == OK ? policy_table_remove(txn, key_bytes(key), old) : e;
}
