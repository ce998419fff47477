/* SPDX-License-Identifier: BSD-2-Clause */
/* ownership - the tenant that an address belongs to */
#include "policy/tables/ownership.h"

#include <string.h>

#include "policy/model/address.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/tenant_table.h"

enum error
ownership_find(
    struct store_txn *txn, const struct login *address, struct ownership *owner)
{
	const char *domain = login_domain(address);
	enum error e;

	if (strcmp(domain, owner->domain) == 0)
		return OK;
	owner->domain[0] = '\0';
	e = domain_table_owner(txn, domain, owner->tenant);
	if (e == OK)
		memcpy(owner->domain, domain, strlen(domain) + 1);
	return e;
}

enum error
ownership_check(struct store_txn *txn, const char *typed, const struct login *address,
    struct error_text *why)
{
	struct tenant t;
	bool found;
	enum error e = tenant_table_of(txn, address, &t, &found);

	if (e == OK && !found)
		return error_set(why, ERR_DATA,
		    "no tenant owns the domain of \"%s\"; see \"smtpauthctl domain "
		    "add\"",
		    typed);
	return e;
}

enum error
ownership_check_alias(
    struct store_txn *txn, const struct login *address, struct error_text *why)
{
	struct login mailbox;
	bool found;
	enum error e = alias_table_get(txn, address, &mailbox, &found);

	if (e == OK && found)
		return error_set(why, ERR_CONFLICT, "%s is a login alias of mailbox %s",
		    address->text, mailbox.text);
	return e;
}

enum error
ownership_mailbox(struct store_txn *txn, const char *typed, struct login *out_r,
    struct error_text *why)
{
	enum error e = address_normalize(store_settings(txn), typed, out_r, why);

	if (e == OK)
		e = ownership_check(txn, typed, out_r, why);
	return e == OK ? ownership_check_alias(txn, out_r, why) : e;
}
