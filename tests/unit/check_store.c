/* SPDX-License-Identifier: BSD-2-Clause */
/* check_store.c - records in the store: digest, counts, transactions, settings. */
#include "policy/tables/removal.h"
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/tables/mailbox_table.h"
#include "policy/tables/setting_table.h"
#include "policy/tables/tenant_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAILBOXES = 500, STRIDE = 211, ADDRESS_SIZE = 40 };

static struct state state;
static struct store *store;
static struct store_txn *txn;

static void
setup(void)
{
	state_begin(&state, &store, &txn);
}

static void
teardown(void)
{
	state_abandon(&store, &txn);
}

/* txn_next - commits and begins anew */
static void
txn_next(void)
{
	txn_commit(&txn);
	txn = txn_begin(store);
}

/* sound_expect - commits, and lets verify_store() compare digest and counts */
static void
sound_expect(uint64_t records)
{
	txn_commit(&txn);
	ck_assert_uint_eq(store_expect_sound(store), records);
	txn = txn_begin(store);
}

static void
counts_expect(uint64_t tenants, uint64_t domains, uint64_t mailboxes, uint64_t aliases)
{
	const struct store_meta *meta = store_meta(txn);

	ck_assert_uint_eq(meta->tenants, tenants);
	ck_assert_uint_eq(meta->domains, domains);
	ck_assert_uint_eq(meta->mailboxes, mailboxes);
	ck_assert_uint_eq(meta->aliases, aliases);
}

static struct key
key_make(char table, const char *name)
{
	struct key key;

	key_name(&key, (enum table)table, name);
	return key;
}

/* record_put - puts a record whose value need not make sense */
static void
record_put(char table, const char *name, const char *value)
{
	struct key key = key_make(table, name);

	expect_ok(store_put(txn, &key, (struct bytes){value, strlen(value)}));
}

static void
record_expect(char table, const char *name, const char *value)
{
	struct key key = key_make(table, name);
	uint8_t buf[RECORD_MAX];
	struct bytes got;

	expect_ok(store_get(txn, &key, buf, &got));
	ck_assert_ptr_nonnull(got.at);
	ck_assert_uint_eq(got.len, strlen(value));
	ck_assert_mem_eq(got.at, value, got.len);
}

static void
record_expect_none(char table, const char *name)
{
	struct key key = key_make(table, name);
	uint8_t buf[RECORD_MAX];
	struct bytes got;

	expect_ok(store_get(txn, &key, buf, &got));
	ck_assert_ptr_null(got.at);
}

START_TEST(counts_and_digest_follow_put_and_delete)
{
	struct digest none = store_meta(txn)->digest;
	struct login login = login_make("jane@acme.test");

	tenant_store_with(txn, "acme", SMTP_AUTH_DISABLED, "acme.test");
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "");
	counts_expect(1, 1, 1, 0);
	sound_expect(5); /* with the meta record and an entry of an index */
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_DISABLED, "changed");
	counts_expect(1, 1, 1, 0);
	sound_expect(5);
	expect_ok(mailbox_table_remove(txn, &login));
	expect_error(ERR_NOTFOUND, mailbox_table_remove(txn, &login));
	counts_expect(1, 1, 0, 0);
	sound_expect(4);
	expect_ok(removal_tenant(txn, "acme", true, NULL));
	counts_expect(0, 0, 0, 0);
	ck_assert_mem_eq(&store_meta(txn)->digest, &none, sizeof(none));
	sound_expect(1);
}
END_TEST

START_TEST(every_policy_table_counts_in_the_digest)
{
	static const char tables[] = {
	    TABLE_SETTING, TABLE_TENANT, TABLE_DOMAIN, TABLE_MAILBOX, TABLE_ALIAS};
	struct digest before = store_meta(txn)->digest, with;
	struct key key = key_make(tables[_i], "name");

	record_put(tables[_i], "name", "1");
	with = store_meta(txn)->digest;
	ck_assert_mem_ne(&with, &before, sizeof(with));
	record_put(tables[_i], "name", "2");
	ck_assert_mem_ne(&store_meta(txn)->digest, &with, sizeof(with));
	record_put(tables[_i], "name", "1");
	ck_assert_mem_eq(&store_meta(txn)->digest, &with, sizeof(with));
	expect_ok(store_delete(txn, &key));
	ck_assert_mem_eq(&store_meta(txn)->digest, &before, sizeof(with));
}
END_TEST

START_TEST(other_tables_are_outside_the_digest)
{
	struct digest before = store_meta(txn)->digest;

	record_put('L', "entry", "of a log");
	record_put('L', "empty", "");
	ck_assert_mem_eq(&store_meta(txn)->digest, &before, sizeof(before));
	counts_expect(0, 0, 0, 0);
	sound_expect(3);
	record_expect('L', "entry", "of a log");
	record_expect('L', "empty", "");
}
END_TEST

START_TEST(put_and_delete_within_one_transaction)
{
	struct key key = key_make(TABLE_DOMAIN, "a.test");

	record_put(TABLE_DOMAIN, "a.test", "one");
	record_put(TABLE_DOMAIN, "a.test", "three");
	record_expect(TABLE_DOMAIN, "a.test", "three");
	expect_ok(store_delete(txn, &key));
	record_expect_none(TABLE_DOMAIN, "a.test");
	expect_error(ERR_NOTFOUND, store_delete(txn, &key));
	counts_expect(0, 0, 0, 0);
	record_put(TABLE_DOMAIN, "a.test", "");
	record_expect(TABLE_DOMAIN, "a.test", "");
	counts_expect(0, 1, 0, 0);
}
END_TEST

/* file_is - whether the file has these bytes: then there was no new transaction */
static bool
file_is(const char *bytes, size_t size)
{
	size_t now_size;
	char *now = file_read(state.data, &now_size);
	bool same = now_size == size && memcmp(now, bytes, size) == 0;

	free(now);
	return same;
}

START_TEST(put_of_the_same_value_writes_nothing)
{
	size_t size;
	char *before;

	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "note");
	txn_next();
	before = file_read(state.data, &size);
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "note");
	txn_next();
	ck_assert_msg(file_is(before, size), "the file has changed");
	counts_expect(0, 0, 1, 0);
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "other");
	txn_next();
	ck_assert_msg(!file_is(before, size), "the file has not changed");
	free(before);
}
END_TEST

START_TEST(abort_leaves_nothing)
{
	struct digest digest;
	size_t size;
	char *before;

	record_put(TABLE_DOMAIN, "kept.test", "value");
	txn_next();
	digest = store_meta(txn)->digest;
	before = file_read(state.data, &size);
	for (int i = 0; i < MAILBOXES; i++) {
		char name[ADDRESS_SIZE];

		snprintf(name, sizeof(name), "%d.test", i);
		record_put(TABLE_DOMAIN, name, "gone");
	}
	record_put(TABLE_DOMAIN, "kept.test", "gone");
	store_abort(&txn);
	ck_assert_ptr_null(txn);
	store_abort(&txn);
	ck_assert_msg(file_is(before, size), "the file has changed");
	txn = txn_begin(store);
	record_expect(TABLE_DOMAIN, "kept.test", "value");
	record_expect_none(TABLE_DOMAIN, "7.test");
	ck_assert_mem_eq(&store_meta(txn)->digest, &digest, sizeof(digest));
	counts_expect(0, 1, 0, 0);
	free(before);
}
END_TEST

/* mailboxes_fill - the same records, in an order that `stride` decides */
static void
mailboxes_fill(struct store_txn *into, void *arg)
{
	const int *stride = arg;

	for (int i = 0; i < MAILBOXES; i++) {
		char address[ADDRESS_SIZE];
		int n = i * *stride % MAILBOXES;

		snprintf(address, sizeof(address), "user%d@d%d.test", n, n % 7);
		mailbox_store(into, address,
		    n % 2 ? SMTP_AUTH_ENABLED : SMTP_AUTH_DISABLED, address);
	}
}

START_TEST(order_of_puts_does_not_matter)
{
	struct digest digest[2];
	uint8_t id[2][sizeof(store_meta(txn)->id)];

	for (int i = 0; i < 2; i++) {
		int stride = i == 0 ? 1 : STRIDE;
		struct state other;
		struct store *reader;
		struct store_txn *view;

		state_open_ready(&other);
		state_change(&other, mailboxes_fill, &stride);
		reader = state_store(&other, STORE_READ);
		ck_assert_uint_eq(store_expect_sound(reader), MAILBOXES + 1);
		view = txn_begin(reader);
		digest[i] = store_meta(view)->digest;
		memcpy(id[i], store_meta(view)->id, sizeof(id[i]));
		store_abort(&view);
		store_close(&reader);
	}
	ck_assert_mem_eq(&digest[0], &digest[1], sizeof(digest[0]));
	ck_assert_mem_ne(id[0], id[1], sizeof(id[0]));
}
END_TEST

START_TEST(records_have_a_longest_size)
{
	static char value[RECORD_MAX + 1];
	struct key key = key_make(TABLE_DOMAIN, "long.test");
	uint8_t buf[RECORD_MAX];
	struct bytes got;

	memset(value, 'v', sizeof(value));
	expect_ok(store_put(txn, &key, (struct bytes){value, RECORD_MAX}));
	expect_ok(store_get(txn, &key, buf, &got));
	ck_assert_uint_eq(got.len, RECORD_MAX);
	ck_assert_mem_eq(got.at, value, RECORD_MAX);
	/* A longer one could never be read again. */
	expect_error(
	    ERR_LIMIT, store_put(txn, &key, (struct bytes){value, sizeof(value)}));
}
END_TEST

START_TEST(keys_may_be_as_long_as_lmdb_allows)
{
	char name[KEY_MAX], less[KEY_MAX];

	memset(name, 'n', sizeof(name));
	name[KEY_MAX - 1] = '\0';
	memcpy(less, name, sizeof(name));
	less[KEY_MAX - 2] = '\0';
	record_put('L', name, "long");
	record_put('L', less, "less");
	record_expect('L', name, "long");
	record_expect('L', less, "less");
	sound_expect(3);
}
END_TEST

START_TEST(settings_are_read_with_the_transaction)
{
	const struct setting *row = settings_find("unknown-tenant");
	struct error_text why;

	ck_assert_ptr_nonnull(row);
	ck_assert_int_eq(store_settings(txn)->unknown_tenant, ACTION_ACCEPT);
	expect_ok(setting_table_set(txn, row, "reject", &why));
	expect_ok(store_reload_settings(txn));
	ck_assert_int_eq(store_settings(txn)->unknown_tenant, ACTION_REJECT);
	sound_expect(2);
	ck_assert_int_eq(store_settings(txn)->unknown_tenant, ACTION_REJECT);
	expect_ok(setting_table_unset(txn, row));
	expect_error(ERR_NOTFOUND, setting_table_unset(txn, row));
	txn_next();
	ck_assert_int_eq(store_settings(txn)->unknown_tenant, ACTION_ACCEPT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store");
	TCase *tcase = state_add_case(suite, "store");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, counts_and_digest_follow_put_and_delete);
	tcase_add_loop_test(tcase, every_policy_table_counts_in_the_digest, 0, 5);
	tcase_add_test(tcase, other_tables_are_outside_the_digest);
	tcase_add_test(tcase, put_and_delete_within_one_transaction);
	tcase_add_test(tcase, put_of_the_same_value_writes_nothing);
	tcase_add_test(tcase, abort_leaves_nothing);
	tcase_add_test(tcase, order_of_puts_does_not_matter);
	tcase_add_test(tcase, records_have_a_longest_size);
	tcase_add_test(tcase, keys_may_be_as_long_as_lmdb_allows);
	tcase_add_test(tcase, settings_are_read_with_the_transaction);
	return suite_run(suite);
}
