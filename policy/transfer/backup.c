/* SPDX-License-Identifier: BSD-2-Clause */
/* backup - a compact copy of a policy database, record by record */
#include "policy/transfer/backup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/tables/verify.h"

/* Records of one commit: few enough for the memory, and many for the speed. */
#define BATCH 20000

struct copying {
	struct db *to;
	struct db_txn *txn; /* of the batch */
	struct hasher *hasher;
	struct backup *b;
};

/* end_batch - commits it and begins another one */
static enum error
end_batch(struct copying *c)
{
	enum error e = db_commit(&c->txn);

	return e == OK ? db_begin(c->to, true, &c->txn) : e;
}

/* add_record - to the sum of all; the meta record has the commit of its own file */
static enum error
add_record(
    struct digest *all, struct hasher *hasher, struct bytes key, struct bytes value)
{
	return *(const uint8_t *)key.at == TABLE_META
	    ? OK
	    : digest_add(all, hasher, key, value);
}

static enum error
copy_record(struct copying *c, struct bytes key, struct bytes value)
{
	struct key own = {.len = key.len};
	enum error e = add_record(&c->b->all, c->hasher, key, value);

	memcpy(own.at, key.at, key.len);
	if (e == OK)
		e = db_append(c->txn, &own, value);
	if (e == OK && ++c->b->records % BATCH == 0)
		e = end_batch(c);
	/* not to be taken for a request that cannot be met */
	return e == ERR_CONFLICT ? ERR_DAMAGED : e;
}

static enum error
copy_records(struct copying *c, struct db_cursor *from)
{
	const struct key first = {.len = 1, .at = {0}};
	enum error e = db_cursor_seek(from, &first);

	while (e == OK && db_cursor_key(from).at != NULL) {
		e = copy_record(c, db_cursor_key(from), db_cursor_value(from));
		if (e == OK)
			e = db_cursor_next(from);
	}
	return e;
}

/* copy_table - all records, and the meta record with the number of the last commit */
static enum error
copy_table(struct copying *c, struct store_txn *from)
{
	struct db_cursor *cursor;
	enum error e = db_cursor_open(store_db(from), &cursor);

	if (e != OK)
		return e;
	e = db_begin(c->to, true, &c->txn);
	if (e == OK)
		e = copy_records(c, cursor);
	db_cursor_close(&cursor);
	if (e == OK)
		e = meta_write(c->txn, store_meta(from));
	if (e == OK)
		e = db_commit(&c->txn);
	db_abort(&c->txn);
	return e;
}

/* copy_open - ... into the file that is open, and onto the disk */
static enum error
copy_open(
    struct copying *c, struct store_txn *from, const char *path, struct error_text *why)
{
	enum error e;

	c->hasher = hasher_new();
	e = c->hasher != NULL ? copy_table(c, from) : ERR_MEMORY;
	hasher_free(&c->hasher);
	if (e == OK)
		e = store_check(from);
	if (e == OK)
		e = db_sync(c->to);
	return e == OK ? OK : error_about(why, e, path);
}

enum error
backup_copy(struct store_txn *from, const char *path, struct backup *out_r,
    struct error_text *why)
{
	const struct db_options options = {.writable = true, .lazy = true};
	struct copying c = {.b = out_r};
	uint64_t records;
	enum error e = verify_txn(from, &records, why);

	memset(out_r, 0, sizeof *out_r);
	out_r->policy = store_meta(from)->digest;
	if (e == OK)
		e = db_open(&c.to, path, &options, why);
	if (e == OK)
		e = copy_open(&c, from, path, why);
	db_close(&c.to);
	if (e == OK && out_r->records != records)
		return error_set(why, ERR_DAMAGED,
		    "%llu records were there, and %llu could be copied",
		    (unsigned long long)records, (unsigned long long)out_r->records);
	return e;
}

struct sum {
	struct hasher *hasher;
	struct digest all;
};

/* add - runs inside the guard: no lock, no allocation */
static enum error
add(void *arg, struct bytes key, struct bytes value)
{
	struct sum *s = arg;

	return add_record(&s->all, s->hasher, key, value);
}

/* compare - the records of the copy with those that were copied */
static enum error
compare(struct store_txn *txn, const struct backup *b, struct error_text *why)
{
	struct sum s = {.hasher = hasher_new()};
	uint64_t records = 0;
	enum error e = s.hasher != NULL ? verify_txn(txn, &records, why)
					: error_about(why, ERR_MEMORY, "");

	if (e == OK && (e = db_scan(store_db(txn), 0, 1, add, &s)) != OK)
		error_set(why, e, "%s", error_string(e));
	hasher_free(&s.hasher);
	if (e == OK && (records != b->records || !digest_equal(&s.all, &b->all)))
		return error_set(why, ERR_DAMAGED, "not all records are as copied");
	return e;
}

enum error
backup_verify(const char *path, struct backup *b, struct error_text *why)
{
	struct error_text what;
	struct store *store;
	struct store_txn *txn;
	struct stat st;
	enum error e = store_open_file(&store, path, STORE_READ, why);

	if (e != OK)
		return e;
	e = store_begin(store, &txn);
	if (e == OK)
		e = compare(txn, b, &what);
	else
		error_set(&what, e, "%s", error_string(e));
	store_abort(&txn);
	store_close(&store);
	if (e != OK)
		return error_set(
		    why, e, "the copy %s does not hold: %s", path, what.text);
	if (stat(path, &st) != 0)
		return error_about(why, error_from_errno(errno), path);
	b->bytes = (uint64_t)st.st_size;
	return OK;
}
