/* SPDX-License-Identifier: BSD-2-Clause */
/* db_scan - records in order: cursors, and the scan of all of them */
#include "policy/db/db.h"

#include <stdlib.h>
#include <string.h>

#include "policy/db/db_parts.h"
#include "policy/db/guard.h"

struct db_cursor {
	struct db_txn *txn;
	MDB_cursor *cursor;
	unsigned moves; /* since db_check() was asked */
	struct bytes key, value;
	uint8_t key_copy[KEY_MAX];
	uint8_t value_copy[DB_VALUE_MAX];
};

enum error
db_cursor_open(struct db_txn *txn, struct db_cursor **cursor_r)
{
	struct db_cursor *cursor = calloc(1, sizeof *cursor);
	enum error e;

	*cursor_r = NULL;
	if (cursor == NULL)
		return ERR_MEMORY;
	cursor->txn = txn;
	e = db_from_lmdb(mdb_cursor_open(txn->txn, txn->db->dbi, &cursor->cursor));
	if (e == OK)
		*cursor_r = cursor;
	else
		free(cursor);
	return e;
}

void
db_cursor_close(struct db_cursor **cursor)
{
	if (*cursor == NULL)
		return;
	mdb_cursor_close((*cursor)->cursor);
	free(*cursor);
	*cursor = NULL;
}

/* ascends - the order LMDB keeps: bytes, then length */
static bool
ascends(const MDB_val *a, const MDB_val *b)
{
	size_t n = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
	int order = memcmp(a->mv_data, b->mv_data, n);

	return order < 0 || (order == 0 && a->mv_size < b->mv_size);
}

struct move_call {
	struct db_cursor *cursor;
	const struct key *key; /* of MDB_SET_RANGE */
	MDB_cursor_op where;
};

/* is_ahead - or a walk over a damaged file could go round in circles */
static bool
is_ahead(const struct move_call *c, const MDB_val *key)
{
	MDB_val before = db_val(c->cursor->key);

	if (c->key == NULL)
		return before.mv_size == 0 || ascends(&before, key);
	before = db_val(key_bytes(c->key));
	return !ascends(key, &before);
}

static enum error
cursor_move(void *arg)
{
	struct move_call *c = arg;
	struct db_cursor *cursor = c->cursor;
	MDB_val key = {0, NULL}, value;
	int rc;

	if (++cursor->moves == DB_CHECK_RECORDS) {
		enum error e = db_check_guarded(cursor->txn);

		cursor->moves = 0;
		if (e != OK)
			return e;
	}
	if (c->key != NULL)
		key = db_val(key_bytes(c->key));
	rc = mdb_cursor_get(cursor->cursor, &key, &value, c->where);
	if (rc == MDB_NOTFOUND) {
		cursor->key = cursor->value = (struct bytes){NULL, 0};
		return OK;
	}
	if (rc != MDB_SUCCESS)
		return db_from_lmdb(rc);
	if (!is_ahead(c, &key))
		return ERR_DAMAGED;
	if (key.mv_size > sizeof cursor->key_copy ||
	    value.mv_size > sizeof cursor->value_copy)
		return ERR_DAMAGED;
	memcpy(cursor->key_copy, key.mv_data, key.mv_size);
	memcpy(cursor->value_copy, value.mv_data, value.mv_size);
	cursor->key = (struct bytes){cursor->key_copy, key.mv_size};
	cursor->value = (struct bytes){cursor->value_copy, value.mv_size};
	return OK;
}

enum error
db_cursor_seek(struct db_cursor *cursor, const struct key *key)
{
	struct move_call c = {cursor, key, MDB_SET_RANGE};

	return db_run(cursor->txn, cursor_move, &c);
}

enum error
db_cursor_next(struct db_cursor *cursor)
{
	struct move_call c = {cursor, NULL, MDB_NEXT};

	return db_run(cursor->txn, cursor_move, &c);
}

struct bytes
db_cursor_key(const struct db_cursor *cursor)
{
	return cursor->key;
}

struct bytes
db_cursor_value(const struct db_cursor *cursor)
{
	return cursor->value;
}

struct scan_call {
	const struct db_txn *txn;
	MDB_cursor *cursor;
	unsigned page_bits; /* of the size of pages, a power of two: no division */
	unsigned part, parts;
	db_visitor *fn;
	void *arg;
};

/* found_from_root - whether a look-up of KEY leads to the very record of the scan */
static bool
found_from_root(const struct scan_call *c, MDB_val key, const MDB_val *value)
{
	MDB_val found;

	return mdb_get(c->txn->txn, c->txn->db->dbi, &key, &found) == MDB_SUCCESS &&
	    found.mv_data == value->mv_data && found.mv_size == value->mv_size;
}

/* page_of - the number of the page with the key, counted from anywhere */
static uintptr_t
page_of(const struct scan_call *c, const MDB_val *key)
{
	return (uintptr_t)key->mv_data >> c->page_bits;
}

/* is_ours - whether this part of the scan has the page of the key */
static bool
is_ours(const struct scan_call *c, const MDB_val *key)
{
	return (unsigned)page_of(c, key) % c->parts == c->part;
}

/*
 * step_holds - the path check between one record and the next (the last key of a first
 * record is NULL). Each check is made by the part that has one of the two pages.
 */
static bool
step_holds(const struct scan_call *c, const MDB_val *last_key,
    const MDB_val *last_value, const MDB_val *key, const MDB_val *value)
{
	bool ours = is_ours(c, key);

	if (last_key->mv_data != NULL) {
		if (page_of(c, last_key) == page_of(c, key))
			return !ours || ascends(last_key, key);
		if (!ascends(last_key, key) ||
		    (is_ours(c, last_key) &&
			!found_from_root(c, *last_key, last_value)))
			return false;
	}
	return !ours || found_from_root(c, *key, value);
}

static enum error
scan(void *arg)
{
	struct scan_call *c = arg;
	MDB_val key, value, last_key = {0, NULL}, last_value = {0, NULL};
	MDB_stat stat;
	size_t records = 0;
	enum error e = OK;
	int rc = mdb_stat(c->txn->txn, c->txn->db->dbi, &stat);

	if (rc != MDB_SUCCESS)
		return db_from_lmdb(rc);
	c->page_bits = (unsigned)__builtin_ctz(stat.ms_psize);
	while (
	    (rc = mdb_cursor_get(c->cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
		/* or pages of another part that lead to each other would never end */
		if (records++ == stat.ms_entries)
			return ERR_DAMAGED;
		if (records % DB_CHECK_RECORDS == 0)
			e = db_check_guarded(c->txn);
		if (e == OK && !step_holds(c, &last_key, &last_value, &key, &value))
			e = ERR_DAMAGED;
		if (e == OK && is_ours(c, &key))
			e = c->fn(c->arg, (struct bytes){key.mv_data, key.mv_size},
			    (struct bytes){value.mv_data, value.mv_size});
		if (e != OK)
			return e;
		last_key = key;
		last_value = value;
	}
	if (rc != MDB_NOTFOUND)
		return db_from_lmdb(rc);
	if (records > 0 && !found_from_root(c, last_key, &last_value))
		return ERR_DAMAGED;
	return stat.ms_entries == records ? OK : ERR_DAMAGED;
}

enum error
db_scan(struct db_txn *txn, unsigned part, unsigned parts, db_visitor *fn, void *arg)
{
	struct scan_call c = {
	    .txn = txn, .part = part, .parts = parts, .fn = fn, .arg = arg};
	enum error e = db_from_lmdb(mdb_cursor_open(txn->txn, txn->db->dbi, &c.cursor));
	enum error whole;

	if (e != OK)
		return e;
	e = guard_run(scan, &c);
	mdb_cursor_close(c.cursor);
	whole = db_check(txn);
	return whole != OK ? whole : e;
}
