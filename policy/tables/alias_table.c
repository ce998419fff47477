/* SPDX-License-Identifier: BSD-2-Clause */
/* alias_table - other logins of a mailbox */
#include "policy/tables/alias_table.h"

#include "policy/model/alias_record.h"
#include "policy/store/prefix_scan.h"
#include "policy/tables/policy_table.h"

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

/* alias_check_index - the key of an entry has no more than a hash of the alias */
static enum error
alias_check_index(
    struct store_txn *txn, const struct login *mailbox, const struct login *login)
{
	uint8_t buf[RECORD_MAX];
	struct login other;
	struct bytes value;
	struct key key;
	enum error e;

	key_mailbox_alias(&key, mailbox, login);
	e = store_get(txn, &key, buf, &value);
	if (e != OK || value.at == NULL)
		return e;
	e = alias_record_decode(value, &other);
	return e == OK && !login_equal(&other, login) ? ERR_CONFLICT : e;
}

enum error
alias_table_put(
    struct store_txn *txn, const struct login *mailbox, const struct login *login)
{
	uint8_t record[ALIAS_RECORD_MAX], buf[RECORD_MAX];
	struct bytes old;
	struct key key;
	enum error e = alias_check_index(txn, mailbox, login);

	key_login(&key, TABLE_ALIAS, login);
	if (e == OK)
		e = store_get(txn, &key, buf, &old);
	if (e != OK)
		return e;
	return policy_table_put(
	    txn, key_bytes(&key), alias_record_encode(mailbox, record), old);
}

enum error
alias_table_remove(struct store_txn *txn, const struct login *login)
{
	struct key key;

	key_login(&key, TABLE_ALIAS, login);
	return policy_table_delete(txn, &key);
}

struct alias_walk {
	const struct login *mailbox; /* of an index: only its aliases; or NULL */
	alias_table_visitor *fn;
	void *arg;
};

static enum error
alias_visit_record(void *arg, struct bytes key, struct bytes value)
{
	const struct alias_walk *w = arg;
	struct login login, mailbox;
	enum error e = key_to_login(key, &login);

	if (e == OK)
		e = alias_record_decode(value, &mailbox);
	return e == OK ? w->fn(w->arg, &login, &mailbox) : e;
}

static enum error
alias_visit_index(void *arg, struct bytes key, struct bytes value)
{
	const struct alias_walk *w = arg;
	struct login login, mailbox;
	enum error e = key_to_indexed(key, &mailbox);

	if (e == OK)
		e = alias_record_decode(value, &login);
	if (e != OK || (w->mailbox != NULL && !login_equal(w->mailbox, &mailbox)))
		return e;
	return w->fn(w->arg, &login, &mailbox);
}

enum error
alias_table_each(struct store_txn *txn, const struct login *mailbox,
    alias_table_visitor *fn, void *arg)
{
	struct alias_walk w = {mailbox, fn, arg};
	struct key range;

	if (mailbox != NULL)
		key_mailbox_alias(&range, mailbox, NULL);
	else
		key_table(&range, TABLE_ALIAS);
	return prefix_scan_each(
	    txn, &range, mailbox != NULL ? alias_visit_index : alias_visit_record, &w);
}

enum error
alias_table_each_within(
    struct store_txn *txn, const char *domain, alias_table_visitor *fn, void *arg)
{
	struct alias_walk w = {NULL, fn, arg};
	struct key range;

	key_domain_range(&range, TABLE_ALIAS, domain);
	return prefix_scan_each(txn, &range, alias_visit_record, &w);
}

enum error
alias_table_each_into(
    struct store_txn *txn, const char *domain, alias_table_visitor *fn, void *arg)
{
	struct alias_walk w = {NULL, fn, arg};
	struct key range;

	key_domain_range(&range, INDEX_ALIAS, domain);
	return prefix_scan_each(txn, &range, alias_visit_index, &w);
}

static enum error
alias_take_first(void *arg, const struct login *login, const struct login *mailbox)
{
	(void)mailbox;
	*(struct login *)arg = *login;
	return WALK_STOP;
}

enum error
alias_table_remove_into(struct store_txn *txn, const char *domain)
{
	struct login alias;
	enum error e;

	do {
		alias.len = 0;
		e = alias_table_each_into(txn, domain, alias_take_first, &alias);
		if (e == OK && alias.len > 0)
			e = alias_table_remove(txn, &alias);
	} while (e == OK && alias.len > 0);
	return e;
}
