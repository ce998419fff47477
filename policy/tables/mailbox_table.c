/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox_table - the mailboxes' own settings as the database has them */
#include "policy/tables/mailbox_table.h"

#include "policy/store/prefix_scan.h"

enum error
mailbox_table_get(struct store_txn *txn, const struct login *address,
    struct mailbox *out_r, bool *found_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes value;
	struct key key;
	enum error e;

	key_login(&key, TABLE_MAILBOX, address);
	e = store_get(txn, &key, buf, &value);
	if (found_r != NULL)
		*found_r = e == OK && value.at != NULL;
	if (e != OK)
		return e;
	if (value.at != NULL)
		return mailbox_decode(value, out_r);
	mailbox_init(out_r);
	return OK;
}

/* mailbox_write - the record, with store_put() or store_insert() */
static enum error
mailbox_write(struct store_txn *txn, const struct login *address,
    const struct mailbox *m,
    enum error (*way)(struct store_txn *txn, const struct key *key, struct bytes value))
{
	struct record_writer w;
	uint8_t buf[RECORD_MAX];
	struct key key;

	key_login(&key, TABLE_MAILBOX, address);
	record_write_start(&w, buf, sizeof buf);
	mailbox_encode(m, &w);
	return w.failed ? ERR_LIMIT : way(txn, &key, (struct bytes){buf, w.len});
}

enum error
mailbox_table_put(
    struct store_txn *txn, const struct login *address, const struct mailbox *m)
{
	enum error e;

	if (!mailbox_is_empty(m))
		return mailbox_write(txn, address, m, store_put);
	e = mailbox_table_remove(txn, address);
	return e == ERR_NOTFOUND ? OK : e;
}

enum error
mailbox_table_insert(
    struct store_txn *txn, const struct login *address, const struct mailbox *m)
{
	return mailbox_write(txn, address, m, store_insert);
}

enum error
mailbox_table_remove(struct store_txn *txn, const struct login *address)
{
	struct key key;

	key_login(&key, TABLE_MAILBOX, address);
	return store_delete(txn, &key);
}

struct mailbox_walk {
	mailbox_table_visitor *fn;
	void *arg;
};

static enum error
mailbox_visit(void *arg, struct bytes key, struct bytes value)
{
	const struct mailbox_walk *w = arg;
	struct login address;
	struct mailbox m;
	enum error e = key_to_login(key, &address);

	if (e == OK)
		e = mailbox_decode(value, &m);
	return e == OK ? w->fn(w->arg, &address, &m) : e;
}

enum error
mailbox_table_each(
    struct store_txn *txn, const char *domain, mailbox_table_visitor *fn, void *arg)
{
	struct mailbox_walk w = {fn, arg};
	struct key key;

	if (domain != NULL)
		key_domain_range(&key, TABLE_MAILBOX, domain);
	else
		key_table(&key, TABLE_MAILBOX);
	return prefix_scan_each(txn, &key, mailbox_visit, &w);
}
