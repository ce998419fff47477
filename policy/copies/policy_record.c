/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_record - a record of any table of the policy, with its entry of the index */
#include "policy/copies/policy_record.h"

#include <string.h>

#include "policy/alias_table.h"
#include "policy/domain_table.h"
#include "policy/lock.h"
#include "policy/mailbox.h"
#include "policy/notice_table.h"
#include "policy/tenant.h"

/* name_of - the name that a key is made of, behind the table byte */
static enum error
name_of(struct bytes key, size_t most, char *name_r)
{
	size_t n = key.len - 1;

	if (n == 0 || n > most || memchr((const char *)key.at + 1, '\0', n) != NULL)
		return ERR_DAMAGED;
	memcpy(name_r, (const char *)key.at + 1, n);
	name_r[n] = '\0';
	return OK;
}

static enum error
check_setting(struct bytes key, struct bytes value)
{
	char name[SETTING_KEY_MAX + 1], text[SETTING_TEXT_MAX + 1];
	const struct setting *setting;
	struct settings s;
	enum error e = name_of(key, SETTING_KEY_MAX, name);

	if (e != OK)
		return e;
	setting = setting_find(name);
	if (setting == NULL)
		return ERR_NEWER;
	e = setting_decode(value, text, sizeof text);
	return e == OK ? setting_apply(setting, text, &s) : e;
}

static enum error
check_tenant(struct bytes key, struct bytes value)
{
	char name[TENANT_NAME_MAX + 1], normal[TENANT_NAME_MAX + 1];
	struct tenant t;
	enum error e = name_of(key, TENANT_NAME_MAX, name);

	if (e == OK &&
	    (tenant_name_parse(name, normal, NULL) != OK || strcmp(name, normal) != 0))
		return ERR_DAMAGED;
	return e == OK ? tenant_decode(value, &t) : e;
}

static enum error
check_domain(struct bytes key, struct bytes value)
{
	char name[DOMAIN_MAX + 1], normal[DOMAIN_MAX + 1];
	struct key index;
	enum error e = name_of(key, DOMAIN_MAX, name);

	if (e == OK &&
	    (domain_parse(name, normal, NULL) != OK || strcmp(name, normal) != 0))
		return ERR_DAMAGED;
	return e == OK ? domain_table_index(key, value, &index) : e;
}

static enum error
check_mailbox(struct bytes key, struct bytes value)
{
	struct login address;
	struct mailbox m;
	enum error e = key_to_login(key, &address);

	if (e == OK && !address.has_domain)
		return ERR_DAMAGED;
	if (e == OK)
		e = mailbox_decode(value, &m);
	return e == OK && mailbox_is_empty(&m) ? ERR_DAMAGED : e;
}

static enum error
check_alias(struct bytes key, struct bytes value)
{
	uint8_t buf[LOGIN_MAX + 1];
	struct bytes entry;
	struct key index;

	return alias_table_index(key, value, &index, buf, &entry);
}

static enum error
check_lock(struct bytes key, struct bytes value)
{
	struct lock lock;

	return lock_record_check(key, value, &lock);
}

enum error
policy_record_check(struct bytes key, struct bytes value)
{
	if (key.len < 2 || key.len > KEY_MAX || value.len > RECORD_MAX)
		return ERR_DAMAGED;
	switch ((enum table) * (const uint8_t *)key.at) {
	case TABLE_SETTING:
		return check_setting(key, value);
	case TABLE_TENANT:
		return check_tenant(key, value);
	case TABLE_DOMAIN:
		return check_domain(key, value);
	case TABLE_MAILBOX:
		return check_mailbox(key, value);
	case TABLE_ALIAS:
		return check_alias(key, value);
	case TABLE_LOCK:
		return check_lock(key, value);
	case TABLE_META:
	case TABLE_LOCAL_LOCK:
	case TABLE_NOTICE:
	case TABLE_AUDIT:
	case INDEX_ALIAS:
	case INDEX_DOMAIN:
		break;
	}
	return ERR_DAMAGED;
}

/* index_of - the entry that belongs to a record; an empty key for none */
static enum error
index_of(struct bytes key, struct bytes value, struct key *index_r, uint8_t *buf,
    struct bytes *entry_r)
{
	index_r->len = 0;
	*entry_r = (struct bytes){"", 0};
	if (*(const uint8_t *)key.at == TABLE_DOMAIN)
		return domain_table_index(key, value, index_r);
	if (*(const uint8_t *)key.at == TABLE_ALIAS)
		return alias_table_index(key, value, index_r, buf, entry_r);
	return OK;
}

/* drop_index - the entry of a record that goes or changes */
static enum error
drop_index(struct store_txn *txn, struct bytes key, struct bytes old)
{
	uint8_t buf[LOGIN_MAX + 1];
	struct bytes entry;
	struct key index;
	enum error e = index_of(key, old, &index, buf, &entry);

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
policy_record_put(
    struct store_txn *txn, struct bytes key, struct bytes value, struct bytes old)
{
	struct key own = as_key(key), index;
	uint8_t buf[LOGIN_MAX + 1];
	struct bytes entry;
	enum error e = old.at != NULL ? drop_index(txn, key, old) : OK;

	if (e == OK)
		e = store_put(txn, &own, value);
	if (e == OK)
		e = index_of(key_bytes(&own), value, &index, buf, &entry);
	return e == OK && index.len > 0 ? store_put(txn, &index, entry) : e;
}

enum error
policy_record_remove(struct store_txn *txn, struct bytes key, struct bytes old)
{
	struct key own = as_key(key);
	char name[TENANT_NAME_MAX + 1];
	enum error e = drop_index(txn, key, old);

	if (e == OK)
		e = store_delete(txn, &own);
	if (e != OK || own.at[0] != TABLE_TENANT)
		return e;
	e = name_of(key_bytes(&own), TENANT_NAME_MAX, name);
	if (e == OK)
		e = notice_table_remove(txn, name);
	return e == ERR_NOTFOUND ? OK : e;
}
