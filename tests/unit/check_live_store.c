/* SPDX-License-Identifier: BSD-2-Clause */
/* check_live_store.c - the live store: first scan, faults, replaced files, recovery. */
#include "tests/lib/database_image.h"
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/suite.h"

#include "policy/live/read_pool.h"
#include "policy/store/write_lock.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RECOVERY = 5000, /* milliseconds, by specification */
	LOOK = 2000,     /* the live store looks at the files once a second */
	SECOND = 1000,
	PAGE = 4096
};

/* What the live store told, under the mutex. */
static struct {
	pthread_mutex_t mutex;
	int told[LIVE_STORE_NOTE + 1];
	char fault[ERROR_TEXT_MAX];
} heard = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Held by a test, so that the thread goes no further than to tell a note. */
static pthread_mutex_t before_scan = PTHREAD_MUTEX_INITIALIZER;

static struct state state;
static struct database_image image, fresh, later;
static struct live_store *live;

static void
setup(void)
{
	struct write_lock turn;
	struct error_text why;

	state_open(&state);
	expect_ok(write_lock_take(&turn, state.dir, 0, &why)); /* makes the files */
	write_lock_release(&turn);
	database_image_make(&image, "b", 3);
}

static void
teardown(void)
{
	database_image_free(&image);
	database_image_free(&fresh);
	database_image_free(&later);
}

static void
listen_to(void *arg, enum live_store_event event, const char *text)
{
	ck_assert_ptr_eq(arg, &heard);
	pthread_mutex_lock(&heard.mutex);
	heard.told[event]++;
	if (event == LIVE_STORE_FAULT)
		snprintf(heard.fault, sizeof(heard.fault), "%s", text);
	pthread_mutex_unlock(&heard.mutex);
	if (event == LIVE_STORE_NOTE) {
		pthread_mutex_lock(&before_scan);
		pthread_mutex_unlock(&before_scan);
	}
}

static int
told(enum live_store_event event)
{
	int count;

	pthread_mutex_lock(&heard.mutex);
	count = heard.told[event];
	pthread_mutex_unlock(&heard.mutex);
	return count;
}

/* ready_expect - readiness is told, just after it acts, for the Nth time */
static void
ready_expect(int n)
{
	int64_t deadline = deadline_in(SECOND);

	while (told(LIVE_STORE_READY) < n && deadline_pause(deadline))
		;
	ck_assert_int_eq(told(LIVE_STORE_READY), n);
}

/* fault_expect - a fault is told, just after it acts, and its words are these */
static void
fault_expect(const char *words)
{
	int64_t deadline = deadline_in(SECOND);

	while (told(LIVE_STORE_FAULT) == 0 && deadline_pause(deadline))
		continue;
	pthread_mutex_lock(&heard.mutex);
	ck_assert_msg(strstr(heard.fault, words) != NULL, "\"%s\" does not say \"%s\"",
	    heard.fault, words);
	pthread_mutex_unlock(&heard.mutex);
}

static void
start(void)
{
	expect_ok(live_store_start(&live, state.dir, listen_to, &heard));
}

/* start_ready - with the image in place, verified, and all told about that */
static void
start_ready(void)
{
	database_image_copy(&image, state.data);
	start();
	ck_assert(live_store_serves(live, &image, 0));
	ready_expect(1);
}

START_TEST(first_take_waits_for_the_first_scan)
{
	struct store_txn *txn;
	int slot;

	database_image_copy(&image, state.data);
	start();
	expect_ok(live_store_take(live, &txn, &slot));
	ready_expect(1);
	expect_ok(known_judge(txn, 1));
	live_store_give(live, slot, OK);
	ck_assert_int_eq(told(LIVE_STORE_FAULT), 0);
}
END_TEST

START_TEST(damaged_database_is_never_given)
{
	struct store_txn *txn;
	char *at = image.bytes;
	int slot;

	/* in keys and values alike, so that only the digest can tell */
	while ((at = memmem(at, image.size - (size_t)(at - image.bytes), "rather", 6)))
		memcpy(at, "RATHER", 6);
	database_image_copy(&image, state.data);
	start();
	ck_assert_int_ne(live_store_take(live, &txn, &slot), OK);
	fault_expect("digest");
	ck_assert_int_eq(told(LIVE_STORE_READY), 0);
}
END_TEST

START_TEST(missing_database_is_told_once_and_found_when_made)
{
	start();
	ck_assert(live_store_refuses(live, 0));
	fault_expect("smtpauthctl restore");
	/* some more rounds of looking say nothing new */
	for (int64_t end = clock_now() + 3 * SECOND; deadline_pause(end);)
		ck_assert(live_store_refuses(live, 0));
	ck_assert_int_eq(told(LIVE_STORE_FAULT), 1);
	ck_assert_int_eq(told(LIVE_STORE_READY), 0);
	database_image_replace(&image, state.data);
	ck_assert(live_store_serves(live, &image, RECOVERY));
	ready_expect(1);
}
END_TEST

START_TEST(removed_database_is_a_fault_until_it_is_back)
{
	start_ready();
	ck_assert_int_eq(unlink(state.data), 0);
	ck_assert(live_store_refuses(live, LOOK));
	fault_expect("smtpauthctl restore");
	for (int64_t end = deadline_in(2 * SECOND); deadline_pause(end);)
		ck_assert(live_store_refuses(live, 0));
	ck_assert_int_eq(told(LIVE_STORE_FAULT), 1);
	database_image_replace(&image, state.data);
	ck_assert(live_store_serves(live, &image, RECOVERY));
}
END_TEST

START_TEST(truncated_database_is_a_fault_until_it_is_whole)
{
	static const off_t sizes[] = {0, 1, PAGE, 2 * PAGE, 5 * PAGE};

	start_ready();
	ck_assert_int_eq(truncate(state.data, sizes[_i]), 0);
	for (int64_t end = deadline_in(LOOK);
	     live_store_serves(live, &image, 0) && deadline_pause(end);)
		continue;
	ck_assert(!live_store_serves(live, &image, 0));
	database_image_replace(&image, state.data);
	ck_assert(live_store_serves(live, &image, RECOVERY));
}
END_TEST

/* name_change - one letter of a known name, wherever it stands, without a commit */
static void
name_change(void)
{
	static const char name[] = "user007";
	const char *at = image.bytes, *end = image.bytes + image.size;
	int fd = open(state.data, O_WRONLY);
	int changed = 0;

	ck_assert_int_ge(fd, 0);
	while ((at = memmem(at, (size_t)(end - at), name, sizeof(name) - 1)) != NULL) {
		ck_assert_int_eq(pwrite(fd, "U", 1, at - image.bytes), 1);
		at++;
		changed++;
	}
	ck_assert_int_gt(changed, 0);
	ck_assert_int_eq(close(fd), 0);
}

/* No look-up traps, and a known mailbox is "not found": only a scan can tell, and it
 * must not wait for its turn by the clock. */
START_TEST(file_written_without_a_commit_is_scanned_at_once)
{
	start_ready();
	name_change();
	ck_assert(live_store_refuses(live, RECOVERY));
	fault_expect("damaged");
	database_image_replace(&image, state.data);
	ck_assert(live_store_serves(live, &image, RECOVERY));
}
END_TEST

/* Nobody asks meanwhile: whoever asks first must not be answered before a scan. */
START_TEST(file_written_while_nobody_asks_is_verified_before_the_next_decision)
{
	int64_t deadline;

	start_ready();
	ck_assert_int_eq(told(LIVE_STORE_NOTE), 0);
	file_rewrite(state.data);
	deadline = deadline_in(2 * LOOK);
	while (told(LIVE_STORE_READY) < 2 && deadline_pause(deadline))
		continue;
	ck_assert_int_eq(
	    told(LIVE_STORE_NOTE), 1); /* the state was not good until then */
	ck_assert_int_eq(told(LIVE_STORE_READY), 2);
	ck_assert_int_eq(told(LIVE_STORE_FAULT), 0);
	ck_assert(live_store_serves(live, &image, 0));
}
END_TEST

START_TEST(writers_that_cannot_be_seen_are_told)
{
	ck_assert_int_eq(unlink(state.writers), 0);
	start_ready();
	ck_assert_int_eq(told(LIVE_STORE_NOTE), 1);
}
END_TEST

/* The fresh one has as many transactions as the old, fewer, or more; or it is a later,
 * or an earlier, state of the same database. */
START_TEST(other_database_takes_over)
{
	static const int commits[] = {3, 1, 30};
	const struct database_image *first = &image, *next = &fresh;
	int kind = _i % 5;

	database_image_continue(&later, &image, "c", 4);
	if (kind < 3)
		database_image_make(&fresh, "c", commits[kind]);
	else if (kind == 3)
		next = &later;
	else {
		first = &later;
		next = &image;
	}
	database_image_copy(first, state.data);
	start();
	ck_assert(live_store_serves(live, first, 0));
	if (_i < 5)
		database_image_copy(next, state.data);
	else
		database_image_replace(next, state.data);
	ck_assert(live_store_serves(live, next, RECOVERY));
	/* and not without a scan, whatever it looked like before */
	for (int64_t end = deadline_in(RECOVERY);
	     told(LIVE_STORE_READY) < 2 && deadline_pause(end);)
		ck_assert(live_store_serves(live, next, RECOVERY));
	ready_expect(2);
	if (_i >= 5)
		ck_assert_int_le(told(LIVE_STORE_FAULT), 1);
}
END_TEST

/* What `restore` does: nothing is denied, the takes wait for the scan. */
START_TEST(restored_database_takes_over_without_a_fault)
{
	struct store_txn *txn;
	int64_t end = clock_now() + LOOK;
	int slot;

	database_image_make(&fresh, "c", 2);
	start_ready();
	database_image_replace(&fresh, state.data);
	while (deadline_pause(end)) {
		expect_ok(live_store_take(live, &txn, &slot));
		expect_ok(known_judge(txn, 3));
		live_store_give(live, slot, OK);
	}
	ck_assert(live_store_serves(live, &fresh, RECOVERY));
	ck_assert_int_eq(told(LIVE_STORE_FAULT), 0);
}
END_TEST

/* One that serves all from one thread must not make all wait for a scan. */
START_TEST(waiting_for_a_scan_has_a_limit)
{
	int64_t end = deadline_in(RECOVERY);
	struct store_txn *txn;
	enum error e;
	int slot;

	database_image_make(&fresh, "c", 2);
	start_ready();
	live_store_limit_wait(live, 50);
	pthread_mutex_lock(&before_scan);
	database_image_replace(&fresh, state.data);
	while ((e = live_store_take(live, &txn, &slot)) == OK) {
		live_store_give(live, slot, OK);
		ck_assert(deadline_pause(end));
	}
	ck_assert_int_eq(e, ERR_BUSY);
	ck_assert_int_eq(live_store_state(live), LIVE_STORE_VERIFYING);
	expect_error(ERR_BUSY, live_store_take(live, &txn, &slot));
	ck_assert(deadline_pause(end)); /* it was not waited for until the default */
	pthread_mutex_unlock(&before_scan);
	ck_assert(live_store_serves(live, &fresh, RECOVERY));
}
END_TEST

START_TEST(reported_damage_starts_a_new_scan)
{
	struct store_txn *txn;
	int slot;

	start_ready();
	expect_ok(live_store_take(live, &txn, &slot));
	live_store_give(live, slot, ERR_DAMAGED);
	ck_assert(live_store_serves(live, &image, RECOVERY));
	ck_assert_int_eq(told(LIVE_STORE_FAULT), 1);
	ready_expect(2);
	expect_ok(live_store_take(live, &txn, &slot));
	live_store_give(live, slot, ERR_MEMORY); /* says nothing about the files */
	ck_assert(live_store_serves(live, &image, 0));
	ck_assert_int_eq(told(LIVE_STORE_FAULT), 1);
}
END_TEST

START_TEST(exhausted_pool_is_an_error_and_no_hang)
{
	struct store_txn *txn;
	int slots[READ_POOL_SLOTS], slot;
	int64_t begin;

	start_ready();
	for (int i = 0; i < READ_POOL_SLOTS; i++) {
		expect_ok(live_store_take(live, &txn, &slots[i]));
		for (int k = 0; k < i; k++)
			ck_assert_int_ne(slots[i], slots[k]);
	}
	begin = clock_now();
	expect_error(ERR_BUSY, live_store_take(live, &txn, &slot));
	ck_assert_int_ge(clock_now() - begin, SECOND - 100);
	ck_assert_int_lt(clock_now() - begin, 2 * SECOND * deadline_factor());
	live_store_give(live, slots[17], OK);
	begin = clock_now();
	expect_ok(live_store_take(live, &txn, &slot));
	ck_assert_int_eq(slot, slots[17]);
	ck_assert_int_lt(clock_now() - begin, SECOND);
	for (int i = 0; i < READ_POOL_SLOTS; i++)
		live_store_give(live, slots[i], OK);
	ck_assert(live_store_serves(live, &image, 0));
	ck_assert_int_eq(told(LIVE_STORE_FAULT), 0);
}
END_TEST

START_TEST(name_of_the_folder_may_be_too_long)
{
	char *dir = malloc(65536);

	memset(dir, 'd', 65535);
	dir[65535] = '\0';
	expect_error(ERR_LIMIT, live_store_start(&live, dir, listen_to, &heard));
	ck_assert_ptr_null(live);
	free(dir);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("live_store");
	TCase *tcase = state_add_case(suite, "live_store");

	database_image_init();
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, first_take_waits_for_the_first_scan);
	tcase_add_test(tcase, damaged_database_is_never_given);
	tcase_add_test(tcase, missing_database_is_told_once_and_found_when_made);
	tcase_add_test(tcase, removed_database_is_a_fault_until_it_is_back);
	tcase_add_loop_test(
	    tcase, truncated_database_is_a_fault_until_it_is_whole, 0, 5);
	tcase_add_test(tcase, file_written_without_a_commit_is_scanned_at_once);
	tcase_add_test(
	    tcase, file_written_while_nobody_asks_is_verified_before_the_next_decision);
	tcase_add_test(tcase, writers_that_cannot_be_seen_are_told);
	tcase_add_loop_test(tcase, other_database_takes_over, suite_at_length() ? 0 : 3,
	    suite_at_length() ? 10 : 6);
	tcase_add_test(tcase, restored_database_takes_over_without_a_fault);
	tcase_add_test(tcase, waiting_for_a_scan_has_a_limit);
	tcase_add_test(tcase, reported_damage_starts_a_new_scan);
	tcase_add_test(tcase, exhausted_pool_is_an_error_and_no_hang);
	tcase_add_test(tcase, name_of_the_folder_may_be_too_long);
	return suite_run(suite);
}
