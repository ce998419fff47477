/* SPDX-License-Identifier: BSD-2-Clause */
/* check_store_processes.c - the store among processes: readers, the dead, writers. */
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/db/guard.h"
#include "policy/live/read_pool.h"
#include "policy/store/write_lock.h"
#include "policy/tables/mailbox_table.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SNAPSHOTS = 600,
	RECORDS = 200,
	REWRITES = 10000,
	REWRITES_FEW = 3000, /* where not at length */
	GROWTH = 256 * 1024,
	GROWTH_BUSY = 16 << 20, /* where a reader may be stopped within a snapshot */
	STALE_REWRITES = 300,
	SECOND = 1000,
	LATE = 2000 /* milliseconds over a time limit that a busy machine may take */
};

static struct state state;
static struct error_text why;

static void
setup(void)
{
	state_open_ready(&state);
}

/* records_write - RECORDS mailboxes; the notes tell the round */
static void
records_write(struct store_txn *txn, void *arg)
{
	const int *round = arg;
	char address[40], note[40];

	for (int i = 0; i < RECORDS; i++) {
		snprintf(address, sizeof(address), "user%d@a.test", i);
		snprintf(note, sizeof(note), "%d in round %d", i, *round);
		mailbox_store(txn, address, SMTP_AUTH_ENABLED, note);
	}
}

static void
records_fill(void)
{
	int round = 0;

	state_change(&state, records_write, &round);
}

/* record_rewrite - changes one mailbox in a transaction of its own */
static void
record_rewrite(struct store *store, int round)
{
	struct store_txn *txn = txn_begin(store);
	char address[40], note[40];

	snprintf(address, sizeof(address), "user%d@a.test", round * 37 % RECORDS);
	snprintf(note, sizeof(note), "round %d", round);
	mailbox_store(txn, address, SMTP_AUTH_ENABLED, note);
	txn_commit(&txn);
}

/* rewrite_in_child - what a writer does while this process reads */
static int
rewrite_in_child(void *arg)
{
	const int *rewrites = arg;
	struct store *store;

	if (store_open(&store, state.dir, STORE_WRITE, &why) != OK)
		return 1;
	for (int i = 0; i < *rewrites; i++)
		record_rewrite(store, i);
	store_close(&store);
	return 0;
}

/* slot_use - what a decision does; the record must be there in every whole reading */
static void
slot_use(struct read_pool *pool)
{
	struct login login = login_make("user7@a.test");
	int slot = read_pool_take(pool, 0);
	struct mailbox mailbox;
	bool found = false;
	enum error e, whole;

	ck_assert_int_ge(slot, 0);
	do { /* commits can overtake it, on a busy machine */
		expect_ok(store_renew(pool->slot[slot]));
		e = mailbox_table_get(pool->slot[slot], &login, &mailbox, &found);
		whole = store_check(pool->slot[slot]);
		expect_ok(store_reset(pool->slot[slot]));
	} while (whole == ERR_OVERTAKEN);
	expect_ok(whole);
	expect_ok(e);
	ck_assert(found);
	read_pool_give(pool, slot);
}

START_TEST(file_does_not_grow_under_a_resting_pool)
{
	static struct read_pool pool;
	int rewrites = suite_at_length() ? REWRITES : REWRITES_FEW, status;
	struct store *store;
	off_t size;
	pid_t pid;

	records_fill();
	size = file_size(state.data);
	store = state_store(&state, STORE_READ);
	expect_ok(read_pool_open(&pool, store));
	pid = fork();
	if (pid == 0)
		_exit(rewrite_in_child(&rewrites));
	while (waitpid(pid, &status, WNOHANG) == 0) {
		slot_use(&pool);
		deadline_pause(deadline_in(SECOND));
	}
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	slot_use(&pool);
	ck_assert(read_pool_is_idle(&pool));
	read_pool_close(&pool);
	store_expect_sound(store);
	store_close(&store);
	ck_assert_int_le(file_size(state.data), size + GROWTH_BUSY);
}
END_TEST

static void
reader_kill(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* growth - how much the file grows by so many rewrites */
static off_t
growth(struct store *store)
{
	off_t before = file_size(state.data);

	for (int i = 0; i < STALE_REWRITES; i++)
		record_rewrite(store, i + (int)before);
	return file_size(state.data) - before;
}

/* reader_start - a process that holds many snapshots, and sleeps */
static pid_t
reader_start(void)
{
	struct store *store;
	struct store_txn *txn;
	int ready[2];
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (store_open(&store, state.dir, STORE_READ, &why) != OK)
			_exit(1);
		for (int i = 0; i < SNAPSHOTS && store_begin(store, &txn) == OK; i++)
			byte = (char)(i == SNAPSHOTS - 1);
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 1);
	close(ready[0]);
	return pid;
}

/* However many there are, alive, stopped or dead: no page is kept for them. */
START_TEST(readers_hold_no_pages_and_no_slots)
{
	struct store *store;
	pid_t pid;

	records_fill();
	store = state_store(&state, STORE_WRITE);
	growth(store); /* to have free pages */
	pid = reader_start();
	ck_assert_int_lt(growth(store), GROWTH);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_lt(growth(store), GROWTH);
	reader_kill(pid);
	ck_assert_int_lt(growth(store), GROWTH);
	store_close(&store);
}
END_TEST

/* Who may only read can still lock the file: that is a request, and not for long. */
START_TEST(lock_of_readers_is_waited_for_but_not_for_long)
{
	struct write_lock turn;
	int fd, ways = _i;
	int64_t start;

	expect_ok(write_lock_take(&turn, state.dir, 1, &why)); /* makes the files */
	write_lock_release(&turn);
	fd = open(state.writers, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	if (ways & 1)
		ck_assert_int_eq(flock(fd, LOCK_SH), 0);
	if (ways & 2) {
		struct flock all = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

		ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &all), 0);
	}
	start = clock_now();
	expect_ok(write_lock_take(&turn, state.dir, 1, &why));
	ck_assert_int_ge(clock_now() - start, READERS_WAIT_MS);
	ck_assert_int_lt(clock_now() - start, READERS_WAIT_MS + LATE);
	write_lock_release(&turn);
	close(fd);
	start = clock_now();
	expect_ok(write_lock_take(&turn, state.dir, 1, &why));
	ck_assert_int_lt(clock_now() - start, SECOND);
	write_lock_release(&turn);
}
END_TEST

/* flock(1) of an administrator's script, and a lock that needs the right to write */
START_TEST(lock_of_one_who_may_write_is_a_turn)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct write_lock turn;
	int fd;

	expect_ok(write_lock_take(&turn, state.dir, 1, &why));
	write_lock_release(&turn);
	fd = open(state.writers, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
	    _i == 0 ? flock(fd, LOCK_EX) : fcntl(fd, F_OFD_SETLK, &all), 0);
	expect_error(ERR_BUSY, write_lock_take(&turn, state.dir, 3, &why));
	ck_assert_ptr_nonnull(strstr(why.text, state.writers));
	close(fd);
	expect_ok(write_lock_take(&turn, state.dir, 0, &why));
	write_lock_release(&turn);
}
END_TEST

START_TEST(writer_waits_for_its_turn_no_longer_than_told)
{
	struct write_lock first, second;
	int64_t start;

	expect_ok(write_lock_take(&first, state.dir, 1, &why));
	start = clock_now();
	expect_error(ERR_BUSY, write_lock_take(&second, state.dir, 1, &why));
	ck_assert_int_ge(clock_now() - start, SECOND);
	ck_assert_int_lt(clock_now() - start, SECOND + LATE);
	ck_assert_ptr_nonnull(strstr(why.text, TURN_FILE));
	ck_assert_int_eq(second.turn, -1);
	start = clock_now();
	expect_error(ERR_BUSY, write_lock_take(&second, state.dir, 0, &why));
	ck_assert_int_lt(clock_now() - start, SECOND);
	ck_assert_int_ne(fcntl(first.turn, F_GETFD) & FD_CLOEXEC, 0);
	write_lock_release(&first);
	expect_ok(write_lock_take(&second, state.dir, 0, &why));
	write_lock_release(&second);
}
END_TEST

START_TEST(writer_gets_its_turn_when_the_other_ends)
{
	struct store *store = state_store(&state, STORE_WRITE);
	pid_t pid = fork();
	int rewrites = 1, status;

	if (pid == 0) {
		close_range(STDERR_FILENO + 1, ~0U, 0); /* or the lock would be ours */
		_exit(rewrite_in_child(&rewrites));
	}
	for (int i = 0; i < 10; i++) {
		record_rewrite(store, i);
		ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	}
	store_close(&store);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(files_of_the_lock_must_be_ours_to_make)
{
	static const char *const names[] = {TURN_FILE, WRITERS_FILE};
	struct write_lock turn;
	char path[2 * STATE_PATH];

	snprintf(path, sizeof(path), "%s/no", state.dir);
	expect_error(ERR_CREATE, write_lock_take(&turn, path, 1, &why));
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", state.dir, names[i]);
		unlink(path);
		ck_assert_int_eq(symlink("elsewhere", path), 0);
		ck_assert_int_ne(write_lock_take(&turn, state.dir, 1, &why), OK);
		ck_assert_int_eq(unlink(path), 0);
	}
	expect_ok(write_lock_take(&turn, state.dir, 1, &why));
	write_lock_release(&turn);
}
END_TEST

/* opener_start - a process that has the files open for so long, as the daemon has */
static pid_t
opener_start(unsigned seconds)
{
	struct store *store;
	char byte = 0;
	int ready[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (store_open(&store, state.dir, STORE_READ, &why) != OK ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		sleep(seconds);
		store_close(&store);
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

/* one_write - a writer's exit status; it does not wait for ever */
static int
one_write(void *arg)
{
	struct store *store;
	struct store_txn *txn;

	(void)arg;
	alarm(20);
	if (store_open(&store, state.dir, STORE_WRITE, &why) != OK)
		return 2;
	if (store_begin(store, &txn) != OK)
		return 3;
	mailbox_store(txn, "new@a.test", SMTP_AUTH_ENABLED, "new");
	if (store_commit(&txn) != OK)
		return 4;
	store_close(&store);
	return 0;
}

/* cut_write - a writer that meets the end of the file too early */
static int
cut_write(void *arg)
{
	const bool *in_begin = arg;
	struct store *store;
	struct store_txn *txn;
	enum error e;

	guard_install();
	if (store_open(&store, state.dir, STORE_WRITE, &why) != OK)
		return 2;
	if (*in_begin && truncate(state.data, 0) != 0)
		return 3;
	e = store_begin(store, &txn);
	if (e == OK) {
		if (truncate(state.data, 2 * sysconf(_SC_PAGESIZE)) != 0)
			return 3;
		e = store_put(txn, &(struct key){2, {TABLE_SETTING, 'x'}},
		    (struct bytes){"x", 1});
		store_abort(&txn);
	}
	store_close(&store);
	return e == ERR_DAMAGED ? 0 : 1;
}

/* A writer that met damage ends; the next one is told so, and does not wait for it. */
START_TEST(writer_that_met_damage_holds_nobody_up)
{
	pid_t opener = opener_start(60);
	bool in_begin = _i == 1;
	char *whole;
	size_t size;
	FILE *f;

	whole = file_read(state.data, &size);
	ck_assert_int_eq(child_run(cut_write, &in_begin), 0);
	/* The same file, and whole again: what is left is LMDB's lock. */
	f = fopen(state.data, "r+");
	ck_assert_uint_eq(fwrite(whole, 1, size, f), size);
	fclose(f);
	ck_assert_int_eq(child_run(one_write, NULL), 0);
	reader_kill(opener);
	free(whole);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_processes");
	TCase *tcase = state_add_case(suite, "store_processes");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, file_does_not_grow_under_a_resting_pool);
	tcase_add_test(tcase, readers_hold_no_pages_and_no_slots);
	if (LOCKS_ARE_SEEN) {
		tcase_add_loop_test(tcase,
		    lock_of_readers_is_waited_for_but_not_for_long,
		    suite_at_length() ? 1 : 3, 4);
		tcase_add_loop_test(tcase, lock_of_one_who_may_write_is_a_turn, 0,
		    suite_at_length() ? 2 : 1);
	}
	tcase_add_test(tcase, writer_waits_for_its_turn_no_longer_than_told);
	tcase_add_test(tcase, writer_gets_its_turn_when_the_other_ends);
	tcase_add_test(tcase, files_of_the_lock_must_be_ours_to_make);
	tcase_add_loop_test(tcase, writer_that_met_damage_holds_nobody_up, 0, 2);
	return suite_run(suite);
}
