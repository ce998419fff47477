/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_prune - removes old entries of the audit log, and says so in it */
#include "policy/audit/audit_prune.h"

#include <inttypes.h>

#include "policy/audit/audit_verify.h"
#include "policy/store/prefix_scan.h"

/* What is removed: everything before the first entry that stays. */
struct range {
	instant before;
	uint64_t removed;
	uint64_t unreadable;     /* after those; they go if a later entry goes */
	struct audit_entry last; /* only number, kind and hash are looked at */
	bool some_stay;
};

/* keep_first - the audit_verify() of a prune needs no more than one finding */
static void
keep_first(void *arg, const struct audit_finding *f)
{
	struct error_text *why = arg;

	if (why->text[0] == '\0')
		error_set(why, ERR_CONFLICT,
		    "the audit log does not hold (entry %" PRIu64
		    ": %s); see \"smtpauthctl audit verify\", and use --force to prune it all the same",
		    f->number, f->text.text);
}

/* check_log - what is wrong in the log must not be lost unseen */
static enum error
check_log(struct store_txn *txn, struct error_text *why)
{
	struct audit_account account;
	struct error_text first = {""};
	enum error e = audit_verify(txn, NULL, keep_first, &first, &account);

	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	return account.findings == 0 ? OK
				     : error_set(why, ERR_CONFLICT, "%s", first.text);
}

/* range_extend - by one record, unless it stays */
static enum error
range_extend(void *arg, struct bytes key, struct bytes value)
{
	struct range *r = arg;
	struct audit_entry entry;

	if (audit_decode(key, value, &entry) != OK) {
		r->unreadable++; /* by force */
		return OK;
	}
	if (entry.kind == AUDIT_STUB)
		return OK;
	r->some_stay = entry.when >= r->before;
	if (r->some_stay)
		return WALK_STOP;
	r->removed += 1 + r->unreadable;
	r->unreadable = 0;
	r->last = entry;
	return OK;
}

/* range_remove - all records up to the last one, or all */
static enum error
range_remove(struct store_txn *txn, const struct range *r)
{
	struct db_cursor *cursor;
	struct key all, key;
	uint64_t number;
	enum error e = db_cursor_open(store_db(txn), &cursor);

	if (e != OK)
		return e;
	key_table(&all, TABLE_AUDIT);
	while ((e = db_cursor_seek(cursor, &all)) == OK) {
		struct bytes at = db_cursor_key(cursor);

		if (!key_has_prefix(at, &all) ||
		    (r->some_stay && key_to_number(at, &number) == OK &&
			number > r->last.number))
			break;
		key = key_copy(at);
		e = db_delete(store_db(txn), &key);
		if (e != OK)
			break;
	}
	db_cursor_close(&cursor);
	return e;
}

/* put_stub - in the place of the last entry that is gone */
static enum error
put_stub(struct store_txn *txn, uint64_t number, const struct digest *hash)
{
	struct audit_entry stub;
	struct record_writer w;
	uint8_t buf[512];
	struct key key;
	enum error e;

	audit_stub(&stub, number, hash);
	record_write_start(&w, buf, sizeof buf);
	e = audit_encode(&stub, hash, store_hasher(txn), &w);
	key_number(&key, TABLE_AUDIT, number);
	return e == OK ? db_put(store_db(txn), &key, (struct bytes){buf, w.len}) : e;
}

static enum error
prune(struct store_txn *txn, const struct audit_log *log, struct range *r)
{
	struct audit_entry entry = {.kind = AUDIT_PRUNE};
	enum error e = range_remove(txn, r);

	if (e == OK)
		e = put_stub(txn, r->last.number, &r->last.hash);
	entry.summary.content = r->last.hash;
	entry.summary.serial = r->last.number;
	entry.summary.removed = r->removed;
	return e == OK ? audit_table_append(txn, log, &entry) : e;
}

enum error
audit_prune(struct store_txn *txn, const struct audit_log *log, instant before,
    bool force, struct audit_pruned *out_r, struct error_text *why)
{
	struct range r = {.before = before};
	struct key all;
	enum error e = force ? OK : check_log(txn, why);

	*out_r = (struct audit_pruned){0, 0};
	if (e != OK)
		return e;
	key_table(&all, TABLE_AUDIT);
	e = prefix_scan_each(txn, &all, range_extend, &r);
	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	/* in a sound log the two are of the last entry */
	if (!r.some_stay && r.removed + r.unreadable > 0) {
		r.removed += r.unreadable;
		r.last.number = store_meta(txn)->audit_count;
		r.last.hash = store_meta(txn)->audit_head;
	}
	if (r.last.number == 0 || (r.removed == 1 && r.last.kind == AUDIT_PRUNE))
		return OK;
	e = prune(txn, log, &r);
	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	*out_r = (struct audit_pruned){r.removed, r.last.number};
	return OK;
}
