/* SPDX-License-Identifier: BSD-2-Clause */
/* prefix_scan - the records whose keys start alike */
#include "policy/store/prefix_scan.h"

#include <string.h>

enum error
prefix_scan_each(struct store_txn *txn, const struct key *prefix,
    enum error (*fn)(void *arg, struct bytes key, struct bytes value), void *arg)
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
		else if (e == ERR_NOTFOUND)
			e = ERR_DAMAGED; /* not to be taken for the end of the range */
	}
	db_cursor_close(&cursor);
	return e == ERR_NOTFOUND ? OK : e;
}

struct first {
	struct key key;
	bool found;
};

/* take_first - keeps the first key and ends the walk */
static enum error
take_first(void *arg, struct bytes key, struct bytes value)
{
	struct first *f = arg;

	(void)value;
	memcpy(f->key.at, key.at, key.len);
	f->key.len = key.len;
	f->found = true;
	return ERR_EXISTS;
}

static enum error
find_first(struct store_txn *txn, const struct key *prefix, struct first *f)
{
	enum error e;

	f->found = false;
	e = prefix_scan_each(txn, prefix, take_first, f);
	return e == ERR_EXISTS ? OK : e;
}

enum error
prefix_scan_is_empty(struct store_txn *txn, const struct key *prefix, bool *empty_r)
{
	struct first f;
	enum error e = find_first(txn, prefix, &f);

	*empty_r = !f.found;
	return e;
}

enum error
prefix_scan_delete(struct store_txn *txn, const struct key *prefix)
{
	struct first f;
	enum error e;

	while ((e = find_first(txn, prefix, &f)) == OK && f.found) {
		e = store_delete(txn, &f.key);
		if (e != OK)
			return e;
	}
	return e;
}
