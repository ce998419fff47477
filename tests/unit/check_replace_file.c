/* SPDX-License-Identifier: BSD-2-Clause */
/* check_replace_file.c - a live database that is replaced while others read and write
 * it. */
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/store/write_lock.h"
#include "policy/tables/verify.h"
#include "policy/transfer/backup.h"
#include "policy/transfer/replace_file.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_WRITE = 100, SWAPS = 100, WRITERS = 2 };

static struct state state;

static void
setup(void)
{
	state_open_ready(&state);
}

/* end_path - a file that is there once all shall end */
static const char *
end_path(void)
{
	static char path[STATE_PATH];

	snprintf(path, sizeof(path), "%s/the-end", state.dir);
	return path;
}

static bool
is_over(void)
{
	return access(end_path(), F_OK) == 0;
}

/* mailbox_add - a commit of one writer; ERR_REPLACED is an answer, too */
static enum error
mailbox_add(const char *name)
{
	struct error_text why;
	struct store *store;
	struct store_txn *txn;
	enum error e = store_open(&store, state.dir, STORE_WRITE, &why);

	if (e != OK)
		return e;
	e = store_begin(store, &txn);
	if (e == OK) {
		mailbox_store(txn, name, SMTP_AUTH_ENABLED, "x");
		e = store_commit(&txn);
	}
	store_close(&store);
	return e;
}

/* writer_run - tells of each commit, until nobody listens */
static int
writer_run(int number, int told)
{
	char name[40];

	for (int n = 0;; n++) {
		enum error e;

		snprintf(name, sizeof(name), "w%d-%d@a.test", number, n);
		e = mailbox_add(name);
		if (e != OK && e != ERR_REPLACED)
			return (int)e; /* so that a failure says what it was */
		if (e == OK && write(told, "", 1) != 1)
			return STATUS_WRITE;
		if (is_over()) /* the end */
			return 0;
	}
}

/* reader_run - every database that opens has to hold */
static int
reader_run(void)
{
	struct error_text why;
	struct store *store;

	while (!is_over()) {
		enum error e = store_open(&store, state.dir, STORE_READ, &why);

		if (e == OK) {
			e = verify_store(store, NULL, &why);
			store_close(&store);
		}
		if (e != OK && e != ERR_REPLACED && e != ERR_OVERTAKEN)
			return (int)e;
	}
	return 0;
}

/* swap_run - the live database in the place of itself, as restore does it */
static void
swap_run(void)
{
	struct error_text why;
	struct store *store;
	struct store_txn *txn;
	struct replace_file s;
	struct backup b;
	struct write_lock turn;

	expect_ok(write_lock_take(&turn, state.dir, WRITERS_WAIT_SECONDS, &why));
	expect_ok(store_open_file(&store, state.data, 0, STORE_READ, &why));
	txn = txn_begin(store);
	expect_ok(replace_file_open(&s, state.dir, -1, false, &why));
	expect_ok(backup_copy(txn, s.made, s.file, &b, &why));
	expect_ok(replace_file_give(&s, (uid_t)-1, (gid_t)-1, STORE_DATA_MODE, &why));
	expect_ok(replace_file_put(&s, &why));
	replace_file_close(&s);
	state_abandon(&store, &txn);
	write_lock_release(&turn);
}

/* mailboxes_count - in the end */
static int
mailboxes_count(void)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	int n = (int)store_meta(txn)->mailboxes;

	store_abort(&txn);
	store_expect_sound(store);
	store_close(&store);
	return n;
}

/* start - writers, whose commits are told in *TOLD, and a reader */
static void
start(pid_t *pid, int *told)
{
	int end[2];

	ck_assert_int_eq(pipe(end), 0);
	for (int i = 0; i <= WRITERS; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			close(end[0]);
			_exit(i < WRITERS ? writer_run(i, end[1]) : reader_run());
		}
	}
	close(end[1]);
	*told = end[0];
}

/* What a writer was told to be done is there, though its file was replaced. */
START_TEST(replaced_under_writers_and_readers)
{
	pid_t pid[WRITERS + 1];
	int told, status, done = 0;
	char c;

	start(pid, &told);
	for (int i = 0; i < SWAPS; i++) {
		swap_run();
		done += (int)read(told, &c, 1); /* everyone gets a turn */
	}
	ck_assert_int_eq(done, SWAPS);
	ck_assert(file_write(end_path(), "", 0));
	while (read(told, &c, 1) == 1)
		done++;
	for (int i = 0; i <= WRITERS; i++) {
		ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(mailboxes_count(), done);
}
END_TEST

START_TEST(keeps_others_out_and_leaves_nothing)
{
	struct error_text why;
	struct replace_file a, b;
	char made[STATE_PATH + 8];
	struct stat st;

	snprintf(made, sizeof(made), "%s.new", state.data);
	ck_assert(file_write(made, "left by a process that was killed", 20));
	expect_ok(replace_file_open(&a, state.dir, -1, false, &why));
	ck_assert_str_eq(a.made, made);
	ck_assert_int_eq(file_size(made), 0);
	ck_assert_int_eq(stat(made, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	expect_error(ERR_BUSY, replace_file_open(&b, state.dir, -1, false, &why));
	expect_ok(
	    replace_file_open(&b, state.dir, -1, true, &why)); /* a lock of readers */
	replace_file_close(&b);
	replace_file_close(&a);
	replace_file_close(&a);
	ck_assert_int_lt(file_size(made), 0);
	expect_ok(replace_file_open(&b, state.dir, -1, false, &why));
	replace_file_close(&b);
	expect_error(
	    ERR_CREATE, replace_file_open(&a, "/nowhere/at/all", -1, false, &why));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("replace_file");
	TCase *tcase = state_add_case(suite, "replace_file");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, replaced_under_writers_and_readers);
	tcase_add_test(tcase, keeps_others_out_and_leaves_nothing);
	return suite_run(suite);
}
