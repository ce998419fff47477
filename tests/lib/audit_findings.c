/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_findings.c - an audit log in a write transaction, and what audit_verify() has
 * to say of it. */
#include "tests/lib/audit_findings.h"

#include <stdio.h>
#include <string.h>

static void
keep(void *arg, const struct audit_finding *f)
{
	struct audit_findings *found = arg;

	ck_assert_uint_lt(found->count, AUDIT_FINDINGS_MOST);
	found->at[found->count].problem = f->problem;
	found->at[found->count].number = f->number;
	snprintf(found->at[found->count].text, sizeof(found->at[0].text), "%.200s",
	    f->text.text);
	ck_assert(f->text.text[0] != '\0');
	ck_assert(f->entry == NULL || f->entry->number == f->number);
	found->count++;
}

void
audit_findings_take(
    struct audit_findings *found, struct store_txn *txn, const struct digest *head)
{
	memset(found, 0, sizeof(*found));
	expect_ok(audit_verify(txn, head, keep, found, &found->account));
	ck_assert_uint_eq(found->count, found->account.findings);
}

bool
audit_findings_name(const struct audit_findings *found, uint64_t number)
{
	for (unsigned i = 0; i < found->count; i++)
		if (found->at[i].number == number)
			return true;
	return false;
}

bool
audit_findings_have(
    const struct audit_findings *found, enum audit_problem problem, uint64_t number)
{
	for (unsigned i = 0; i < found->count; i++)
		if (found->at[i].number == number && found->at[i].problem == problem)
			return true;
	return false;
}

void
audit_findings_expect_none(struct store_txn *txn)
{
	struct audit_findings found;

	audit_findings_take(&found, txn, NULL);
	ck_assert_msg(found.count == 0, "entry %llu: %s",
	    (unsigned long long)found.at[0].number, found.at[0].text);
}

void
audit_findings_expect_one(
    struct store_txn *txn, enum audit_problem problem, uint64_t number)
{
	struct audit_findings found;

	audit_findings_take(&found, txn, NULL);
	ck_assert_msg(found.count == 1 && audit_findings_have(&found, problem, number),
	    "%u findings, the first: entry %llu: %s: %s", found.count,
	    (unsigned long long)found.at[0].number,
	    audit_verify_problem_name(found.at[0].problem), found.at[0].text);
}

unsigned
raw_read(struct store_txn *txn, struct raw *out)
{
	struct db_cursor *cursor;
	unsigned count = 0;
	struct key all;
	enum error e;

	expect_ok(db_cursor_open(store_db(txn), &cursor));
	key_table(&all, TABLE_AUDIT);
	e = db_cursor_seek(cursor, &all);
	for (; e == OK && key_has_prefix(db_cursor_key(cursor), &all);
	     e = db_cursor_next(cursor), count++) {
		struct bytes key = db_cursor_key(cursor);
		struct bytes value = db_cursor_value(cursor);

		ck_assert_uint_lt(count, RAW_MOST);
		memcpy(out[count].key.at, key.at, key.len);
		out[count].key.len = key.len;
		memcpy(out[count].value, value.at, value.len);
		out[count].len = value.len;
	}
	expect_ok(e);
	db_cursor_close(&cursor);
	return count;
}

void
raw_put(struct store_txn *txn, const struct raw *raw)
{
	expect_ok(
	    db_put(store_db(txn), &raw->key, (struct bytes){raw->value, raw->len}));
}

void
raw_delete(struct store_txn *txn, const struct raw *raw)
{
	expect_ok(db_delete(store_db(txn), &raw->key));
}

struct digest
raw_hash(const struct raw *raw)
{
	struct digest hash;

	memcpy(hash.byte, raw->value + raw->len - DIGEST_BYTES, DIGEST_BYTES);
	return hash;
}

void
log_watch(struct store_txn *txn, struct audit_log *log, const char *actor, instant when)
{
	memset(log, 0, sizeof(*log));
	log->origin.uid = 0;
	log->origin.login_uid = AUDIT_NO_UID;
	snprintf(log->origin.actor, sizeof(log->origin.actor), "%s", actor);
	snprintf(log->origin.command, sizeof(log->origin.command), "mailbox set");
	log->when = when;
	audit_table_watch(txn, log);
}
