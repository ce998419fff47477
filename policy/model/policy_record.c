/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_record - a record of any table of the policy, as stored */
#include "policy/model/policy_record.h"

#include <string.h>

#include "policy/identity/domain.h"
#include "policy/model/alias_record.h"
#include "policy/model/domain_record.h"
#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/settings.h"
#include "policy/model/tenant.h"

static enum error
check_setting(struct bytes key, struct bytes value)
{
	char name[SETTING_KEY_MAX + 1], text[SETTING_TEXT_MAX + 1];
	const struct setting *setting;
	struct settings s;
	enum error e = key_to_name(key, 1, SETTING_KEY_MAX, name);

	if (e != OK)
		return e;
	setting = settings_find(name);
	if (setting == NULL)
		return ERR_NEWER;
	e = settings_decode(value, text, sizeof text);
	return e == OK ? settings_apply(setting, text, &s) : e;
}

static enum error
check_tenant(struct bytes key, struct bytes value)
{
	char name[TENANT_NAME_MAX + 1];
	struct tenant t;
	enum error e = key_to_tenant(key, 1, name);

	return e == OK ? tenant_decode(value, &t) : e;
}

static enum error
check_domain(struct bytes key, struct bytes value)
{
	char name[DOMAIN_MAX + 1], normal[DOMAIN_MAX + 1];
	struct key index;
	enum error e = key_to_name(key, 1, DOMAIN_MAX, name);

	if (e != OK)
		return e;
	if (domain_parse(name, normal, NULL) != OK || strcmp(name, normal) != 0)
		return ERR_DAMAGED;
	return domain_record_index(key, value, &index);
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

	return alias_record_index(key, value, &index, buf, &entry);
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
	static const struct {
		enum table table;
		enum error (*check)(struct bytes key, struct bytes value);
	} tables[] = {{TABLE_SETTING, check_setting}, {TABLE_TENANT, check_tenant},
	    {TABLE_DOMAIN, check_domain}, {TABLE_MAILBOX, check_mailbox},
	    {TABLE_ALIAS, check_alias}, {TABLE_LOCK, check_lock}};

	if (key.len < 2 || key.len > KEY_MAX || value.len > RECORD_MAX)
		return ERR_DAMAGED;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (*(const uint8_t *)key.at == tables[i].table)
			return tables[i].check(key, value);
	return ERR_DAMAGED;
}

enum error
policy_record_index(struct bytes key, struct bytes value, struct key *index_r,
    uint8_t *buf, struct bytes *entry_r)
{
	index_r->len = 0;
	*entry_r = (struct bytes){"", 0};
	if (*(const uint8_t *)key.at == TABLE_DOMAIN)
		return domain_record_index(key, value, index_r);
	if (*(const uint8_t *)key.at == TABLE_ALIAS)
		return alias_record_index(key, value, index_r, buf, entry_r);
	return OK;
}
