/* SPDX-License-Identifier: BSD-2-Clause */
/* check_lock.c - locks as records, and what the database reckons of them. */
#include "tests/lib/record_case.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/model/policy_record.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/verify.h"

#include <stdio.h>
#include <string.h>

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

static struct lock
lock_make(instant until, size_t who, size_t note)
{
	struct lock lock;

	lock_init(&lock);
	lock.until = until;
	lock.when = 1790000000;
	memset(lock.who, 'w', who);
	memset(lock.note, 'n', note);
	return lock;
}

static bool
same(const void *one, const void *other)
{
	const struct lock *a = one, *b = other;

	return a->until == b->until && a->when == b->when &&
	    strcmp(a->who, b->who) == 0 && strcmp(a->note, b->note) == 0;
}

static bool
valid(const void *object)
{
	const struct lock *lock = object;

	return memchr(lock->who, '\0', sizeof lock->who) != NULL &&
	    memchr(lock->note, '\0', sizeof lock->note) != NULL;
}

static void
encode(const void *object, struct record_writer *w)
{
	lock_encode(object, w);
}

static enum error
decode(struct bytes from, void *object_r)
{
	return lock_decode(from, object_r);
}

static const struct record_case records = {
    sizeof(struct lock), encode, decode, valid, same};

START_TEST(round_trip)
{
	static const instant until[] = {INSTANT_NONE, 0, 1796083200, INT64_MAX};

	for (size_t i = 0; i < sizeof until / sizeof *until; i++) {
		struct lock lock =
		    lock_make(until[i], i % 2 ? LOCK_WHO_MAX : 0, i % 3 ? NOTE_MAX : 0);

		record_case_expect_return(&records, &lock);
	}
}
END_TEST

START_TEST(cut_or_extended_or_newer)
{
	struct lock lock = lock_make(1796083200, 3, 5);

	record_case_expect_length(&records, &lock);
	record_case_expect_version(&records, &lock);
}
END_TEST

START_TEST(every_changed_byte)
{
	struct lock lock = lock_make(1796083200, 3, 5);

	record_case_expect_bytes(&records, &lock);
}
END_TEST

START_TEST(texts_that_are_too_long_or_have_a_nul)
{
	struct lock lock = lock_make(INSTANT_NONE, 1, 1), back;
	uint8_t buf[RECORD_MAX];
	struct record_writer w;
	size_t n = record_case_encode(&records, &lock, buf);

	buf[n - 1] = '\0';
	expect_error(ERR_DAMAGED, record_case_decode(&records, buf, n, &back));
	memset(lock.note, 'n', NOTE_MAX);
	for (int who = 0; who <= 1; who++) { /* one byte more than there is room for */
		char text[NOTE_MAX + 2];

		memset(text, 't', sizeof text);
		text[who ? LOCK_WHO_MAX + 1 : NOTE_MAX + 1] = '\0';
		record_write_start(&w, buf, sizeof buf);
		record_put_u8(&w, 1);
		record_put_u64(&w, (uint64_t)INSTANT_NONE);
		record_put_u64(&w, (uint64_t)INSTANT_NONE);
		record_put_string(&w, who ? text : "w");
		record_put_string(&w, who ? "n" : text);
		expect_error(
		    ERR_DAMAGED, record_case_decode(&records, buf, w.len, &back));
	}
}
END_TEST

START_TEST(until_its_end)
{
	const struct lock_state open = {false, INSTANT_NONE}, stale = {false, 100};
	const struct lock_state shut = {true, INSTANT_NONE}, timed = {true, 100};

	ck_assert(!lock_holds(&open, 0) && !lock_holds(&stale, 50));
	ck_assert(lock_holds(&shut, 0) && lock_holds(&shut, INT64_MAX));
	ck_assert(lock_holds(&timed, 0) && lock_holds(&timed, 99));
	ck_assert(!lock_holds(&timed, 100) && !lock_holds(&timed, 101));
}
END_TEST

START_TEST(of_two_locks_the_later_end_counts)
{
	static const instant order[][3] = {{1, 2, 2}, {2, 1, 2},
	    {2, INSTANT_NONE, INSTANT_NONE}, {INSTANT_NONE, 2, INSTANT_NONE}};

	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct lock_state both = {.set = false, .until = 99};

		lock_state_add(&both, order[i][0]);
		lock_state_add(&both, order[i][1]);
		ck_assert(both.set);
		ck_assert_int_eq(both.until, order[i][2]);
	}
}
END_TEST

static const char *const subjects[] = {
    "jane@open.test", "jane", "a@b@open.test", "x@nobody.test", "domain\\user"};

#define SUBJECTS (sizeof subjects / sizeof *subjects)

static void
subject_of(size_t i, struct lock_subject *subject)
{
	struct login login;

	if (i == SUBJECTS) {
		lock_table_subject_tenant(subject, "jane");
		return;
	}
	login = login_make(subjects[i]);
	lock_table_subject_login(subject, &login);
}

static enum error
count(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	struct lock_subject known;
	unsigned *seen = arg;

	(void)lock;
	for (size_t i = 0; i <= SUBJECTS; i++) {
		subject_of(i, &known);
		if (known.kind == subject->kind &&
		    strcmp(lock_table_subject_name(&known),
			lock_table_subject_name(subject)) == 0)
			*seen |= 1U << i;
	}
	return OK;
}

/* Every kind of name is kept apart from all others, and comes back as it was. */
START_TEST(table_of_all_kinds_of_names)
{
	struct lock lock, back;
	struct lock_subject s;
	unsigned seen = 0;
	bool found;

	for (size_t i = 0; i <= SUBJECTS; i++) {
		subject_of(i, &s);
		lock = lock_make(1800000000 + (instant)i, i, i);
		expect_ok(lock_table_get(txn, LOCK_MADE_HERE, &s, &back, &found));
		ck_assert(!found);
		expect_ok(lock_table_put(txn, LOCK_MADE_HERE, &s, &lock));
		expect_ok(lock_table_get(txn, LOCK_BROUGHT, &s, &back, &found));
		ck_assert(!found);
	}
	for (size_t i = 0; i <= SUBJECTS; i++) {
		subject_of(i, &s);
		expect_ok(lock_table_get(txn, LOCK_MADE_HERE, &s, &back, &found));
		ck_assert(found);
		ck_assert_int_eq(back.until, 1800000000 + (instant)i);
	}
	expect_ok(lock_table_each(txn, LOCK_MADE_HERE, count, &seen));
	ck_assert_uint_eq(seen, (1U << (SUBJECTS + 1)) - 1);
	ck_assert_uint_eq(store_meta(txn)->locks, SUBJECTS + 1);
	subject_of(0, &s);
	expect_ok(lock_table_remove(txn, LOCK_MADE_HERE, &s));
	expect_error(ERR_NOTFOUND, lock_table_remove(txn, LOCK_MADE_HERE, &s));
	ck_assert_uint_eq(store_meta(txn)->locks, SUBJECTS);
	txn_commit(&txn);
	store_expect_sound(store);
}
END_TEST

START_TEST(both_origins_count)
{
	struct lock_state found = {.set = false};
	struct lock lock = lock_make(100, 0, 0);
	const struct login login = login_make("jane@open.test");
	struct lock_subject s;

	lock_table_subject_login(&s, &login);
	expect_ok(lock_table_put(txn, LOCK_MADE_HERE, &s, &lock));
	lock.until = 200;
	expect_ok(lock_table_put(txn, LOCK_BROUGHT, &s, &lock));
	expect_ok(lock_table_add_login(txn, &login, &found));
	ck_assert(found.set && found.until == 200);
	found.set = false;
	expect_ok(lock_table_add_tenant(txn, "jane@open.test", &found));
	ck_assert(!found.set);
}
END_TEST

/* Equal policies have equal digests, whatever is locked on one machine. */
START_TEST(what_is_made_here_is_no_policy)
{
	static const struct digest zero;
	struct digest policy, local;
	struct lock lock = lock_make(INSTANT_NONE, 1, 1);
	struct lock_subject s;

	lock_table_subject_tenant(&s, "acme");
	policy = store_meta(txn)->digest;
	expect_ok(lock_table_put(txn, LOCK_MADE_HERE, &s, &lock));
	ck_assert(digest_equal(&store_meta(txn)->digest, &policy));
	ck_assert(digest_equal(store_content(txn), &zero));
	local = store_meta(txn)->local;
	ck_assert(!digest_equal(&local, &zero));
	expect_ok(lock_table_put(txn, LOCK_BROUGHT, &s, &lock));
	ck_assert(!digest_equal(&store_meta(txn)->digest, &policy));
	ck_assert(digest_equal(&store_meta(txn)->local, &local));
	txn_commit(&txn);
	store_expect_sound(store);
	txn = txn_begin(store);
	ck_assert_uint_eq(store_meta(txn)->locks, 2);
	expect_ok(lock_table_remove(txn, LOCK_BROUGHT, &s));
	ck_assert(digest_equal(&store_meta(txn)->digest, &policy));
	expect_ok(lock_table_remove(txn, LOCK_MADE_HERE, &s));
	ck_assert(digest_equal(&store_meta(txn)->local, &zero));
	ck_assert_uint_eq(store_meta(txn)->locks, 0);
}
END_TEST

/* A lock that is gone without the store's doing, while others are there. */
START_TEST(scan_finds_a_lock_that_was_taken_away)
{
	struct lock lock = lock_make(INSTANT_NONE, 0, 0);
	struct error_text why = {""};
	struct lock_subject s;
	struct key key;

	lock_table_subject_tenant(&s, "acme");
	expect_ok(lock_table_put(txn, LOCK_MADE_HERE, &s, &lock));
	key_tenant_lock(&key, TABLE_LOCAL_LOCK, "acme");
	expect_ok(db_delete(store_db(txn), &key));
	txn_commit(&txn);
	expect_error(ERR_DAMAGED, verify_store(store, NULL, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "locks made here"));
}
END_TEST

/* ... and one that was put in another's place, so that the count is right. */
START_TEST(scan_finds_a_lock_that_was_altered)
{
	struct lock lock = lock_make(INSTANT_NONE, 0, 0);
	uint8_t buf[RECORD_MAX] = {0};
	struct error_text why = {""};
	struct lock_subject s;
	struct key key;

	lock_table_subject_tenant(&s, "acme");
	expect_ok(lock_table_put(txn, LOCK_MADE_HERE, &s, &lock));
	key_tenant_lock(&key, TABLE_LOCAL_LOCK, "acme");
	lock.until = 1;
	expect_ok(db_put(store_db(txn), &key,
	    (struct bytes){buf, record_case_encode(&records, &lock, buf)}));
	txn_commit(&txn);
	expect_error(ERR_DAMAGED, verify_store(store, NULL, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "locks made here"));
}
END_TEST

START_TEST(keys_that_are_no_lock)
{
	static const struct {
		const char *at;
		size_t len;
	} bad[] = {{"l", 1}, {"ll", 2}, {"lt", 2}, {"lx\0jane", 7}, {"ltAcme", 6},
	    {"lta b", 5}, {"lljane", 6}, {"ll\0", 3}, {"ltac\0me", 7}};
	struct lock lock = lock_make(INSTANT_NONE, 0, 0);
	uint8_t buf[RECORD_MAX];
	struct bytes value = {buf, record_case_encode(&records, &lock, buf)};
	struct key key;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect_error(ERR_DAMAGED,
		    policy_record_check((struct bytes){bad[i].at, bad[i].len}, value));
	key_tenant_lock(&key, TABLE_LOCK, "acme");
	expect_ok(policy_record_check(key_bytes(&key), value));
	value.len--;
	expect_error(ERR_DAMAGED, policy_record_check(key_bytes(&key), value));
	/* the locks of another machine are no part of a policy that comes from there */
	value.len++;
	key_tenant_lock(&key, TABLE_LOCAL_LOCK, "acme");
	expect_error(ERR_DAMAGED, policy_record_check(key_bytes(&key), value));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lock");
	TCase *tcase = suite_add_case(suite, "record");

	tcase_add_test(tcase, round_trip);
	tcase_add_test(tcase, cut_or_extended_or_newer);
	tcase_add_test(tcase, every_changed_byte);
	tcase_add_test(tcase, texts_that_are_too_long_or_have_a_nul);
	tcase_add_test(tcase, until_its_end);
	tcase_add_test(tcase, of_two_locks_the_later_end_counts);
	tcase_add_test(tcase, keys_that_are_no_lock);
	tcase = state_add_case(suite, "table");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, table_of_all_kinds_of_names);
	tcase_add_test(tcase, both_origins_count);
	tcase_add_test(tcase, what_is_made_here_is_no_policy);
	tcase_add_test(tcase, scan_finds_a_lock_that_was_taken_away);
	tcase_add_test(tcase, scan_finds_a_lock_that_was_altered);
	return suite_run(suite);
}
