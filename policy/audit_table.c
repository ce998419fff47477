/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_table - the audit log as the database has it: who changed what, in a chain */
#include "policy/audit_table.h"

#include <stdlib.h>

#include "policy/range.h"

enum error
audit_table_append(
    struct store_txn *txn, const struct audit_log *log, struct audit_entry *entry)
{
	const struct store_meta *meta = store_meta(txn);
	uint8_t buf[AUDIT_ENTRY_MAX / 2], *at = buf;
	struct record_writer w;
	struct key key;
	size_t len;
	enum error e;

	entry->number = meta->audit_count + 1;
	entry->when = log->when;
	entry->origin = log->origin;
	entry->policy = meta->digest;
	record_write_start(&w, buf, sizeof buf);
	e = audit_encode(entry, &meta->audit_head, store_hasher(txn), &w);
	if (e == ERR_LIMIT) { /* rare, and too much for the stack */
		at = malloc(AUDIT_ENTRY_MAX);
		if (at == NULL)
			return ERR_MEMORY;
		record_write_start(&w, at, AUDIT_ENTRY_MAX);
		e = audit_encode(entry, &meta->audit_head, store_hasher(txn), &w);
	}
	key_number(&key, TABLE_AUDIT, entry->number);
	if (e == OK)
		e = db_insert(
		    store_db(txn), &key, (struct bytes){w.at, w.len}, NULL, 0, &len);
	if (e == ERR_EXISTS || e == ERR_LIMIT) /* something is there in its place */
		e = ERR_DAMAGED;
	if (e == OK)
		store_set_audit(txn, entry->number, &entry->hash);
	if (at != buf)
		free(at);
	return e;
}

/* note_change - the watcher */
static enum error
note_change(void *arg, struct store_txn *txn, struct bytes key, struct bytes before,
    struct bytes after)
{
	struct audit_entry entry = {
	    .kind = AUDIT_CHANGE, .object = key, .before = before, .after = after};

	return audit_table_append(txn, arg, &entry);
}

void
audit_watch(struct store_txn *txn, struct audit_log *log)
{
	store_watch(txn, note_change, log);
}

enum error
audit_table_each(struct store_txn *txn, uint64_t first,
    enum error (*fn)(void *arg, const struct audit_entry *e), void *arg)
{
	struct audit_entry entry;
	struct db_cursor *cursor;
	struct key all, from;
	enum error e = db_cursor_open(store_db(txn), &cursor);

	if (e != OK)
		return e;
	key_table(&all, TABLE_AUDIT);
	key_number(&from, TABLE_AUDIT, first);
	e = db_cursor_seek(cursor, &from);
	while (e == OK && key_has_prefix(db_cursor_key(cursor), &all)) {
		e = audit_decode(
		    db_cursor_key(cursor), db_cursor_value(cursor), &entry);
		if (e == OK)
			e = fn(arg, &entry);
		if (e == OK)
			e = db_cursor_next(cursor);
		else if (e == ERR_NOTFOUND)
			e = ERR_DAMAGED; /* not to be taken for the end of the log */
	}
	db_cursor_close(&cursor);
	return e == ERR_NOTFOUND ? OK : e;
}
