/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_iterator - the records of the policy, in the order of keys */
#include "policy/transfer/policy_iterator.h"

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

/* policy_iterator_skip - NEXT becomes the table after KEY; false after the last one */
static bool
policy_iterator_skip(struct policy_iterator *w, struct bytes key)
{
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		if (tables[i] < *(const uint8_t *)key.at)
			continue;
		key_table(&w->next, tables[i]);
		return true;
	}
	return false;
}

enum error
policy_iterator_next(struct policy_iterator *w, struct bytes *key_r,
    struct bytes *value_r, bool *found_r)
{
	enum error e =
	    w->moved ? db_cursor_seek(w->cursor, &w->next) : db_cursor_next(w->cursor);

	for (; e == OK; e = db_cursor_seek(w->cursor, &w->next)) {
		*key_r = db_cursor_key(w->cursor);
		*found_r = key_r->at != NULL && key_is_policy(*key_r);
		if (*found_r || key_r->at == NULL || !policy_iterator_skip(w, *key_r))
			break;
	}
	if (e != OK || !*found_r)
		return e;
	*value_r = db_cursor_value(w->cursor);
	w->next = key_copy(*key_r);
	if (w->next.len < KEY_MAX)
		w->next.at[w->next.len++] = 0;
	w->moved = false;
	return OK;
}
