/* SPDX-License-Identifier: BSD-2-Clause */
/* backup - a compact copy of a policy database, record by record */
#include "policy/transfer/backup.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "policy/tables/verify.h"

/* Records of one commit: few enough for the memory, and many for the speed. */
#define BACKUP_BATCH 20000

/* The records of a copy, written or read back. */
struct backup_sum {
	struct hasher *hasher;
	struct digest all;
};

struct backup_copier {
	struct db *to;
	struct db_txn *txn; /* of the batch */
	struct backup_sum sum;
	uint64_t records;
};

/*
 * backup_add - all but the meta record, which has the commit of its own file. It runs
 * inside the guard: no lock, no allocation.
 */
static enum error
backup_add(void *arg, struct bytes key, struct bytes value)
{
	struct backup_sum *s = arg;

	return *(const uint8_t *)key.at == TABLE_META
	    ? OK
	    : digest_add(&s->all, s->hasher, key, value);
}

static enum error
backup_record(struct backup_copier *c, struct bytes key, struct bytes value)
{
	const struct key own = key_copy(key);
	enum error e = backup_add(&c->sum, key, value);

	if (e == OK)
		e = db_append(c->txn, &own, value);
	if (e == OK && ++c->records % BACKUP_BATCH == 0) {
		e = db_commit(&c->txn);
		if (e == OK)
			e = db_begin(c->to, true, &c->txn);
	}
	/* not to be taken for a request that cannot be met */
	return e == ERR_CONFLICT ? ERR_DAMAGED : e;
}

static enum error
backup_records(struct backup_copier *c, struct db_cursor *from)
{
	const struct key first = {.len = 1, .at = {0}};
	enum error e = db_cursor_seek(from, &first);

	while (e == OK && db_cursor_key(from).at != NULL) {
		e = backup_record(c, db_cursor_key(from), db_cursor_value(from));
		if (e == OK)
			e = db_cursor_next(from);
	}
	return e;
}

/* backup_table - all records, and the meta record with the number of the last commit */
static enum error
backup_table(struct backup_copier *c, struct store_txn *from)
{
	struct db_cursor *cursor;
	enum error e = db_cursor_open(store_db(from), &cursor);

	if (e != OK)
		return e;
	e = db_begin(c->to, true, &c->txn);
	if (e == OK)
		e = backup_records(c, cursor);
	db_cursor_close(&cursor);
	if (e == OK)
		e = meta_write(c->txn, store_meta(from));
	if (e == OK)
		e = db_commit(&c->txn);
	db_abort(&c->txn);
	if (e == OK)
		e = store_check(from);
	return e == OK ? db_sync(c->to) : e;
}

enum error
backup_copy(struct store_txn *from, const char *path, int fd, struct backup *out_r,
    struct error_text *why)
{
	const struct db_options options = {.writable = true, .lazy = true, .fd = fd};
	struct backup_copier c = {.sum.hasher = NULL};
	uint64_t records;
	enum error e = verify_txn(from, &records, why);

	if (e == OK)
		e = db_open(&c.to, path, &options, why);
	if (e != OK)
		return e;
	c.sum.hasher = hasher_new();
	e = c.sum.hasher != NULL ? backup_table(&c, from) : ERR_MEMORY;
	hasher_free(&c.sum.hasher);
	db_close(&c.to);
	if (e != OK)
		return error_about(why, e, path);
	*out_r = (struct backup){
	    .records = c.records, .policy = store_meta(from)->digest, .all = c.sum.all};
	if (c.records != records)
		return error_set(why, ERR_DAMAGED,
		    "%" PRIu64 " records were there, and %" PRIu64 " could be copied",
		    records, c.records);
	return OK;
}

/* backup_compare - the records of the copy with those that were copied */
static enum error
backup_compare(struct store_txn *txn, const struct backup *b, struct error_text *why)
{
	struct backup_sum s = {.hasher = hasher_new()};
	uint64_t records = 0;
	enum error e = s.hasher != NULL ? verify_txn(txn, &records, why)
					: error_about(why, ERR_MEMORY, "");

	if (e == OK && (e = db_scan(store_db(txn), 0, 1, backup_add, &s)) != OK)
		error_set(why, e, "%s", error_string(e));
	hasher_free(&s.hasher);
	if (e == OK && (records != b->records || !digest_equal(&s.all, &b->all)))
		return error_set(why, ERR_DAMAGED, "not all records are as copied");
	return e;
}

enum error
backup_verify(const char *path, int fd, struct backup *b, struct error_text *why)
{
	struct error_text what;
	struct store *store;
	struct store_txn *txn;
	struct stat st;
	enum error e = store_open_file(&store, path, fd, STORE_READ, why);

	if (e != OK)
		return e;
	e = store_begin(store, &txn);
	if (e == OK)
		e = backup_compare(txn, b, &what);
	else
		error_set(&what, e, "%s", error_string(e));
	store_abort(&txn);
	store_close(&store);
	if (e != OK)
		return error_set(
		    why, e, "the copy %s does not hold: %s", path, what.text);
	if ((fd > 0 ? fstat(fd, &st) : stat(path, &st)) != 0)
		return error_about(why, error_from_errno(errno), path);
	b->bytes = (uint64_t)st.st_size;
	return OK;
}
