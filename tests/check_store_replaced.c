/* SPDX-License-Identifier: BSD-2-Clause */
/* check_store_replaced.c - snapshots, and files that are no longer those opened. */
#include "deadline.h"
#include "file.h"
#include "image.h"
#include "suite.h"

#include "policy/setting_table.h"
#include "policy/writers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct state state;
static struct image older, newer, other;
static struct store *store;
static struct store_txn *txn;

/* setup - newer is a later state of older; other has as many transactions as older */
static void
setup(void)
{
	state_open(&state);
	image_make(&older, "b", 3);
	image_make(&other, "c", 3);
	image_continue(&newer, &older, "d", 4);
}

static void
teardown(void)
{
	store_abort(&txn);
	store_close(&store);
	image_free(&older);
	image_free(&other);
	image_free(&newer);
}

static void
open_with(const struct image *image)
{
	image_copy(image, state.data);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	expect_ok(marker_judge(txn, image->marker));
	expect_ok(store_check_path(store));
}

START_TEST(other_files_at_the_path_are_noticed)
{
	open_with(&older);
	image_replace(&newer, state.data);
	expect_error(ERR_REPLACED, store_check_path(store));
	expect_ok(known_judge(txn, 1)); /* the file that was opened is still there */
}
END_TEST

START_TEST(missing_data_file_is_noticed)
{
	open_with(&older);
	ck_assert_int_eq(unlink(state.data), 0);
	ck_assert_int_ne(store_check_path(store), OK);
}
END_TEST

/* The database is there: nobody is to be sent to init. */
START_TEST(missing_lock_file_is_a_replacement)
{
	open_with(&older);
	ck_assert_int_eq(unlink(state.lock), 0);
	expect_error(ERR_REPLACED, store_check_path(store));
	ck_assert(file_write(state.lock, "", 0));
	expect_error(ERR_REPLACED, store_check_path(store));
}
END_TEST

START_TEST(overwritten_by_another_database)
{
	open_with(&older);
	expect_ok(store_reset(txn));
	image_copy(&other, state.data);
	expect_error(ERR_REPLACED, store_renew(txn));
	expect_ok(store_reset(txn));
}
END_TEST

START_TEST(overwritten_by_an_older_state)
{
	struct store_txn *second;

	open_with(&newer);
	expect_ok(store_reset(txn));
	image_copy(&older, state.data);
	expect_error(ERR_REPLACED, store_renew(txn));
	expect_error(ERR_REPLACED, store_begin(store, &second));
	ck_assert_ptr_null(second);
}
END_TEST

START_TEST(overwritten_by_a_later_state)
{
	size_t lag = 1;

	open_with(&older);
	expect_ok(db_lag(store_db(txn), &lag));
	ck_assert_uint_eq(lag, 0);
	expect_ok(store_reset(txn));
	image_copy(&newer, state.data);
	expect_ok(store_renew(txn));
	expect_ok(db_lag(store_db(txn), &lag));
	ck_assert_uint_gt(lag, 1);
}
END_TEST

START_TEST(truncated_under_a_snapshot)
{
	open_with(&older);
	ck_assert_int_eq(truncate(state.data, 0), 0);
	expect_error(ERR_DAMAGED, known_judge(txn, 1));
	expect_ok(store_reset(txn));
	expect_error(ERR_DAMAGED, store_renew(txn));
	expect_ok(store_reset(txn));
}
END_TEST

/* turn_take - as a writer has it */
static int
turn_take(void)
{
	struct error_text why;
	int turn;

	expect_ok(writers_lock(state.writers, 0, &turn, &why));
	return turn;
}

/* What is read is the same; but only a scan can tell that. */
START_TEST(written_to_without_a_commit)
{
	int turn;

	close(turn_take()); /* makes the file */
	open_with(&older);
	expect_ok(known_judge(txn, 1));
	file_rewrite(state.data);
	expect_error(ERR_REPLACED, known_judge(txn, 1));
	turn = turn_take();
	expect_ok(known_judge(txn, 1)); /* a commit may be on its way */
	expect_ok(store_trust(txn));
	close(turn);
	expect_ok(known_judge(txn, 1)); /* trusted, as a scan follows */
	file_rewrite(state.data);
	expect_error(ERR_REPLACED, known_judge(txn, 1));
	expect_error(ERR_REPLACED, store_trust(txn)); /* before a scan has held */
	expect_error(ERR_REPLACED, known_judge(txn, 1));
}
END_TEST

/* Where it cannot be seen whether somebody has the turn, it is taken that one has. */
START_TEST(written_to_by_nobody_knows_whom)
{
	bool foreign;

	open_with(&older);
	file_rewrite(state.data);
	expect_ok(known_judge(txn, 1));
	expect_ok(store_was_written(txn, &foreign));
	ck_assert(foreign);
}
END_TEST

/* writer_begin - the error of a writer's transaction */
static int
writer_begin(void *arg)
{
	struct error_text why;
	struct store *writer;
	struct store_txn *change;
	enum error e = store_open(&writer, state.dir, STORE_WRITE, &why);

	(void)arg;
	if (e == OK) {
		e = store_begin(writer, &change);
		store_abort(&change);
		store_close(&writer);
	}
	return (int)e;
}

START_TEST(writer_does_not_write_into_an_older_state)
{
	open_with(&newer); /* the lock file is in use, and knows the last transaction */
	expect_ok((enum error)child_run(writer_begin, NULL));
	image_copy(&older, state.data);
	ck_assert_int_ne(child_run(writer_begin, NULL), OK);
}
END_TEST

/* The writer would be numbered by the lock file, and write over what is newer. */
START_TEST(writer_does_not_write_into_a_later_state)
{
	open_with(&older);
	image_copy(&newer, state.data);
	expect_error(ERR_REPLACED, (enum error)child_run(writer_begin, NULL));
}
END_TEST

/* settings_change - what an administrator does meanwhile */
static void
settings_change(struct store_txn *change, void *arg)
{
	struct error_text why;

	(void)arg;
	expect_ok(setting_table_set(change, setting_find("enforce"), "no", &why));
}

static int
settings_change_run(void *arg)
{
	(void)arg;
	state_change(&state, settings_change, NULL);
	return 0;
}

START_TEST(written_to_by_a_commit)
{
	close(turn_take());
	open_with(&older);
	ck_assert_int_eq(child_run(settings_change_run, NULL), 0);
	expect_ok(known_judge(txn, 1)); /* in the older snapshot */
	expect_ok(store_reset(txn));
	expect_ok(store_renew(txn));
	expect_ok(known_judge(txn, 1));
	file_rewrite(state.data);
	expect_error(ERR_REPLACED, known_judge(txn, 1));
}
END_TEST

/* note_run - a commit that changes something each time */
static int
note_run(void *arg)
{
	struct store *writer = state_store(&state, STORE_WRITE);
	struct store_txn *change = txn_begin(writer);

	mailbox_store(change, "note@a.test", SMTP_AUTH_ENABLED, arg);
	txn_commit(&change);
	store_close(&writer);
	return 0;
}

/* A snapshot may last as long as a command runs; a decision's is taken anew. */
START_TEST(several_commits_are_no_replacement)
{
	close(turn_take());
	open_with(&older);
	expect_ok(known_judge(txn, 1));
	for (int i = 0; i < 3; i++) {
		char note[] = {(char)('a' + i), '\0'};

		ck_assert_int_eq(child_run(note_run, note), 0);
		expect_ok(known_judge(txn, 1));
	}
	store_be_brief(txn);
	expect_error(ERR_STALE, known_judge(txn, 1));
	expect_ok(store_reset(txn));
	expect_ok(store_renew(txn));
	expect_ok(known_judge(txn, 1));
}
END_TEST

START_TEST(snapshot_stays_until_it_is_renewed)
{
	struct digest digest;

	open_with(&older);
	digest = store_meta(txn)->digest;
	ck_assert(store_settings(txn)->enforce);
	ck_assert_int_eq(child_run(settings_change_run, NULL), 0);
	ck_assert(store_settings(txn)->enforce);
	expect_ok(store_reload_settings(txn));
	ck_assert(store_settings(txn)->enforce);
	expect_ok(store_reset(txn));
	expect_ok(store_renew(txn));
	ck_assert(!store_settings(txn)->enforce);
	ck_assert_mem_ne(&digest, &store_meta(txn)->digest, sizeof(digest));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_replaced");
	TCase *tcase = state_add_case(suite, "store_replaced");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, other_files_at_the_path_are_noticed);
	tcase_add_test(tcase, missing_data_file_is_noticed);
	tcase_add_test(tcase, missing_lock_file_is_a_replacement);
	tcase_add_test(tcase, overwritten_by_another_database);
	tcase_add_test(tcase, overwritten_by_an_older_state);
	tcase_add_test(tcase, overwritten_by_a_later_state);
	tcase_add_test(tcase, truncated_under_a_snapshot);
	tcase_add_test(tcase, written_to_without_a_commit);
	tcase_add_test(tcase, written_to_by_nobody_knows_whom);
	tcase_add_test(tcase, written_to_by_a_commit);
	tcase_add_test(tcase, several_commits_are_no_replacement);
	tcase_add_test(tcase, writer_does_not_write_into_an_older_state);
	tcase_add_test(tcase, writer_does_not_write_into_a_later_state);
	tcase_add_test(tcase, snapshot_stays_until_it_is_renewed);
	return suite_run(suite);
}
