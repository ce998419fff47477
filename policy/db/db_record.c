/* SPDX-License-Identifier: BSD-2-Clause */
/* db_record - one record of an LMDB file: look-ups and changes */
#include <string.h>

#include "policy/db/db.h"
#include "policy/db/db_parts.h"

/* A look-up or change of one record. */
struct record_call {
	struct db_txn *txn;
	const struct key *key;
	struct bytes value;
	void *buf; /* for a copy of the value that is there, FOUND */
	size_t cap;
	struct bytes found;
};

static enum error
record_copy(struct record_call *c, const MDB_val *value)
{
	if (value->mv_size > c->cap)
		return ERR_LIMIT;
	memcpy(c->buf, value->mv_data, value->mv_size);
	c->found = (struct bytes){c->buf, value->mv_size};
	return OK;
}

static enum error
record_get(void *arg)
{
	struct record_call *c = arg;
	MDB_val key = db_val(key_bytes(c->key)), value;
	int rc = mdb_get(c->txn->txn, c->txn->db->dbi, &key, &value);

	if (rc == MDB_NOTFOUND)
		return OK;
	return rc == MDB_SUCCESS ? record_copy(c, &value) : db_from_lmdb(rc);
}

enum error
db_get(struct db_txn *txn, const struct key *key, void *buf, size_t cap,
    struct bytes *value_r)
{
	struct record_call c = {.txn = txn, .key = key, .buf = buf, .cap = cap};
	enum error e = db_run(txn, record_get, &c);

	*value_r = c.found;
	return e;
}

static enum error
record_put(void *arg)
{
	struct record_call *c = arg;
	MDB_val key = db_val(key_bytes(c->key)), value = db_val(c->value);

	return db_from_lmdb(mdb_put(c->txn->txn, c->txn->db->dbi, &key, &value, 0));
}

enum error
db_put(struct db_txn *txn, const struct key *key, struct bytes value)
{
	struct record_call c = {.txn = txn, .key = key, .value = value};

	return db_run(txn, record_put, &c);
}

static enum error
record_insert(void *arg)
{
	struct record_call *c = arg;
	MDB_val key = db_val(key_bytes(c->key)), value = db_val(c->value);
	int rc = mdb_cursor_put(c->txn->inserter, &key, &value, MDB_NOOVERWRITE);
	enum error e;

	if (rc != MDB_KEYEXIST)
		return db_from_lmdb(rc);
	e = record_copy(c, &value);
	return e == OK ? ERR_EXISTS : e;
}

enum error
db_insert(struct db_txn *txn, const struct key *key, struct bytes value, void *buf,
    size_t cap, struct bytes *there_r)
{
	struct record_call c = {txn, key, value, buf, cap, {NULL, 0}};
	enum error e = txn->failed;

	if (e == OK && txn->inserter == NULL)
		e = db_from_lmdb(
		    mdb_cursor_open(txn->txn, txn->db->dbi, &txn->inserter));
	if (e == OK)
		e = db_run(txn, record_insert, &c);
	*there_r = c.found;
	return e;
}

static enum error
record_append(void *arg)
{
	struct record_call *c = arg;
	MDB_val key = db_val(key_bytes(c->key)), value = db_val(c->value);
	int rc = mdb_put(c->txn->txn, c->txn->db->dbi, &key, &value, MDB_APPEND);

	/* LMDB's word for a key that would not come last */
	return rc == MDB_KEYEXIST ? ERR_CONFLICT : db_from_lmdb(rc);
}

enum error
db_append(struct db_txn *txn, const struct key *key, struct bytes value)
{
	struct record_call c = {.txn = txn, .key = key, .value = value};

	return db_run(txn, record_append, &c);
}

static enum error
record_delete(void *arg)
{
	struct record_call *c = arg;
	MDB_val key = db_val(key_bytes(c->key));

	return db_from_lmdb(mdb_del(c->txn->txn, c->txn->db->dbi, &key, NULL));
}

enum error
db_delete(struct db_txn *txn, const struct key *key)
{
	struct record_call c = {.txn = txn, .key = key};

	return db_run(txn, record_delete, &c);
}
