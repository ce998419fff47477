/* SPDX-License-Identifier: BSD-2-Clause */
/* alias_table - other logins of a mailbox */
#include "policy/tables/alias_table.h"

#include <string.h>

#include "policy/model/alias_record.h"
#include "policy/store/prefix_scan.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/mailbox_table.h"

static enum error
put(struct store_txn *txn, const struct key *key, const struct login *value)
{
	uint8_t buf[ALIAS_RECORD_MAX];

	return store_put(txn, key, alias_record_encode(value, buf));
}

enum error
alias_table_get(struct store_txn *txn, const struct login *login,
    struct login *mailbox_r, bool *found_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes value;
	struct key key;
	enum error e;

	*found_r = false;
	if (store_meta(txn)->aliases == 0)
		return OK;
	key_login(&key, TABLE_ALIAS, login);
	e = store_get(txn, &key, buf, &value);
	if (e != OK || value.at == NULL)
		return e;
	*found_r = true;
	return alias_record_decode(value, mailbox_r);
}

/* owner - the tenant that owns a login's domain by name; "" for none */
static enum error
owner(struct store_txn *txn, const struct login *login, char *name)
{
	name[0] = '\0';
	return login->has_domain ? domain_table_get(txn, login_domain(login), name)
				 : OK;
}

/*
 * check_tenants - an alias within a domain that a tenant owns must lead to a mailbox
 * of that tenant; a domain nobody owns by name is free for any
 */
static enum error
check_tenants(struct store_txn *txn, const struct login *mailbox,
    const struct login *login, struct error_text *why)
{
	char of_login[TENANT_NAME_MAX + 1], of_mailbox[TENANT_NAME_MAX + 1] = "";
	enum error e = owner(txn, login, of_login);

	if (e == OK)
		e = owner(txn, mailbox, of_mailbox);
	if (e != OK || of_login[0] == '\0' || strcmp(of_login, of_mailbox) == 0)
		return e;
	return error_set(why, ERR_CONFLICT,
	    "login %s is in a domain of tenant %s, mailbox %s is not", login->text,
	    of_login, mailbox->text);
}

/* check_names - that neither end of the new alias stands for something else */
static enum error
check_names(struct store_txn *txn, const struct login *mailbox,
    const struct login *login, struct error_text *why)
{
	struct mailbox m;
	struct login other;
	bool found;
	enum error e;

	if (login_equal(mailbox, login))
		return error_set(
		    why, ERR_CONFLICT, "login %s is the mailbox itself", login->text);
	e = alias_table_get(txn, mailbox, &other, &found);
	if (e == OK && found)
		return error_set(why, ERR_CONFLICT,
		    "%s is itself an alias of mailbox %s", mailbox->text, other.text);
	if (e != OK || !login->has_domain)
		return e;
	e = mailbox_table_get(txn, login, &m, &found);
	if (e == OK && found)
		return error_set(why, ERR_CONFLICT,
		    "%s is a mailbox with its own setting; remove that first",
		    login->text);
	return e;
}

static enum error
note_alias(void *found, const struct login *login, const struct login *mailbox)
{
	(void)login;
	(void)mailbox;
	*(bool *)found = true;
	return WALK_STOP;
}

/* check_no_aliases - LOGIN must not have aliases of its own: they would lead astray */
static enum error
check_no_aliases(
    struct store_txn *txn, const struct login *login, struct error_text *why)
{
	bool found = false;
	enum error e;

	if (!login->has_domain)
		return OK;
	e = alias_table_each(txn, login, note_alias, &found);
	if (found)
		return error_set(
		    why, ERR_CONFLICT, "%s has aliases of its own", login->text);
	return e;
}

/* put_index - unless another alias of the mailbox has the same key, by its hash */
static enum error
put_index(struct store_txn *txn, const struct login *mailbox, const struct login *login,
    struct error_text *why)
{
	struct key key;
	bool empty;
	enum error e;

	key_mailbox_alias(&key, mailbox, login);
	e = prefix_scan_is_empty(txn, &key, &empty);
	if (e == OK && !empty)
		return error_set(why, ERR_CONFLICT,
		    "the database cannot tell login %s from another alias of mailbox "
		    "%s",
		    login->text, mailbox->text);
	return e == OK ? put(txn, &key, login) : e;
}

/* check_new - whether the alias may be made; then its entry of the index is */
static enum error
check_new(struct store_txn *txn, const struct login *mailbox, const struct login *login,
    struct error_text *why)
{
	enum error e = check_names(txn, mailbox, login, why);

	if (e == OK)
		e = check_no_aliases(txn, login, why);
	if (e == OK)
		e = check_tenants(txn, mailbox, login, why);
	return e == OK ? put_index(txn, mailbox, login, why) : e;
}

enum error
alias_table_add(struct store_txn *txn, const struct login *mailbox,
    const struct login *login, struct error_text *why)
{
	struct login other;
	struct key key;
	bool found;
	enum error e = alias_table_get(txn, login, &other, &found);

	if (e == OK && found && !login_equal(&other, mailbox))
		return error_set(why, ERR_EXISTS,
		    "login %s is an alias of mailbox %s already", login->text,
		    other.text);
	if (e == OK && !found)
		e = check_new(txn, mailbox, login, why);
	if (e != OK)
		return e;
	/* also where it is there already: it is a part of what is said in TXN */
	key_login(&key, TABLE_ALIAS, login);
	return put(txn, &key, mailbox);
}

enum error
alias_table_remove(struct store_txn *txn, const struct login *login)
{
	struct login mailbox;
	struct key key;
	bool found;
	enum error e = alias_table_get(txn, login, &mailbox, &found);

	if (e != OK || !found)
		return e == OK ? ERR_NOTFOUND : e;
	key_mailbox_alias(&key, &mailbox, login);
	e = store_delete(txn, &key);
	if (e != OK)
		return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
	key_login(&key, TABLE_ALIAS, login);
	return store_delete(txn, &key);
}

struct each {
	const struct login *mailbox; /* of the range, or NULL */
	const struct key *range;
	enum error (*fn)(
	    void *arg, const struct login *login, const struct login *mailbox);
	void *arg;
};

static enum error
visit(void *arg, struct bytes key, struct bytes value)
{
	const struct each *each = arg;
	struct login login, mailbox;
	enum error e;

	if (each->mailbox != NULL) {
		if (!key_is_alias_of(key, each->range))
			return OK;
		e = alias_record_decode(value, &login);
		return e == OK ? each->fn(each->arg, &login, each->mailbox) : e;
	}
	e = key_to_login(key, &login);
	if (e == OK)
		e = alias_record_decode(value, &mailbox);
	return e == OK ? each->fn(each->arg, &login, &mailbox) : e;
}

enum error
alias_table_each(struct store_txn *txn, const struct login *mailbox,
    enum error (*fn)(void *arg, const struct login *login, const struct login *mailbox),
    void *arg)
{
	struct key range;
	struct each each = {mailbox, &range, fn, arg};

	if (mailbox != NULL)
		key_mailbox_alias(&range, mailbox, NULL);
	else
		key_table(&range, TABLE_ALIAS);
	return prefix_scan_each(txn, &range, visit, &each);
}

struct separators {
	const char *of; /* characters */
	struct error_text *why;
};

/* check_whole - that an alias has no '@', or none of the characters */
static enum error
check_whole(void *arg, const struct login *login, const struct login *mailbox)
{
	const struct separators *s = arg;

	if (login->has_domain || strpbrk(login->text, s->of) == NULL)
		return OK;
	return error_set(s->why, ERR_CONFLICT,
	    "the login alias %s of mailbox %s would never be looked at; remove it "
	    "first",
	    login->text, mailbox->text);
}

enum error
alias_table_check_separators(
    struct store_txn *txn, const char *separators, struct error_text *why)
{
	struct separators s = {separators, why};

	return alias_table_each(txn, NULL, check_whole, &s);
}

/* visit_into - an entry of the index */
static enum error
visit_into(void *arg, struct bytes key, struct bytes value)
{
	const struct each *each = arg;
	struct login login, mailbox;
	enum error e = key_to_indexed(key, &mailbox);

	if (e == OK)
		e = alias_record_decode(value, &login);
	return e == OK ? each->fn(each->arg, &login, &mailbox) : e;
}

enum error
alias_table_each_into(struct store_txn *txn, const char *domain,
    enum error (*fn)(void *arg, const struct login *login, const struct login *mailbox),
    void *arg)
{
	struct each each = {NULL, NULL, fn, arg};
	struct key range;

	key_domain_range(&range, INDEX_ALIAS, domain);
	return prefix_scan_each(txn, &range, visit_into, &each);
}

/* take_alias - the first one of an index range */
static enum error
take_alias(void *arg, struct bytes key, struct bytes value)
{
	enum error e = alias_record_decode(value, arg);

	(void)key;
	return e == OK ? WALK_STOP : e;
}

enum error
alias_table_remove_into(struct store_txn *txn, const char *domain)
{
	struct login alias;
	struct key range;
	enum error e;

	key_domain_range(&range, INDEX_ALIAS, domain);
	do {
		alias.len = 0;
		e = prefix_scan_each(txn, &range, take_alias, &alias);
		if (e == OK && alias.len > 0)
			e = alias_table_remove(txn, &alias);
	} while (e == OK && alias.len > 0);
	return e;
}

struct owner_check {
	struct store_txn *txn;
	const char *domain, *tenant;
	struct error_text *why;
};

/* crossing - the alias ALIAS of a mailbox of OWNER, where they part */
static enum error
crossing(const struct owner_check *c, const struct login *alias)
{
	return error_set(c->why, ERR_CONFLICT,
	    "the login alias %s would then cross tenants; remove it first",
	    alias->text);
}

/* within - an alias in the domain: its mailbox must be the new owner's */
static enum error
within(void *arg, struct bytes key, struct bytes value)
{
	const struct owner_check *c = arg;
	char name[TENANT_NAME_MAX + 1] = "";
	struct login alias, mailbox;
	enum error e = key_to_login(key, &alias);

	if (e == OK)
		e = alias_record_decode(value, &mailbox);
	if (e == OK)
		e = owner(c->txn, &mailbox, name);
	if (e != OK || strcmp(name, c->tenant) == 0 ||
	    strcmp(login_domain(&mailbox), c->domain) == 0)
		return e;
	return crossing(c, &alias);
}

/* into - an alias of a mailbox of the domain: its own domain must be nobody else's */
static enum error
into(void *arg, struct bytes key, struct bytes value)
{
	const struct owner_check *c = arg;
	char name[TENANT_NAME_MAX + 1] = "";
	struct login alias;
	enum error e = alias_record_decode(value, &alias);

	(void)key;
	if (e == OK)
		e = owner(c->txn, &alias, name);
	if (e != OK || name[0] == '\0' || strcmp(name, c->tenant) == 0 ||
	    strcmp(login_domain(&alias), c->domain) == 0)
		return e;
	return crossing(c, &alias);
}

enum error
alias_table_check_owner(struct store_txn *txn, const char *domain, const char *tenant,
    struct error_text *why)
{
	struct owner_check c = {txn, domain, tenant, why};
	struct key range;
	enum error e;

	if (store_meta(txn)->aliases == 0)
		return OK;
	key_domain_range(&range, TABLE_ALIAS, domain);
	e = prefix_scan_each(txn, &range, within, &c);
	if (e != OK)
		return e;
	key_domain_range(&range, INDEX_ALIAS, domain);
	return prefix_scan_each(txn, &range, into, &c);
}
