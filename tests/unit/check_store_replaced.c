/* SPDX-License-Identifier: BSD-2-Clause */
/* check_store_replaced.c - snapshots, and files that are no longer those opened. */
#include "tests/lib/database_image.h"
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/suite.h"

#include "policy/store/write_lock.h"
#include "policy/tables/setting_table.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct state state;
static struct database_image older, newer, other;
static struct store *store;
static struct store_txn *txn;
static struct store_baseline base;

/* setup - newer is a later state of older; other has as many transactions as older */
static void
setup(void)
{
	struct write_lock turn;
	struct error_text why;

	state_open(&state);
	expect_ok(write_lock_take(&turn, state.dir, 0, &why)); /* makes the files */
	write_lock_release(&turn);
	database_image_make(&older, "b", 3);
	database_image_make(&other, "c", 3);
	database_image_continue(&newer, &older, "d", 4);
}

static void
teardown(void)
{
	state_abandon(&store, &txn);
	database_image_free(&older);
	database_image_free(&other);
	database_image_free(&newer);
}

/* look - what a look finds */
static enum store_look
look(void)
{
	enum store_look found;

	expect_ok(store_look(store, &base, &found));
	return found;
}

static void
open_with(const struct database_image *image)
{
	database_image_copy(image, state.data);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	expect_ok(marker_judge(txn, image->marker));
	expect_ok(store_check(txn));
	expect_ok(store_baseline(store, &base));
	ck_assert_int_eq(look(), STORE_SAME);
}

START_TEST(other_files_at_the_path_are_noticed)
{
	enum store_look found;

	open_with(&older);
	database_image_replace(&newer, state.data);
	expect_error(ERR_REPLACED, store_look(store, &base, &found));
	expect_ok(known_judge(txn, 1)); /* the file that was opened is still there */
	expect_ok(store_check(txn));
}
END_TEST

START_TEST(missing_data_file_is_noticed)
{
	enum store_look found;

	open_with(&older);
	ck_assert_int_eq(unlink(state.data), 0);
	expect_error(ERR_MISSING, store_look(store, &base, &found));
}
END_TEST

START_TEST(overwritten_by_another_database)
{
	open_with(&older);
	expect_ok(store_reset(txn));
	database_image_copy(&other, state.data);
	expect_error(ERR_REPLACED, store_renew(txn));
	expect_ok(store_reset(txn));
}
END_TEST

START_TEST(overwritten_by_an_older_state)
{
	open_with(&newer);
	database_image_copy(&older, state.data);
	expect_error(ERR_REPLACED, store_check(txn));
	expect_ok(store_reset(txn));
	expect_error(ERR_REPLACED, store_renew(txn));
	ck_assert_int_eq(look(), STORE_STRANGE);
}
END_TEST

START_TEST(overwritten_by_a_later_state)
{
	open_with(&older);
	database_image_copy(&newer, state.data);
	expect_error(ERR_OVERTAKEN, store_check(txn));
	expect_ok(store_reset(txn));
	expect_ok(store_renew(txn));
	ck_assert_int_eq(look(), STORE_STRANGE);
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

/* What is read is the same; but only a scan can tell that. */
START_TEST(written_to_without_a_commit)
{
	struct write_lock turn;
	struct error_text why;

	open_with(&older);
	expect_ok(write_lock_take(&turn, state.dir, 0, &why));
	file_rewrite(state.data);
	ck_assert_int_eq(look(), STORE_UNSETTLED); /* a commit may be on its way */
	write_lock_release(&turn);
	ck_assert_int_eq(look(), STORE_STRANGE);
	ck_assert_int_eq(look(), STORE_STRANGE); /* until somebody scans */
	expect_ok(store_baseline(store, &base));
	ck_assert_int_eq(look(), STORE_SAME);
}
END_TEST

/* Where it cannot be seen who writes, only a commit explains a writing. */
START_TEST(written_to_by_nobody_knows_whom)
{
	ck_assert_int_eq(unlink(state.writers), 0);
	open_with(&older);
	ck_assert(!store_sees_writers(store));
	file_rewrite(state.data);
	ck_assert_int_eq(look(), STORE_STRANGE);
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

static void
note_write(const char *note)
{
	char text[8];

	snprintf(text, sizeof(text), "%s", note);
	ck_assert_int_eq(child_run(note_run, text), 0);
}

/* Also where a writer comes before the look, and its own commit is explained. */
START_TEST(writer_tells_of_what_was_written_before_it)
{
	open_with(&older);
	note_write("a"); /* the stamp is of this file from here on */
	expect_ok(store_baseline(store, &base));
	note_write("b");
	ck_assert_int_eq(look(), STORE_CHANGED);
	file_rewrite(state.data);
	note_write("c");
	ck_assert_int_eq(look(), STORE_STRANGE);
	expect_ok(store_baseline(store, &base));
	note_write("d");
	ck_assert_int_eq(look(), STORE_CHANGED);
	ck_assert_int_eq(look(), STORE_SAME);
}
END_TEST

/* A commit of another program leaves our account of the policy behind. */
static int
foreign_run(void *arg)
{
	struct store *writer = state_store(&state, STORE_WRITE);
	struct store_txn *change = txn_begin(writer);
	struct db_txn *raw = store_db(change);

	(void)arg;
	expect_ok(db_put(
	    raw, &(struct key){2, {TABLE_SETTING, 'x'}}, (struct bytes){"x", 1}));
	expect_ok(db_commit(&raw));
	_exit(0);
}

START_TEST(commit_of_another_program_is_refused)
{
	struct store_txn *second;

	open_with(&older);
	ck_assert_int_eq(child_run(foreign_run, NULL), 0);
	expect_ok(store_reset(txn));
	expect_error(ERR_REPLACED, store_renew(txn));
	expect_error(ERR_REPLACED, store_begin(store, &second));
	ck_assert_ptr_null(second);
}
END_TEST

/* settings_change - what an administrator does meanwhile */
static void
settings_change(struct store_txn *change, void *arg)
{
	struct error_text why;

	(void)arg;
	expect_ok(setting_table_set(change, settings_find("enforce"), "no", &why));
}

static int
settings_change_run(void *arg)
{
	(void)arg;
	state_change(&state, settings_change, NULL);
	return 0;
}

/* One commit leaves a snapshot whole, the second may write over it. */
START_TEST(snapshot_is_whole_for_one_commit)
{
	open_with(&older);
	note_write("a");
	expect_ok(known_judge(txn, 1));
	expect_ok(store_check(txn));
	note_write("b");
	expect_error(ERR_OVERTAKEN, store_check(txn));
	expect_ok(store_reset(txn));
	expect_ok(store_renew(txn));
	expect_ok(known_judge(txn, 1));
	expect_ok(store_check(txn));
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
	tcase_add_test(tcase, overwritten_by_another_database);
	tcase_add_test(tcase, overwritten_by_an_older_state);
	tcase_add_test(tcase, overwritten_by_a_later_state);
	tcase_add_test(tcase, truncated_under_a_snapshot);
	if (LOCKS_ARE_SEEN)
		tcase_add_test(tcase, written_to_without_a_commit);
	tcase_add_test(tcase, written_to_by_nobody_knows_whom);
	tcase_add_test(tcase, writer_tells_of_what_was_written_before_it);
	tcase_add_test(tcase, commit_of_another_program_is_refused);
	tcase_add_test(tcase, snapshot_is_whole_for_one_commit);
	tcase_add_test(tcase, snapshot_stays_until_it_is_renewed);
	return suite_run(suite);
}
