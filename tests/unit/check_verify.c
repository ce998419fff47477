/* SPDX-License-Identifier: BSD-2-Clause */
/* check_verify.c - a large database is scanned in two halves, which are the whole. */
#include "tests/lib/file.h"
#include "tests/lib/lmdb_page.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/tables/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	ADDRESS_SIZE = 64,
	AGAIN = 100, /* scans, so that their time can be measured */
	PAGES_MOST = 1000,
	MARKS = 50, /* records that are damaged, one at a time */
	LINKS = 500,
	NOTE_SIZE = 16
};

static struct state state;

static void
mailboxes_write(struct store_txn *txn, void *arg)
{
	const int *range = arg;
	char address[ADDRESS_SIZE], note[NOTE_SIZE];

	for (int i = range[0]; i < range[1]; i++) {
		snprintf(address, sizeof(address), "user%05d@large.test", i);
		snprintf(note, sizeof(note), "~%05d~", i);
		mailbox_store(txn, address, SMTP_AUTH_DISABLED, note);
	}
}

/* all_write - and tenants, domains and aliases, so that halves have index entries whose
 * records the other half has; in one transaction, or a page would be there twice */
static void
all_write(struct store_txn *txn, void *arg)
{
	char name[ADDRESS_SIZE], other[ADDRESS_SIZE];

	mailboxes_write(txn, arg);
	for (int i = 0; i < LINKS; i++) {
		snprintf(name, sizeof(name), "tenant%d", i);
		tenant_store(txn, name, SMTP_AUTH_ENABLED);
		snprintf(other, sizeof(other), "domain%d.test", i);
		domain_store(txn, other, name);
		snprintf(name, sizeof(name), "user%05d@large.test", i);
		snprintf(other, sizeof(other), "alias%d@large.test", i);
		alias_store(txn, name, other);
	}
}

/* setup - as many mailboxes as make a database large */
static void
setup(void)
{
	int range[] = {0, VERIFY_LARGE};

	state_open_ready(&state);
	state_change(&state, all_write, range);
}

/* What scans have seen. */
struct seen {
	uint64_t records, sum;
};

/* record_see - the sum is of all bytes, in no order */
static enum error
record_see(void *arg, struct bytes key, struct bytes value)
{
	const uint8_t *k = key.at, *v = value.at;
	struct seen *seen = arg;

	seen->records++;
	for (size_t i = 0; i < key.len; i++)
		seen->sum += (i + 1) * k[i];
	for (size_t i = 0; i < value.len; i++)
		seen->sum += (i + 1001) * v[i];
	return OK;
}

START_TEST(parts_see_each_record_once)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct seen whole = {0}, sum = {0};

	expect_ok(db_scan(store_db(txn), 0, 1, record_see, &whole));
	ck_assert_uint_gt(whole.records, VERIFY_LARGE);
	for (unsigned parts = 1; parts <= 3; parts++) {
		memset(&sum, 0, sizeof(sum));
		for (unsigned i = 0; i < parts; i++) {
			struct seen part = {0};

			expect_ok(db_scan(store_db(txn), i, parts, record_see, &part));
			/* as good as even, or two threads are no help */
			ck_assert_uint_gt(part.records, whole.records / parts / 2);
			sum.records += part.records;
			sum.sum += part.sum;
		}
		ck_assert_uint_eq(sum.records, whole.records);
		ck_assert_uint_eq(sum.sum, whole.sum);
	}
	state_abandon(&store, &txn);
}
END_TEST

START_TEST(large_database_holds)
{
	struct store *store = state_store(&state, STORE_READ);
	struct error_text why;
	uint64_t fast = 0, calm = 0;
	struct store_txn *txn;

	expect_ok(verify_store(store, &fast, &why));
	expect_ok(verify_store_calmly(store, &why));
	txn = txn_begin(store);
	expect_ok(verify_txn(txn, &calm, &why));
	ck_assert_uint_eq(fast, calm);
	state_abandon(&store, &txn);
}
END_TEST

static int64_t
clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* own_share - the share of this thread in the processor time of scans, in percent */
static int
own_share(bool calmly)
{
	struct store *store = state_store(&state, STORE_READ);
	int64_t own = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int64_t all = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct error_text why;

	for (int i = 0; i < AGAIN; i++)
		expect_ok(calmly ? verify_store_calmly(store, &why)
				 : verify_store(store, NULL, &why));
	own = clock_ns(CLOCK_THREAD_CPUTIME_ID) - own;
	all = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - all;
	store_close(&store);
	return (int)(100 * own / all);
}

START_TEST(two_threads_share_the_work)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		suite_skip("two_threads_share_the_work", "there is one processor");
		return;
	}
	ck_assert_int_lt(own_share(false), 75);
	ck_assert_int_gt(own_share(true), 85);
}
END_TEST

/* verdicts - of both ways; what is wrong is told in words */
static void
verdicts(enum error *fast_r, enum error *calm_r)
{
	struct store *store = state_store(&state, STORE_READ);
	struct error_text why = {""};

	*fast_r = verify_store(store, NULL, &why);
	ck_assert(*fast_r == OK || why.text[0] != '\0');
	*calm_r = verify_store_calmly(store, &why);
	store_close(&store);
}

/* Whichever half the record is in, and however its page is numbered. */
START_TEST(one_changed_letter_in_a_large_database_does_not_hold)
{
	enum error fast, calm;
	char mark[NOTE_SIZE];
	char *bytes, *at;
	size_t size;

	bytes = file_read(state.data, &size);
	ck_assert_ptr_nonnull(bytes);
	for (int i = 0; i < MARKS; i++) {
		snprintf(mark, sizeof(mark), "~%05d~", i * (VERIFY_LARGE / MARKS));
		at = memmem(bytes, size, mark, strlen(mark));
		ck_assert_ptr_nonnull(at);
		at[0] = '!';
		ck_assert_int_eq(unlink(state.data), 0);
		ck_assert(file_write(state.data, bytes, size));
		verdicts(&fast, &calm);
		ck_assert_msg(fast == ERR_DAMAGED && calm == ERR_DAMAGED, "%s: %s, %s",
		    mark, error_string(fast), error_string(calm));
		at[0] = '~';
	}
	ck_assert(file_write(state.data, bytes, size));
	verdicts(&fast, &calm);
	expect_ok(fast);
	free(bytes);
}
END_TEST

/* The same records, so that neither digest nor counts can tell. */
START_TEST(records_in_another_order_do_not_hold_in_either_half)
{
	size_t size, page_size = (size_t)sysconf(_SC_PAGESIZE);
	char *bytes = file_read(state.data, &size);
	int refused = 0;
	enum error fast, calm;

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 2; i < size / page_size && i < PAGES_MOST; i++) {
		if (!lmdb_page_swap(bytes + i * page_size, 0))
			continue;
		ck_assert_int_eq(unlink(state.data), 0);
		ck_assert(file_write(state.data, bytes, size));
		verdicts(&fast, &calm);
		ck_assert_msg(fast == calm, "page %zu: %s, %s", i, error_string(fast),
		    error_string(calm));
		refused += fast == ERR_DAMAGED;
		ck_assert(lmdb_page_swap(bytes + i * page_size, 0));
	}
	ck_assert_int_gt(refused, MARKS);
	free(bytes);
}
END_TEST

/* Both threads trap at once. */
START_TEST(large_file_that_is_cut_while_open_does_not_hold)
{
	struct store *store = state_store(&state, STORE_READ);
	struct error_text why;
	size_t size;
	char *bytes = file_read(state.data, &size);

	ck_assert_ptr_nonnull(bytes);
	expect_ok(verify_store(store, NULL, &why));
	for (size_t part = 1; part < 8; part++) {
		ck_assert_int_eq(truncate(state.data, (off_t)(size / 8 * part)), 0);
		ck_assert_int_ne(verify_store(store, NULL, &why), OK);
		ck_assert(file_write(state.data, bytes, size));
	}
	store_close(&store);
	free(bytes);
}
END_TEST

/* commit_run - in a child */
static int
commit_run(void *arg)
{
	(void)arg;
	state_change(&state, mailboxes_write, (int[]){VERIFY_LARGE, VERIFY_LARGE + 1});
	return 0;
}

START_TEST(second_transaction_has_the_same_snapshot_or_is_none)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct seen seen = {0}, other = {0};
	struct db_txn *same;

	expect_ok(db_begin_same(store_db(txn), &same));
	expect_ok(db_scan(same, 0, 1, record_see, &seen));
	db_abort(&same);
	expect_ok(db_scan(store_db(txn), 0, 1, record_see, &other));
	ck_assert_uint_eq(seen.sum, other.sum);
	state_abandon(&store, &txn);

	store = state_store(&state, STORE_WRITE);
	txn = txn_begin(store);
	expect_error(ERR_OVERTAKEN, db_begin_same(store_db(txn), &same));
	ck_assert_ptr_null(same);
	store_abort(&txn);
	expect_ok(store_yield(store, &txn)); /* a reader, and others can commit */
	expect_ok(db_begin_same(store_db(txn), &same));
	db_abort(&same);
	ck_assert_int_eq(child_run(commit_run, NULL), 0);
	expect_error(ERR_OVERTAKEN, db_begin_same(store_db(txn), &same));
	ck_assert_ptr_null(same);
	state_abandon(&store, &txn);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("verify");
	TCase *tcase = state_add_case(suite, "verify");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, parts_see_each_record_once);
	tcase_add_test(tcase, large_database_holds);
	tcase_add_test(tcase, two_threads_share_the_work);
	tcase_add_test(tcase, records_in_another_order_do_not_hold_in_either_half);
	tcase_add_test(tcase, large_file_that_is_cut_while_open_does_not_hold);
	tcase_add_test(tcase, one_changed_letter_in_a_large_database_does_not_hold);
	tcase_add_test(tcase, second_transaction_has_the_same_snapshot_or_is_none);
	return suite_run(suite);
}
