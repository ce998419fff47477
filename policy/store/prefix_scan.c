/* SPDX-License-Identifier: BSD-2-Clause */
/* prefix_scan - the records whose keys start alike */
#include "policy/store/prefix_scan.h"

enum error
prefix_scan_each(
    struct store_txn *txn, const struct key *prefix, db_visitor *fn, void *arg)
{
	struct db_cursor *cursor;
	enum error e = db_cursor_open(store_db(txn), &cursor);

	if (e != OK)
		return e;
	e = db_cursor_seek(cursor, prefix);
	while (e == OK && key_has_prefix(db_cursor_key(cursor), prefix)) {
		e = fn(arg, db_cursor_key(cursor), db_cursor_value(cursor));
		if (e == OK)
			e = db_cursor_next(cursor);
	}
	db_cursor_close(&cursor);
	return e == WALK_STOP ? OK : e;
}

/* take_first - keeps the first key */
static enum error
take_first(void *arg, struct bytes key, struct bytes value)
{
	(void)value;
	*(struct key *)arg = key_copy(key);
	return WALK_STOP;
}

/* find_first - an empty key where there is none */
static enum error
find_first(struct store_txn *txn, const struct key *prefix, struct key *first_r)
{
	first_r->len = 0;
	return prefix_scan_each(txn, prefix, take_first, first_r);
}

enum error
prefix_scan_is_empty(struct store_txn *txn, const struct key *prefix, bool *empty_r)
{
	struct key first;
	enum error e = find_first(txn, prefix, &first);

	*empty_r = first.len == 0;
	return e;
}

enum error
prefix_scan_delete(struct store_txn *txn, const struct key *prefix)
{
	struct key first;
	enum error e;

	while ((e = find_first(txn, prefix, &first)) == OK && first.len > 0) {
		e = store_delete(txn, &first);
		if (e != OK)
			return e;
	}
	return e;
}
