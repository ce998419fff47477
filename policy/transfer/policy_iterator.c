/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_iterator - the records of the policy, in the order of keys */
#include "policy/transfer/policy_iterator.h"

#include <string.h>

/* The tables of the policy, in the order of their bytes. */
static const enum table tables[] = {
    TABLE_ALIAS, TABLE_DOMAIN, TABLE_LOCK, TABLE_SETTING, TABLE_TENANT, TABLE_MAILBOX};

enum error
policy_iterator_open(struct policy_iterator *w, struct store_txn *txn)
{
	key_table(&w->next, tables[0]);
	w->moved = true;
	return db_cursor_open(store_db(txn), &w->cursor);
}

void
policy_iterator_close(struct policy_iterator *w)
{
	db_cursor_close(&w->cursor);
}

void
policy_iterator_moved(struct policy_iterator *w)
{
	w->moved = true;
}

/* policy_iterator_skip - from a record outside of the policy to the next table */
static enum error
policy_iterator_skip(struct policy_iterator *w)
{
	enum error e = OK;

	while (e == OK && !key_is_policy(db_cursor_key(w->cursor))) {
		const uint8_t *at = db_cursor_key(w->cursor).at;
		size_t i = 0;

		if (at == NULL)
			return ERR_NOTFOUND;
		while (i < sizeof tables / sizeof *tables && tables[i] < at[0])
			i++;
		if (i == sizeof tables / sizeof *tables)
			return ERR_NOTFOUND;
		key_table(&w->next, tables[i]);
		e = db_cursor_seek(w->cursor, &w->next);
	}
	return e;
}

enum error
policy_iterator_next(struct policy_iterator *w, struct bytes *key_r,
    struct bytes *value_r, bool *found_r)
{
	enum error e =
	    w->moved ? db_cursor_seek(w->cursor, &w->next) : db_cursor_next(w->cursor);

	if (e == OK)
		e = policy_iterator_skip(w);
	*found_r = e == OK;
	if (e != OK)
		return e == ERR_NOTFOUND ? OK : e;
	*key_r = db_cursor_key(w->cursor);
	*value_r = db_cursor_value(w->cursor);
	memcpy(w->next.at, key_r->at, key_r->len);
	w->next.len = key_r->len;
	if (w->next.len < KEY_MAX)
		w->next.at[w->next.len++] = 0;
	w->moved = false;
	return OK;
}
