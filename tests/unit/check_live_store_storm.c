/* SPDX-License-Identifier: BSD-2-Clause */
/* check_live_store_storm.c - many threads decide while the database's files change. */
#include "tests/lib/database_image.h"
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/suite.h"

#include "policy/live/read_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 8, RECOVERY = 5000, BREATH = 50, REOPENINGS = 400 };

/* Milliseconds: what is written into the file from outside is known by then. */
enum { NOTICED = 2000 };

static struct state state;
static struct database_image ours, same, more, fewer, later;
static struct live_store *live;
static pthread_t threads[THREADS];
static atomic_bool stop, excused;
static atomic_int owners[READ_POOL_SLOTS]; /* how many threads use a slot */
static atomic_int good, bad, shared;       /* right, wrong, slots with two owners */
static atomic_int reopenings;              /* damage that is still to be reported */

static void
ignore(void *arg, enum live_store_event event, const char *text)
{
	(void)arg;
	(void)event;
	(void)text;
}

/* images_make - databases with as many transactions as ours, more, fewer, and one that
 * ours became later */
static void
images_make(void)
{
	state_open(&state);
	database_image_make(&ours, "b", 6);
	database_image_make(&same, "c", 6);
	database_image_make(&more, "d", 20);
	database_image_make(&fewer, "e", 2);
	database_image_continue(&later, &ours, "f", 3);
	database_image_copy(&ours, state.data);
}

static void
setup(void)
{
	images_make();
	expect_ok(live_store_start(&live, state.dir, ignore, NULL));
}

/* teardown - the threads have to end before the images do */
static void
teardown(void)
{
	database_image_free(&ours);
	database_image_free(&same);
	database_image_free(&more);
	database_image_free(&fewer);
	database_image_free(&later);
}

/* outcome_of - what is told to the live store about the use of a snapshot */
static enum error
outcome_of(enum error e)
{
	int left = atomic_load(&reopenings);

	if (left > 0 && atomic_compare_exchange_strong(&reopenings, &left, left - 1))
		return ERR_DAMAGED;
	return e;
}

/* decide_once - what a thread does all the time: take, judge, give */
static void
decide_once(int n)
{
	struct store_txn *txn;
	enum error e, whole;
	int slot;

	e = live_store_take(live, &txn, &slot);
	if (e != OK)
		return;
	if (atomic_fetch_add(&owners[slot], 1) != 0)
		atomic_fetch_add(&shared, 1);
	e = known_judge(txn, n);
	if (e == OK)
		atomic_fetch_add(&good, 1);
	whole = store_check(txn);
	if (whole != OK)
		e = whole;
	if (e == ERR_CONFLICT && !atomic_load(&excused))
		atomic_fetch_add(&bad, 1);
	atomic_fetch_sub(&owners[slot], 1);
	live_store_give(live, slot, outcome_of(e));
}

static void *
decide_all_the_time(void *arg)
{
	(void)arg;
	for (int n = 0; !atomic_load(&stop); n++)
		decide_once(n);
	return NULL;
}

static void
threads_start(void)
{
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, decide_all_the_time, NULL), 0);
}

/* threads_stop - and what they must not have met */
static void
threads_stop(void)
{
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_msg(bad == 0, "%d of %d decisions were wrong", bad, good + bad);
	ck_assert_msg(shared == 0, "a slot had two owners %d times", shared);
	ck_assert_int_gt(good, 0);
}

/* serves_again - the image, within the time by specification */
static void
serves_again(const struct database_image *image, const char *after)
{
	ck_assert_msg(live_store_serves(live, image, RECOVERY),
	    "%s: \"%s\" is not served after %d ms", after, image->marker, RECOVERY);
}

START_TEST(files_replaced_by_rename)
{
	const struct database_image *const next[] = {
	    &same, &more, &fewer, &ours, &later, &ours};

	size_t n = suite_at_length() ? sizeof(next) / sizeof(*next) : 2;

	threads_start();
	serves_again(&ours, "start");
	for (size_t i = 0; i < n; i++) {
		database_image_replace(next[i], state.data);
		serves_again(next[i], "rename");
	}
	threads_stop();
}
END_TEST

START_TEST(files_overwritten_in_place)
{
	const struct database_image *const next[] = {
	    &same, &more, &fewer, &ours, &later, &ours};

	threads_start();
	serves_again(&ours, "start");
	for (size_t i = 0; i < sizeof(next) / sizeof(*next); i++) {
		atomic_store(&excused, true);
		database_image_copy(next[i], state.data);
		for (int64_t end = deadline_in(NOTICED); deadline_pause(end);)
			continue;
		atomic_store(&excused, false);
		serves_again(next[i], "cp");
	}
	threads_stop();
}
END_TEST

START_TEST(files_removed_and_truncated)
{
	static const off_t sizes[] = {0, 1, 4096, 5 * 4096};

	threads_start();
	serves_again(&ours, "start");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		ck_assert_int_eq(truncate(state.data, sizes[i]), 0);
		ck_assert(live_store_refuses(live, RECOVERY));
		database_image_replace(&ours, state.data);
		serves_again(&ours, "truncation");
	}
	ck_assert_int_eq(unlink(state.data), 0);
	ck_assert(live_store_refuses(live, RECOVERY));
	database_image_replace(&more, state.data);
	serves_again(&more, "removal");
	threads_stop();
}
END_TEST

START_TEST(reopened_again_and_again)
{
	int64_t end = deadline_in(4 * RECOVERY);

	atomic_store(&reopenings, REOPENINGS);
	threads_start();
	while (atomic_load(&reopenings) > 0)
		ck_assert(deadline_pause(end));
	serves_again(&ours, "many reopenings");
	threads_stop();
}
END_TEST

/* One slot, borrowed before the pool is opened anew: by a thread that was stopped
 * between taking the slot and looking whether the database is still good. */
START_TEST(slot_taken_while_the_pool_is_reopened_has_one_owner)
{
	static struct read_pool pool;
	struct store *store;
	int early, slot;

	database_image_replace(&ours, state.data);
	store = state_store(&state, STORE_READ);
	early = read_pool_take(&pool, 0);
	ck_assert_int_ge(early, 0);
	expect_ok(read_pool_open(&pool, store));
	for (int i = 1; i < READ_POOL_SLOTS; i++) {
		slot = read_pool_take(&pool, 0);
		ck_assert_int_ge(slot, 0);
		ck_assert_int_ne(slot, early);
	}
	ck_assert_int_eq(read_pool_take(&pool, 0), -1);
	read_pool_give(&pool, early);
	ck_assert_int_eq(read_pool_take(&pool, 0), early);
	read_pool_close(&pool);
	store_close(&store);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("live_store_storm");
	TCase *tcase = state_add_case(suite, "live_store_storm");
	TCase *alone = state_add_case(suite, "alone");

	database_image_init();
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, files_replaced_by_rename);
	tcase_add_test(tcase, files_removed_and_truncated);
	if (suite_at_length()) {
		tcase_add_test(tcase, files_overwritten_in_place);
		tcase_add_test(tcase, reopened_again_and_again);
	}
	/* A process opens a database once, so this one runs without a live store. */
	tcase_add_checked_fixture(alone, images_make, teardown);
	tcase_add_test(alone, slot_taken_while_the_pool_is_reopened_has_one_owner);
	return suite_run(suite);
}
