/* SPDX-License-Identifier: BSD-2-Clause */
/* meta - the record that every transaction reads first */
#include "policy/store/meta.h"

#define META_VERSION 4

/* More than any version that is known, so that a newer one can be told from damage. */
#define META_MAX 256

static enum error
meta_encode(const struct store_meta *m, uint64_t commit, struct record_writer *w)
{
	record_put_u8(w, META_VERSION);
	record_put_bytes(w, m->id, sizeof m->id);
	record_put_u64(w, commit);
	record_put_bytes(w, m->digest.byte, sizeof m->digest.byte);
	record_put_bytes(w, m->local.byte, sizeof m->local.byte);
	record_put_u64(w, m->tenants);
	record_put_u64(w, m->domains);
	record_put_u64(w, m->mailboxes);
	record_put_u64(w, m->aliases);
	record_put_u64(w, m->locks);
	record_put_u64(w, m->audit_count);
	record_put_bytes(w, m->audit_head.byte, sizeof m->audit_head.byte);
	record_put_u64(w, m->serial);
	record_put_bytes(w, m->snapshot.byte, sizeof m->snapshot.byte);
	return w->failed ? ERR_INTERNAL : OK;
}

static enum error
meta_decode(struct bytes from, struct store_meta *m)
{
	struct record_reader r;
	enum error e = record_read_version(&r, from, META_VERSION);

	if (e != OK)
		return e;
	if (*(const uint8_t *)from.at != META_VERSION)
		return ERR_OLDER; /* its fields, or other records, were different */
	record_get_bytes(&r, m->id, sizeof m->id);
	m->commit = record_get_u64(&r);
	record_get_bytes(&r, m->digest.byte, sizeof m->digest.byte);
	record_get_bytes(&r, m->local.byte, sizeof m->local.byte);
	m->tenants = record_get_u64(&r);
	m->domains = record_get_u64(&r);
	m->mailboxes = record_get_u64(&r);
	m->aliases = record_get_u64(&r);
	m->locks = record_get_u64(&r);
	m->audit_count = record_get_u64(&r);
	record_get_bytes(&r, m->audit_head.byte, sizeof m->audit_head.byte);
	m->serial = record_get_u64(&r);
	record_get_bytes(&r, m->snapshot.byte, sizeof m->snapshot.byte);
	return record_end(&r);
}

enum error
meta_read(struct db_txn *db, struct store_meta *m)
{
	uint8_t buf[META_MAX];
	struct bytes value;
	struct key key;
	enum error e;

	key_table(&key, TABLE_META);
	e = db_get(db, &key, buf, sizeof buf, &value);
	if (e != OK)
		return e == ERR_LIMIT ? ERR_NEWER : e;
	return value.at != NULL ? meta_decode(value, m) : ERR_FORMAT;
}

enum error
meta_write(struct db_txn *db, const struct store_meta *m)
{
	struct record_writer w;
	uint8_t buf[META_MAX];
	struct key key;
	enum error e;

	key_table(&key, TABLE_META);
	record_write_start(&w, buf, sizeof buf);
	e = meta_encode(m, db_txn_id(db), &w);
	return e == OK ? db_put(db, &key, (struct bytes){buf, w.len}) : e;
}

uint64_t *
meta_count(struct store_meta *m, struct bytes key)
{
	switch (*(const uint8_t *)key.at) {
	case TABLE_TENANT:
		return &m->tenants;
	case TABLE_DOMAIN:
		return &m->domains;
	case TABLE_MAILBOX:
		return &m->mailboxes;
	case TABLE_ALIAS:
		return &m->aliases;
	case TABLE_LOCK:
	case TABLE_LOCAL_LOCK:
		return &m->locks;
	default:
		return NULL;
	}
}

struct digest *
meta_digest(struct store_meta *m, struct bytes key)
{
	if (key_is_local(key))
		return &m->local;
	return key_is_policy(key) ? &m->digest : NULL;
}
