/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_table - the audit log as the database has it: who changed what, in a chain */
#include "policy/audit/audit_table.h"

#include <stdlib.h>
#include <string.h>

/*
 * find_latest - of WHEN and all times before; BUF is of AUDIT_ENTRY_MAX bytes. A last
 * entry that is not there or cannot be read is for audit_verify() to tell: it must not
 * keep an administrator from changing the policy.
 */
static enum error
find_latest(struct store_txn *txn, instant when, uint8_t *buf, instant *latest_r)
{
	struct audit_entry last;
	struct bytes value;
	struct key key;
	enum error e;

	*latest_r = when;
	key_number(&key, TABLE_AUDIT, store_meta(txn)->audit_count);
	e = db_get(store_db(txn), &key, buf, AUDIT_ENTRY_MAX, &value);
	if (e == OK && value.at != NULL &&
	    audit_decode(key_bytes(&key), value, &last) == OK && last.latest > when)
		*latest_r = last.latest;
	return e == ERR_LIMIT ? OK : e;
}

/* append - writes the entry, by way of BUF */
static enum error
append(struct store_txn *txn, struct audit_entry *entry, uint8_t *buf)
{
	struct record_writer w;
	struct bytes there;
	struct key key;
	enum error e = find_latest(txn, entry->when, buf, &entry->latest);

	record_write_start(&w, buf, AUDIT_ENTRY_MAX);
	if (e == OK)
		e = audit_encode(
		    entry, &store_meta(txn)->audit_head, store_hasher(txn), &w);
	if (e != OK)
		return e;
	key_number(&key, TABLE_AUDIT, entry->number);
	e = db_insert(
	    store_db(txn), &key, (struct bytes){w.at, w.len}, NULL, 0, &there);
	/* ERR_LIMIT: its length; something is there in the entry's place already */
	return e == ERR_EXISTS || e == ERR_LIMIT ? ERR_DAMAGED : e;
}

enum error
audit_table_append(
    struct store_txn *txn, const struct audit_log *log, struct audit_entry *entry)
{
	uint8_t *buf = malloc(AUDIT_ENTRY_MAX); /* too much for the stack */
	enum error e;

	if (buf == NULL)
		return ERR_MEMORY;
	entry->number = store_meta(txn)->audit_count + 1;
	entry->when = log->when;
	entry->origin = log->origin;
	entry->policy = store_meta(txn)->digest;
	if (entry->kind == AUDIT_SUMMARY)
		entry->summary.previous = *store_accounted(txn);
	e = append(txn, entry, buf);
	if (e == OK)
		store_set_audit(txn, entry->number, &entry->hash);
	free(buf);
	return e;
}

enum error
audit_table_append_summary(struct store_txn *txn, const struct audit_log *log,
    const struct audit_summary *summary)
{
	struct audit_entry entry = {.kind = AUDIT_SUMMARY, .summary = *summary};

	return audit_table_append(txn, log, &entry);
}

enum error
audit_table_append_change(struct store_txn *txn, const struct audit_log *log,
    struct bytes key, struct bytes before, struct bytes after)
{
	struct audit_entry entry = {
	    .kind = AUDIT_CHANGE, .object = key, .before = before, .after = after};

	return audit_table_append(txn, log, &entry);
}

/* note_change - the watcher */
static enum error
note_change(void *arg, struct store_txn *txn, struct bytes key, struct bytes before,
    struct bytes after)
{
	return audit_table_append_change(txn, arg, key, before, after);
}

void
audit_table_watch(struct store_txn *txn, struct audit_log *log)
{
	store_watch(txn, note_change, log);
}

/* entry_here - the entry that the cursor was moved to by a step that said E, if any */
static enum error
entry_here(const struct db_cursor *cursor, enum error e, struct audit_entry *entry,
    bool *found_r)
{
	struct key all;

	key_table(&all, TABLE_AUDIT);
	*found_r = e == OK && key_has_prefix(db_cursor_key(cursor), &all);
	return *found_r
	    ? audit_decode(db_cursor_key(cursor), db_cursor_value(cursor), entry)
	    : e;
}

/* entry_at - the first entry at or behind NUMBER */
static enum error
entry_at(
    struct db_cursor *cursor, uint64_t number, struct audit_entry *entry, bool *found_r)
{
	struct key at;

	key_number(&at, TABLE_AUDIT, number);
	return entry_here(cursor, db_cursor_seek(cursor, &at), entry, found_r);
}

enum error
audit_table_each(struct store_txn *txn, uint64_t first,
    enum error (*fn)(void *arg, const struct audit_entry *e), void *arg)
{
	struct audit_entry entry;
	struct db_cursor *cursor;
	bool found;
	enum error e = db_cursor_open(store_db(txn), &cursor);

	if (e != OK)
		return e;
	e = entry_at(cursor, first, &entry, &found);
	while (e == OK && found) {
		e = fn(arg, &entry);
		if (e == OK)
			e = entry_here(cursor, db_cursor_next(cursor), &entry, &found);
	}
	db_cursor_close(&cursor);
	return e == WALK_STOP ? OK : e;
}

enum error
audit_table_since(struct store_txn *txn, instant since, uint64_t *first_r)
{
	uint64_t low = 1, high = store_meta(txn)->audit_count + 1;
	struct audit_entry entry;
	struct db_cursor *cursor;
	bool found;
	enum error e = db_cursor_open(store_db(txn), &cursor);

	if (e != OK)
		return e;
	/* all before LOW are older; HIGH is the end, or it or one behind it is not */
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		e = entry_at(cursor, middle, &entry, &found);
		if (e != OK)
			break;
		if (found && entry.latest < since)
			low = entry.number + 1;
		else
			high = middle;
	}
	db_cursor_close(&cursor);
	*first_r = low;
	return e;
}

/* The first entry that a summary may stand for. */
struct listed {
	const struct audit_entry *summary;
	uint64_t first;
	bool is_of; /* it is of the same run of the same command */
};

static enum error
listed_look(void *arg, const struct audit_entry *e)
{
	struct listed *l = arg;
	const struct audit_origin *o = &l->summary->origin;

	l->is_of = e->number == l->first && e->kind == AUDIT_CHANGE &&
	    e->when == l->summary->when && e->origin.uid == o->uid &&
	    strcmp(e->origin.command, o->command) == 0;
	return WALK_STOP;
}

enum error
audit_table_listed(
    struct store_txn *txn, const struct audit_entry *e, uint64_t *first_r)
{
	uint64_t total = audit_summary_total(&e->summary);
	struct listed l = {.summary = e, .first = e->number - total};
	enum error error;

	*first_r = 0;
	if (e->kind != AUDIT_SUMMARY || total > AUDIT_SUMMARY_LISTED ||
	    total >= e->number)
		return OK;
	if (total == 0) {
		*first_r = e->number;
		return OK;
	}
	error = audit_table_each(txn, l.first, listed_look, &l);
	if (error == OK && l.is_of)
		*first_r = l.first;
	return error;
}
