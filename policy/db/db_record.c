/* SPDX-License-Identifier: BSD-2-Clause */
/* db_record - looking up and changing single records */
#include "policy/db/db.h"

#include <string.h>

#include "policy/db/db_parts.h"

struct get_call {
	struct db_txn *txn;
	const struct key *key;
	void *buf;
	size_t cap;
	struct bytes value;
};

static enum error
get(void *arg)
{
	struct get_call *c = arg;
	MDB_val key = db_val(key_bytes(c->key)), value;
	int rc = mdb_get(c->txn->txn, c->txn->db->dbi, &key, &value);

	if (rc == MDB_NOTFOUND)
		return OK;
	if (rc != MDB_SUCCESS)
		return db_from_lmdb(rc);
	if (value.mv_size > c->cap)
		return ERR_LIMIT;
	memcpy(c->buf, value.mv_data, value.mv_size);
	c->value = (struct bytes){c->buf, value.mv_size};
	return OK;
}

enum error
db_get(struct db_txn *txn, const struct key *key, void *buf, size_t cap,
    struct bytes *value_r)
{
	struct get_call c = {txn, key, buf, cap, {NULL, 0}};
	enum error e = db_run(txn, get, &c);

	*value_r = c.value;
	return e;
}

struct write_call {
	struct db_txn *txn;
	const struct key *key;
	struct bytes value;
};

static enum error
put(void *arg)
{
	struct write_call *c = arg;
	MDB_val key = db_val(key_bytes(c->key)), value = db_val(c->value);

	return db_from_lmdb(mdb_put(c->txn->txn, c->txn->db->dbi, &key, &value, 0));
}

enum error
db_put(struct db_txn *txn, const struct key *key, struct bytes value)
{
	struct write_call c = {txn, key, value};

	return db_run(txn, put, &c);
}

struct insert_call {
	struct write_call write;
	void *buf;
	size_t cap, len;
};

static enum error
insert(void *arg)
{
	struct insert_call *c = arg;
	struct db_txn *txn = c->write.txn;
	MDB_val key = db_val(key_bytes(c->write.key)), value = db_val(c->write.value);
	int rc = mdb_cursor_put(txn->inserter, &key, &value, MDB_NOOVERWRITE);

	if (rc != MDB_KEYEXIST)
		return db_from_lmdb(rc);
	if (value.mv_size > c->cap)
		return ERR_LIMIT;
	memcpy(c->buf, value.mv_data, value.mv_size);
	c->len = value.mv_size;
	return ERR_EXISTS;
}

enum error
db_insert(struct db_txn *txn, const struct key *key, struct bytes value, void *buf,
    size_t cap, size_t *len_r)
{
	struct insert_call c = {{txn, key, value}, buf, cap, 0};
	enum error e = txn->failed;

	if (e == OK && txn->inserter == NULL)
		e = db_from_lmdb(
		    mdb_cursor_open(txn->txn, txn->db->dbi, &txn->inserter));
	if (e == OK)
		e = db_run(txn, insert, &c);
	*len_r = c.len;
	return e;
}

static enum error
append(void *arg)
{
	struct write_call *c = arg;
	MDB_val key = db_val(key_bytes(c->key)), value = db_val(c->value);
	int rc = mdb_put(c->txn->txn, c->txn->db->dbi, &key, &value, MDB_APPEND);

	/* LMDB's word for a key that would not come last */
	return rc == MDB_KEYEXIST ? ERR_CONFLICT : db_from_lmdb(rc);
}

enum error
db_append(struct db_txn *txn, const struct key *key, struct bytes value)
{
	struct write_call c = {txn, key, value};

	return db_run(txn, append, &c);
}

static enum error delete (void *arg) {
	struct write_call *c = arg; MDB_val key = db_val(key_bytes(c->key));

	return db_from_lmdb(mdb_del(c->txn->txn, c->txn->db->dbi, &key, NULL));
}

enum error
db_delete(struct db_txn *txn, const struct key *key)
{
	struct write_call c = {txn, key, {NULL, 0}};

	return db_run(txn, delete, &c);
}
