/* SPDX-License-Identifier: BSD-2-Clause */
/* check_backup.c - copies of a database: complete, of one moment, never of damage */
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/audit/audit_table.h"
#include "policy/tables/notice_table.h"
#include "policy/tables/setting_table.h"
#include "policy/tables/verify.h"
#include "policy/transfer/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 45000, FEW = 60 };

static struct state state;
static char copy[STATE_PATH];
static struct audit_log audit = {.origin = {.command = "test"}};

static void
setup(void)
{
	state_open_ready(&state);
	snprintf(copy, sizeof(copy), "%s/copy", state.dir);
}

/* mailboxes_write - *arg of them, with all that a database can have */
static void
mailboxes_write(struct store_txn *txn, void *arg)
{
	const struct notice notice = {.address = "admin@a.test"};
	struct error_text why;
	char name[40], note[RECORD_MAX / 64];

	audit_table_watch(txn, &audit);
	tenant_store_with(txn, "a", SMTP_AUTH_DISABLED, "a.test");
	memset(note, 'n', sizeof(note) - 1);
	for (int i = 0; i < *(int *)arg; i++) {
		note[i % 60 + 1] = '\0';
		snprintf(name, sizeof(name), "u%d@a.test", i * 7919 % *(int *)arg);
		mailbox_store(txn, name, SMTP_AUTH_ENABLED, note);
		note[i % 60 + 1] = 'n';
	}
	alias_store(txn, "u1@a.test", "short");
	expect_ok(setting_table_set(txn, settings_find("enforce"), "no", &why));
	expect_ok(notice_table_put(txn, "a", &notice));
}

/* copy_make - a copy that was verified */
static struct backup
copy_make(struct store_txn *txn)
{
	struct error_text why;
	struct backup b;

	unlink(copy);
	expect_ok(backup_copy(txn, copy, 0, &b, &why));
	expect_ok(backup_verify(copy, 0, &b, &why));
	return b;
}

/* copy_expect - that the copy has each record of TXN, byte by byte, and no other */
static void
copy_expect(struct store_txn *txn, uint64_t records)
{
	const struct key first = {.len = 1};
	struct db_cursor *a, *b;
	struct error_text why;
	struct store *store;
	struct store_txn *other;
	uint64_t n = 0;
	enum error e, f;

	expect_ok(store_open_file(&store, copy, 0, STORE_READ, &why));
	other = txn_begin(store);
	expect_ok(db_cursor_open(store_db(txn), &a));
	expect_ok(db_cursor_open(store_db(other), &b));
	e = db_cursor_seek(a, &first);
	f = db_cursor_seek(b, &first);
	for (; e == OK && f == OK && db_cursor_key(a).at != NULL; n++) {
		struct bytes k = db_cursor_key(a), l = db_cursor_key(b);
		struct bytes v = db_cursor_value(a), w = db_cursor_value(b);

		ck_assert_uint_eq(k.len, l.len);
		ck_assert_mem_eq(k.at, l.at, k.len);
		ck_assert_uint_eq(v.len, w.len);
		if (*(const uint8_t *)k.at != TABLE_META) /* has its own commit */
			ck_assert_mem_eq(v.at, w.at, v.len);
		e = db_cursor_next(a);
		f = db_cursor_next(b);
	}
	expect_ok(e);
	expect_ok(f);
	ck_assert_ptr_null(db_cursor_key(b).at);
	ck_assert_uint_eq(n, records);
	db_cursor_close(&a);
	db_cursor_close(&b);
	store_abort(&other);
	store_close(&store);
}

START_TEST(copy_has_every_record)
{
	int many = MANY;
	struct store *store;
	struct store_txn *txn;
	struct backup b;
	char lock[STATE_PATH + 8];

	state_change(&state, mailboxes_write, &many);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	b = copy_make(txn);
	ck_assert_uint_gt(b.records, 2 * (uint64_t)many);
	ck_assert_uint_eq(store_meta(txn)->audit_count, (uint64_t)many + 4);
	copy_expect(txn, b.records);
	ck_assert_int_eq(file_size(copy), (off_t)b.bytes);
	ck_assert_int_lt(file_size(copy), file_size(state.data) * 19 / 20);
	snprintf(lock, sizeof(lock), "%s-lock", copy);
	ck_assert_int_lt(file_size(lock), 0);
	state_abandon(&store, &txn);
}
END_TEST

START_TEST(copy_of_nothing)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct backup b = copy_make(txn);

	ck_assert_uint_eq(b.records, 1);
	copy_expect(txn, 1);
	state_abandon(&store, &txn);
}
END_TEST

static void
lock_write(struct store_txn *txn, void *arg)
{
	(void)arg;
	mailbox_store(txn, "u1@a.test", SMTP_AUTH_DISABLED, "later");
	mailbox_store(txn, "new@a.test", SMTP_AUTH_DISABLED, "later");
}

static int
lock_write_run(void *arg)
{
	state_change(&state, lock_write, arg);
	return 0;
}

/* The copy is that of the snapshot, whatever is written meanwhile. */
START_TEST(copy_is_of_one_moment)
{
	int few = FEW;
	struct store *store;
	struct store_txn *txn;
	struct backup b;

	state_change(&state, mailboxes_write, &few);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	ck_assert_int_eq(child_run(lock_write_run, NULL), 0);
	b = copy_make(txn);
	copy_expect(txn, b.records);
	state_abandon(&store, &txn);
}
END_TEST

/* try_copy - of a source that may be damaged; whatever is called good is good */
static bool
try_copy(const struct digest *policy)
{
	struct error_text why;
	struct store *store;
	struct store_txn *txn;
	struct backup b;
	enum error e = store_open_file(&store, state.data, 0, STORE_READ, &why);

	if (e != OK)
		return false;
	unlink(copy);
	e = store_begin(store, &txn);
	if (e == OK)
		e = backup_copy(txn, copy, 0, &b, &why);
	if (e == OK)
		e = backup_verify(copy, 0, &b, &why);
	if (e == OK) {
		ck_assert(digest_equal(&b.policy, policy));
		copy_expect(txn, b.records);
	}
	state_abandon(&store, &txn);
	return e == OK;
}

/* source_digest - of the policy in the state folder */
static struct digest
source_digest(void)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct digest digest = store_meta(txn)->digest;

	state_abandon(&store, &txn);
	return digest;
}

START_TEST(damaged_source_is_refused)
{
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE), good = 0, bad = 0;
	int few = FEW;
	struct digest policy;
	char *whole, *bytes;

	state_change(&state, mailboxes_write, &few);
	state_change(&state, lock_write, NULL); /* so that there are free pages */
	policy = source_digest();
	whole = file_read(state.data, &size);
	ck_assert(try_copy(&policy));
	for (size_t at = 0; at < size; at += page) {
		bytes = malloc(size);
		memcpy(bytes, whole, size);
		memset(bytes + at, 0, page);
		ck_assert(file_write(state.data, bytes, size));
		*(try_copy(&policy) ? &good : &bad) += 1;
		ck_assert(file_write(state.data, whole, at));
		ck_assert(!try_copy(&policy) || at > size / 2);
		free(bytes);
	}
	ck_assert_uint_gt(good, 0); /* free pages do not matter */
	ck_assert_uint_gt(bad, size / page / 2);
	free(whole);
}
END_TEST

/* A copy in which a record is missing is not what was copied, though it holds. */
START_TEST(copy_with_other_records_does_not_verify)
{
	const struct notice notice = {.address = "other@a.test"};
	int few = FEW;
	struct store *store;
	struct store_txn *txn;
	struct error_text why;
	struct backup b;

	state_change(&state, mailboxes_write, &few);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	b = copy_make(txn);
	state_abandon(&store, &txn);
	expect_ok(store_open_file(&store, copy, 0, STORE_WRITE, &why));
	txn = txn_begin(store);
	if (_i == 0)
		expect_ok(notice_table_put(txn, "a", &notice));
	else
		expect_ok(notice_table_remove(txn, "a"));
	state_end(&store, &txn);
	expect_error(ERR_DAMAGED, backup_verify(copy, 0, &b, &why));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("backup");
	TCase *tcase = state_add_case(suite, "backup");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, copy_has_every_record);
	tcase_add_test(tcase, copy_of_nothing);
	tcase_add_test(tcase, copy_is_of_one_moment);
	tcase_add_test(tcase, damaged_source_is_refused);
	tcase_add_loop_test(tcase, copy_with_other_records_does_not_verify, 0, 2);
	return suite_run(suite);
}
