/* SPDX-License-Identifier: BSD-2-Clause */
/* store_txn - transactions of the policy database: records, and their digest */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/store/store_parts.h"

/*
 * How often a new snapshot is taken where one makes no sense: without a lock, a meta
 * page of LMDB's may be read while it is being written. The pause doubles each time,
 * so that even a writer that loses the processor in the middle is waited for.
 */
#define SNAPSHOT_TRIES 14
#define SNAPSHOT_PAUSE_NS 5000L

/* txn_is_ours - whether the root that was found is the one of the last commit, by us */
static bool
txn_is_ours(const struct store_txn *txn)
{
	size_t id = db_txn_id(txn->db);

	return txn->meta.commit == (txn->store->mode == STORE_WRITE ? id - 1 : id);
}

/* txn_load - the meta record first, then the settings, unless they are there */
static enum error
txn_load(struct store_txn *txn)
{
	struct store *s = txn->store;
	enum error e = meta_read(txn->db, &txn->meta);

	if (e != OK)
		return e;
	if (!txn_is_ours(txn) ||
	    (s->known && memcmp(s->id, txn->meta.id, sizeof s->id) != 0))
		return ERR_REPLACED;
	txn->accounted = txn->meta.digest;
	if (txn->have_settings && txn->settings_of == db_txn_id(txn->db))
		return OK;
	return store_reload_settings(txn);
}

/* txn_load_settled - again in a new snapshot where a reader's makes no sense */
static enum error
txn_load_settled(struct store_txn *txn)
{
	struct timespec pause = {0, SNAPSHOT_PAUSE_NS};
	enum error e = txn_load(txn);

	for (int i = 1; e != OK && txn->store->mode == STORE_READ && i < SNAPSHOT_TRIES;
	     i++) {
		nanosleep(&pause, NULL);
		pause.tv_nsec *= 2;
		txn->have_settings = false;
		e = db_reset(txn->db);
		if (e == OK)
			e = db_renew(txn->db);
		if (e == OK)
			e = txn_load(txn);
	}
	return e;
}

enum error
store_get_setting(struct store_txn *txn, const struct setting *setting, char *out,
    size_t cap, bool *found_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes value;
	struct key key;
	enum error e;

	key_name(&key, TABLE_SETTING, setting->key);
	e = store_get(txn, &key, buf, &value);
	*found_r = e == OK && value.at != NULL;
	return *found_r ? settings_decode(value, out, cap) : e;
}

enum error
store_reload_settings(struct store_txn *txn)
{
	char text[SETTING_TEXT_MAX + 1];
	const struct setting *row;
	bool found;
	enum error e = OK;

	settings_init(&txn->settings);
	for (size_t i = 0; e == OK && (row = settings_at(i)) != NULL; i++) {
		e = store_get_setting(txn, row, text, sizeof text, &found);
		if (e == OK && found)
			e = settings_apply(row, text, &txn->settings);
	}
	txn->have_settings = e == OK;
	txn->settings_of = db_txn_id(txn->db);
	return e;
}

enum error
store_begin(struct store *store, struct store_txn **txn_r)
{
	struct store_txn *txn = calloc(1, sizeof *txn);
	enum error e;

	*txn_r = txn;
	if (txn == NULL)
		return ERR_MEMORY;
	txn->store = store;
	e = db_begin(store->db, store->mode == STORE_WRITE, &txn->db);
	if (e == OK && store->mode == STORE_WRITE) {
		txn->hasher = hasher_new();
		e = txn->hasher == NULL ? ERR_MEMORY : OK;
	}
	if (e == OK)
		e = txn_load_settled(txn);
	if (e != OK) {
		store_abort(txn_r);
		return e;
	}
	if (!store->known) { /* one thread begins the first transaction of a store */
		memcpy(store->id, txn->meta.id, sizeof store->id);
		store->known = true;
	}
	return OK;
}

enum error
store_yield(struct store *store, struct store_txn **txn_r)
{
	enum error e;

	store->mode = STORE_READ;
	e = store_begin(store, txn_r);
	write_lock_release(&store->lock);
	store->turn = NULL;
	return e;
}

enum error
store_check(struct store_txn *txn)
{
	return db_check(txn->db);
}

enum error
store_reset(struct store_txn *txn)
{
	return db_reset(txn->db);
}

enum error
store_renew(struct store_txn *txn)
{
	size_t before = db_txn_id(txn->db);
	enum error e = db_renew(txn->db);

	if (e == OK)
		e = txn_load(txn);
	if (e != OK) {
		txn->have_settings = false;
		e = txn_load_settled(txn);
	}
	return e == OK && db_txn_id(txn->db) < before ? ERR_REPLACED : e;
}

void
store_abort(struct store_txn **txn)
{
	if (*txn == NULL)
		return;
	db_abort(&(*txn)->db);
	hasher_free(&(*txn)->hasher);
	free(*txn);
	*txn = NULL;
}

enum error
store_commit(struct store_txn **txn)
{
	enum error e = OK;

	if ((*txn)->dirty) {
		e = meta_write((*txn)->db, &(*txn)->meta);
		if (e == OK)
			e = db_commit(&(*txn)->db);
		if (e == OK)
			store_stamp((*txn)->store);
	}
	store_abort(txn);
	return e;
}

enum error
store_checkpoint(struct store_txn *txn)
{
	enum error e = meta_write(txn->db, &txn->meta);

	if (e == OK)
		e = db_commit(&txn->db);
	return e == OK ? db_begin(txn->store->db, true, &txn->db) : e;
}

const struct store *
store_of(const struct store_txn *txn)
{
	return txn->store;
}

const struct store_meta *
store_meta(const struct store_txn *txn)
{
	return &txn->meta;
}

const struct settings *
store_settings(const struct store_txn *txn)
{
	return &txn->settings;
}

struct db_txn *
store_db(struct store_txn *txn)
{
	return txn->db;
}

enum error
store_get(
    struct store_txn *txn, const struct key *key, uint8_t *buf, struct bytes *value_r)
{
	bool taken = false;
	enum error e = OK;

	if (txn->lens != NULL)
		e = txn->lens(txn->lens_arg, txn, key, buf, value_r, &taken);
	if (e == OK && !taken)
		e = db_get(txn->db, key, buf, RECORD_MAX, value_r);
	return e == ERR_LIMIT ? ERR_DAMAGED : e;
}

enum error
store_see(struct store_txn *txn, store_lens *lens, void *arg)
{
	txn->lens = lens;
	txn->lens_arg = arg;
	if (txn->meta.locks == 0)
		txn->meta.locks = 1;
	if (txn->meta.aliases == 0)
		txn->meta.aliases = 1;
	return store_reload_settings(txn);
}

/* record_tell - the watcher, of a change of what has a digest */
static enum error
record_tell(struct store_txn *txn, const struct key *key, struct bytes before,
    struct bytes after)
{
	if (txn->watcher == NULL || meta_digest(&txn->meta, key_bytes(key)) == NULL)
		return OK;
	return txn->watcher(txn->watcher_arg, txn, key_bytes(key), before, after);
}

/* record_forget - takes the old record out of digest and counts */
static enum error
record_forget(struct store_txn *txn, const struct key *key, struct bytes old)
{
	struct digest *digest = meta_digest(&txn->meta, key_bytes(key));
	uint64_t *n = meta_count(&txn->meta, key_bytes(key));

	txn->dirty = true;
	if (n != NULL)
		(*n)--;
	if (digest == NULL)
		return OK;
	return digest_subtract(digest, txn->hasher, key_bytes(key), old);
}

/* record_account - the new record in digest and counts */
static void
record_account(struct store_txn *txn, const struct key *key, const struct digest *one)
{
	struct digest *digest = meta_digest(&txn->meta, key_bytes(key));
	uint64_t *n = meta_count(&txn->meta, key_bytes(key));

	if (n != NULL)
		(*n)++;
	if (digest != NULL)
		digest_plus(digest, one);
}

/* record_affirm - the hash of what is put, or zero if it does not count */
static enum error
record_affirm(struct store_txn *txn, const struct key *key, struct bytes value,
    struct digest *one_r)
{
	enum error e;

	memset(one_r, 0, sizeof *one_r);
	if (meta_digest(&txn->meta, key_bytes(key)) == NULL)
		return OK;
	e = digest_of(txn->hasher, key_bytes(key), value, one_r);
	if (key_is_policy(key_bytes(key)))
		digest_plus(&txn->content, one_r);
	return e;
}

/* record_change - puts what differs from the OLD value of KEY */
static enum error
record_change(struct store_txn *txn, const struct key *key, struct bytes old,
    struct bytes value, const struct digest *one)
{
	enum error e;

	if (old.len == value.len && memcmp(old.at, value.at, old.len) == 0)
		return OK;
	e = record_forget(txn, key, old);
	if (e == OK)
		e = db_put(txn->db, key, value);
	if (e != OK)
		return e;
	record_account(txn, key, one);
	return record_tell(txn, key, old, value);
}

/* record_put - a record that is new, or, with REPLACE, in the place of another */
static enum error
record_put(
    struct store_txn *txn, const struct key *key, struct bytes value, bool replace)
{
	uint8_t buf[RECORD_MAX];
	struct digest one;
	struct bytes old;
	enum error e =
	    value.len > RECORD_MAX ? ERR_LIMIT : record_affirm(txn, key, value, &one);

	if (e != OK)
		return e;
	e = db_insert(txn->db, key, value, buf, sizeof buf, &old);
	if (e == ERR_EXISTS)
		return replace ? record_change(txn, key, old, value, &one) : e;
	txn->dirty = true;
	if (e != OK)
		return e == ERR_LIMIT ? ERR_DAMAGED : e;
	record_account(txn, key, &one);
	return record_tell(txn, key, (struct bytes){NULL, 0}, value);
}

enum error
store_put(struct store_txn *txn, const struct key *key, struct bytes value)
{
	return record_put(txn, key, value, true);
}

enum error
store_insert(struct store_txn *txn, const struct key *key, struct bytes value)
{
	return record_put(txn, key, value, false);
}

enum error
store_delete(struct store_txn *txn, const struct key *key)
{
	uint8_t buf[RECORD_MAX];
	struct bytes old;
	enum error e = store_get(txn, key, buf, &old);

	if (e == OK)
		e = old.at != NULL ? record_forget(txn, key, old) : ERR_NOTFOUND;
	if (e == OK)
		e = db_delete(txn->db, key);
	return e == OK ? record_tell(txn, key, old, (struct bytes){NULL, 0}) : e;
}

void
store_watch(struct store_txn *txn, store_watcher *watcher, void *arg)
{
	txn->watcher = watcher;
	txn->watcher_arg = arg;
}

const struct digest *
store_content(const struct store_txn *txn)
{
	return &txn->content;
}

struct hasher *
store_hasher(struct store_txn *txn)
{
	return txn->hasher;
}

void
store_set_audit(struct store_txn *txn, uint64_t count, const struct digest *head)
{
	txn->meta.audit_count = count;
	txn->meta.audit_head = *head;
	txn->accounted = txn->meta.digest;
	txn->dirty = txn->audited = true;
}

const struct digest *
store_accounted(const struct store_txn *txn)
{
	return &txn->accounted;
}

bool
store_audit_grown(const struct store_txn *txn)
{
	return txn->audited;
}

void
store_set_serial(struct store_txn *txn, uint64_t serial, const struct digest *policy)
{
	txn->meta.serial = serial;
	txn->meta.snapshot = *policy;
	txn->dirty = true;
}
