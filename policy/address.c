/* SPDX-License-Identifier: BSD-2-Clause */
/* address - logins and mailbox addresses as administrators type them */
#include "policy/address.h"

#include <ctype.h>
#include <string.h>

#include "policy/alias_table.h"
#include "policy/domain_table.h"
#include "policy/tenant_table.h"

const char *
address_trim(const char *typed, size_t *len_r)
{
	const char *start = typed + strspn(typed, " ");
	size_t n = strlen(start);

	while (n > 0 && start[n - 1] == ' ')
		n--;
	*len_r = n;
	return start;
}

enum error
address_exact(struct store_txn *txn, const char *typed, struct login *out_r,
    struct error_text *why)
{
	size_t n;
	const char *start = address_trim(typed, &n);
	struct error_text reason;
	enum error e = login_normalize(
	    start, n, store_settings(txn)->login_separators, out_r, &reason);
	if (e == ERR_DATA)
		return error_set(
		    why, e, "bad login \"%.400s\": %.200s", typed, reason.text);
	return e == OK ? OK : error_about(why, e, typed);
}

enum error
address_login(struct store_txn *txn, const char *typed, struct login *out_r,
    struct error_text *why)
{
	const struct settings *settings = store_settings(txn);
	enum error e = address_exact(txn, typed, out_r, why);

	if (e == OK && settings_replace_domain(settings) && out_r->has_domain) {
		login_drop_domain(out_r);
		if (login_append_domain(out_r, settings->default_domain) != OK)
			return error_set(why, ERR_DATA, "\"%s\" is too long", typed);
	}
	return e;
}

/* is_plain_word - a name as people give it to a mailbox: letters, digits, "._-+'" */
static bool
is_plain_word(const struct login *name)
{
	for (size_t i = 0; i < name->len; i++)
		if ((unsigned char)name->text[i] < 0x80 &&
		    !isalnum((unsigned char)name->text[i]) &&
		    strchr("._-+'", name->text[i]) == NULL)
			return false;
	return true;
}

/* check_typed - that an address is not the result of a slip */
static enum error
check_typed(const struct login *address, const char *typed, struct error_text *why)
{
	size_t n = strcspn(address->text, ":;,<>\\\"*@");

	if (n < address->local)
		return error_set(why, ERR_DATA,
		    "\"%s\" is no mailbox: the name has '%c' in it", typed,
		    address->text[n]);
	if (!address->has_domain && !is_plain_word(address))
		return error_set(why, ERR_DATA,
		    "\"%s\" is no mailbox: it has no @, and is no plain name", typed);
	return OK;
}

enum error
address_normalize(struct store_txn *txn, const char *typed, struct login *out_r,
    struct error_text *why)
{
	const char *domain = store_settings(txn)->default_domain;
	enum error e = address_exact(txn, typed, out_r, why);

	if (e == OK)
		e = check_typed(out_r, typed, why);
	if (e != OK)
		return e;
	if (!out_r->has_domain && domain[0] == '\0')
		return error_set(
		    why, ERR_DATA, "\"%s\" is no mailbox: it has no @", typed);
	if (!out_r->has_domain && login_append_domain(out_r, domain) != OK)
		return error_set(why, ERR_DATA, "\"%s\" is too long", typed);
	return OK;
}

enum error
address_find_owner(
    struct store_txn *txn, const struct login *address, struct address_owner *owner)
{
	const char *domain = login_domain(address);
	enum error e;

	if (strcmp(domain, owner->domain) == 0)
		return owner->tenant[0] != '\0' ? OK : ERR_NOTFOUND;
	owner->domain[0] = owner->tenant[0] = '\0';
	e = domain_table_owner(txn, domain, owner->tenant);
	if (e == ERR_NOTFOUND)
		owner->tenant[0] = '\0';
	if (e == OK || e == ERR_NOTFOUND)
		memcpy(owner->domain, domain, strlen(domain) + 1);
	return e;
}

enum error
address_check_owner(struct store_txn *txn, const char *typed,
    const struct login *address, struct error_text *why)
{
	struct tenant t;
	enum error e = tenant_table_of(txn, address, &t);

	if (e == ERR_NOTFOUND)
		return error_set(why, ERR_DATA,
		    "no tenant owns the domain of \"%s\"; see \"smtpauthctl domain "
		    "add\"",
		    typed);
	return e;
}

enum error
address_check_alias(
    struct store_txn *txn, const struct login *address, struct error_text *why)
{
	struct login mailbox;
	enum error e = alias_table_get(txn, address, &mailbox);

	if (e == OK)
		return error_set(why, ERR_CONFLICT, "%s is a login alias of mailbox %s",
		    address->text, mailbox.text);
	return e == ERR_NOTFOUND ? OK : e;
}

enum error
address_mailbox(struct store_txn *txn, const char *typed, struct login *out_r,
    struct error_text *why)
{
	enum error e = address_normalize(txn, typed, out_r, why);

	if (e == OK)
		e = address_check_owner(txn, typed, out_r, why);
	return e == OK ? address_check_alias(txn, out_r, why) : e;
}
