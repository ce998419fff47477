/* SPDX-License-Identifier: BSD-2-Clause */
/* check_store_space.c - the store in a full map, and on a full disk. */
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMITS_ADDRESSES 0 /* the sanitizers need them all */
#else
#define LIMITS_ADDRESSES 1
#endif

enum { MIB = 1 << 20, RECORDS = 200, VALUE_SIZE = 2000 };

static struct state state;
static struct error_text why;

static void
setup(void)
{
	state_open_ready(&state);
}

/* records_write - RECORDS mailboxes */
static void
records_write(struct store_txn *txn, void *arg)
{
	char address[40];

	(void)arg;
	for (int i = 0; i < RECORDS; i++) {
		snprintf(address, sizeof(address), "user%d@a.test", i);
		mailbox_store(txn, address, SMTP_AUTH_ENABLED, "");
	}
}

/* big_put - record number N, large enough to fill a file soon */
static enum error
big_put(struct store_txn *txn, int n)
{
	static const char value[VALUE_SIZE];
	struct key key;
	char name[16];

	snprintf(name, sizeof(name), "%d", n);
	key_name(&key, (enum table)'L', name);
	return store_put(txn, &key, (struct bytes){value, sizeof(value)});
}

START_TEST(full_map_is_told_and_nothing_is_lost)
{
	const struct db_options options = {.writable = true, .map_size = MIB};
	struct db_txn *txn;
	struct key key;
	struct db *db;
	char value[VALUE_SIZE] = "";
	enum error e = OK;
	struct bytes found;
	int n;

	expect_ok(db_open(&db, state.data, &options, &why));
	expect_ok(db_begin(db, true, &txn));
	for (n = 0; e == OK && n < 2 * MIB / VALUE_SIZE; n++) {
		snprintf(value, sizeof(value), "%d", n);
		key_name(&key, (enum table)'L', value);
		e = db_put(txn, &key, (struct bytes){value, sizeof(value)});
	}
	expect_error(ERR_MAP, e);
	ck_assert_int_gt(n, MIB / VALUE_SIZE / 4);
	db_abort(&txn);
	expect_ok(db_begin(db, false, &txn));
	key_name(&key, (enum table)'L', "0");
	expect_ok(db_get(txn, &key, value, sizeof(value), &found));
	ck_assert_ptr_null(found.at);
	db_abort(&txn);
	db_close(&db);
	state_change(&state, records_write, NULL);
}
END_TEST

/* small_store - a store with a map of at most 64 MiB */
static struct store *
small_store(void)
{
	struct rlimit limit;
	struct store *store;

	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = 64 * MIB;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	store = state_store(&state, STORE_WRITE);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	return store;
}

/* map_fill - puts until the store refuses */
static enum error
map_fill(struct store_txn *txn)
{
	enum error e = OK;

	for (int n = 0; e == OK && n < 64 * MIB / VALUE_SIZE; n++)
		e = big_put(txn, n);
	return e;
}

START_TEST(full_map_is_told_by_the_store)
{
	struct store *store;
	struct store_txn *txn;

	state_change(&state, records_write, NULL);
	store = small_store();
	txn = txn_begin(store);
	expect_error(ERR_MAP, map_fill(txn));
	/* Who does not look at it gets no database with half of the records. */
	ck_assert_int_ne(store_commit(&txn), OK);
	store_close(&store);
	store = state_store(&state, STORE_READ);
	ck_assert_uint_eq(store_expect_sound(store), RECORDS + 1);
	store_close(&store);
}
END_TEST

START_TEST(full_map_is_not_taken_for_damage)
{
	struct store *store;
	struct store_txn *txn;

	store = small_store();
	txn = txn_begin(store);
	expect_error(ERR_MAP, map_fill(txn));
	ck_assert_int_ne(big_put(txn, 0), ERR_DAMAGED);
	ck_assert_int_ne(store_commit(&txn), ERR_DAMAGED);
	txn = txn_begin(store); /* would wait for ever for LMDB's mutex */
	state_abandon(&store, &txn);
}
END_TEST

/* A reader with a small map meets a file that another one has made larger. */
START_TEST(file_that_outgrows_a_map_is_opened_anew)
{
	const struct db_options small = {.map_size = MIB}, large = {.writable = true};
	struct db *reader, *writer;
	struct db_txn *txn;
	struct key key;
	char value[VALUE_SIZE] = "";

	state_change(&state, records_write, NULL);
	expect_ok(db_open(&reader, state.data, &small, &why));
	expect_ok(db_open(&writer, state.data, &large, &why));
	expect_ok(db_begin(writer, true, &txn));
	for (int n = 0; n < 2 * MIB / VALUE_SIZE; n++) {
		snprintf(value, sizeof(value), "%d", n);
		key_name(&key, (enum table)'L', value);
		expect_ok(db_put(txn, &key, (struct bytes){value, sizeof(value)}));
	}
	expect_ok(db_commit(&txn));
	expect_error(ERR_REPLACED, db_begin(reader, false, &txn));
	db_close(&reader);
	expect_ok(db_open(&reader, state.data, &small, &why));
	expect_ok(db_begin(reader, false, &txn)); /* its map is as large as the file */
	db_abort(&txn);
	db_close(&reader);
	db_close(&writer);
}
END_TEST

START_TEST(file_larger_than_the_address_space_is_told)
{
	struct rlimit limit;
	struct store *store;

	state_change(&state, records_write, NULL);
	ck_assert_int_eq(truncate(state.data, 512 * MIB), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = 64 * MIB;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	expect_error(ERR_MAP, store_open(&store, state.dir, STORE_READ, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "address space"));
	ck_assert_ptr_nonnull(strstr(why.text, "policy.mdb (512 MiB)"));
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	store = state_store(&state, STORE_READ);
	ck_assert_uint_eq(store_expect_sound(store), RECORDS + 1);
	store_close(&store);
}
END_TEST

START_TEST(full_disk_is_told_and_nothing_is_lost)
{
	struct rlimit limit;
	struct store *store;
	struct store_txn *txn;

	state_change(&state, records_write, NULL);
	store = state_store(&state, STORE_WRITE);
	txn = txn_begin(store);
	for (int n = 0; n < MIB / VALUE_SIZE; n++)
		expect_ok(big_put(txn, n));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = MIB / 2;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect_error(ERR_IO, store_commit(&txn)); /* EFBIG, not ENOSPC */
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_uint_eq(store_expect_sound(store), RECORDS + 1);
	txn = txn_begin(store);
	mailbox_store(txn, "user0@a.test", SMTP_AUTH_ENABLED, "changed");
	txn_commit(&txn);
	ck_assert_uint_eq(store_expect_sound(store), RECORDS + 1);
	store_close(&store);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_space");
	TCase *tcase = state_add_case(suite, "store_space");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, full_map_is_told_and_nothing_is_lost);
	tcase_add_test(tcase, file_that_outgrows_a_map_is_opened_anew);
	if (LIMITS_ADDRESSES) {
		tcase_add_test(tcase, file_larger_than_the_address_space_is_told);
		tcase_add_test(tcase, full_map_is_told_by_the_store);
		tcase_add_test(tcase, full_map_is_not_taken_for_damage);
	}
	tcase_add_test(tcase, full_disk_is_told_and_nothing_is_lost);
	return suite_run(suite);
}
