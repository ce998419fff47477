/* SPDX-License-Identifier: BSD-2-Clause */
/* check_store_processes.c - the store among processes: readers, the dead, writers. */
#include "deadline.h"
#include "file.h"
#include "state.h"
#include "suite.h"

#include "policy/guard.h"
#include "policy/mailbox_table.h"
#include "policy/pool.h"
#include "policy/writers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	RECORDS = 200,
	REWRITES = 10000,
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

/* slot_use - what a decision does; the record must be there in every snapshot */
static void
slot_use(struct pool *pool)
{
	struct login login = login_make("user7@a.test");
	struct mailbox mailbox;
	int slot = pool_take(pool, 0);

	ck_assert_int_ge(slot, 0);
	expect_ok(store_renew(pool->slot[slot]));
	expect_ok(mailbox_table_get(pool->slot[slot], &login, &mailbox));
	expect_ok(store_reset(pool->slot[slot]));
	pool_give(pool, slot);
}

START_TEST(file_does_not_grow_under_a_resting_pool)
{
	static struct pool pool;
	int rewrites = REWRITES, status;
	struct store *store;
	off_t size;
	pid_t pid;

	records_fill();
	size = file_size(state.data);
	store = state_store(&state, STORE_READ);
	expect_ok(pool_open(&pool, store));
	pid = fork();
	if (pid == 0)
		_exit(rewrite_in_child(&rewrites));
	while (waitpid(pid, &status, WNOHANG) == 0) {
		slot_use(&pool);
		deadline_pause(deadline_in(SECOND));
	}
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	slot_use(&pool);
	ck_assert(pool_is_idle(&pool));
	pool_close(&pool);
	store_expect_sound(store);
	store_close(&store);
	ck_assert_int_le(file_size(state.data), size + GROWTH_BUSY);
}
END_TEST

/* reader_start - a process that holds COUNT snapshots, or all there are, and sleeps */
static pid_t
reader_start(int count)
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
		for (int i = 0; i < count && store_begin(store, &txn) == OK; i++)
			byte = 1;
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

static void
reader_kill(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(slots_of_the_dead_are_free_again)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn;
	pid_t pid = reader_start(DB_READERS_MAX + 1);

	expect_error(ERR_BUSY, store_begin(store, &txn));
	ck_assert_ptr_null(txn);
	reader_kill(pid);
	txn = txn_begin(store);
	store_abort(&txn);
	store_close(&store);
}
END_TEST

/* growth - how much the file grows by STALE_REWRITES rewrites */
static off_t
growth(struct store *store)
{
	off_t before = file_size(state.data);

	for (int i = 0; i < STALE_REWRITES; i++)
		record_rewrite(store, i + (int)before);
	return file_size(state.data) - before;
}

START_TEST(snapshots_of_the_dead_hold_no_pages)
{
	struct store *store;
	pid_t pid;

	records_fill();
	store = state_store(&state, STORE_WRITE);
	growth(store); /* to have free pages */
	ck_assert_int_lt(growth(store), GROWTH);
	pid = reader_start(1);
	ck_assert_int_gt(growth(store), GROWTH);
	reader_kill(pid);
	ck_assert_int_gt(growth(store), GROWTH);
	expect_ok(store_clear_stale_readers(store));
	ck_assert_int_lt(growth(store), GROWTH);
	store_close(&store);
	pid = reader_start(1);
	store = state_store(&state, STORE_WRITE);
	growth(store);
	ck_assert_int_gt(growth(store), GROWTH);
	reader_kill(pid);
	store_close(&store);
	store = state_store(&state, STORE_WRITE); /* opening clears them, too */
	ck_assert_int_lt(growth(store), GROWTH);
	store_close(&store);
}
END_TEST

START_TEST(writer_waits_for_its_turn_no_longer_than_told)
{
	int64_t start;
	int first = -1, second = -1;

	expect_ok(writers_lock(state.writers, 1, &first, &why));
	start = clock_now();
	expect_error(ERR_BUSY, writers_lock(state.writers, 1, &second, &why));
	ck_assert_int_ge(clock_now() - start, SECOND);
	ck_assert_int_lt(clock_now() - start, SECOND + LATE);
	ck_assert_ptr_nonnull(strstr(why.text, state.writers));
	ck_assert_int_eq(second, -1);
	start = clock_now();
	expect_error(ERR_BUSY, writers_lock(state.writers, 0, &second, &why));
	ck_assert_int_lt(clock_now() - start, SECOND);
	ck_assert_int_ne(fcntl(first, F_GETFD) & FD_CLOEXEC, 0);
	close(first);
	expect_ok(writers_lock(state.writers, 0, &second, &why));
	close(second);
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

START_TEST(lock_of_writers_must_be_a_file_that_can_be_made)
{
	char path[STATE_PATH + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/no/lock", state.dir);
	expect_error(ERR_CREATE, writers_lock(path, 1, &fd, &why));
	ck_assert_int_eq(unlink(state.writers), 0);
	ck_assert_int_eq(symlink("elsewhere", state.writers), 0);
	ck_assert_int_ne(writers_lock(state.writers, 1, &fd, &why), OK);
}
END_TEST

/* number_take - a process in another PID namespace, as the lock file shows it: it has
 * locked the byte of our number */
static pid_t
number_take(pid_t number)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = number, .l_len = 1};
	int ready[2];
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(state.lock, O_RDWR);

		byte = (char)(fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0);
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 1);
	return pid;
}

START_TEST(other_pid_space_is_named)
{
	pid_t pid = number_take(getpid());
	struct store *store;

	expect_error(ERR_PID_SPACE, store_open(&store, state.dir, STORE_READ, &why));
	ck_assert_ptr_null(store);
	ck_assert_ptr_nonnull(strstr(why.text, "PID namespace"));
	ck_assert_ptr_nonnull(strstr(why.text, state.dir));
	reader_kill(pid);
	store = state_store(&state, STORE_READ);
	store_close(&store);
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

/* lock_file_spoil - as one leaves it that is killed while it makes the lock file */
static void
lock_file_spoil(void)
{
	const off_t last = 48; /* of LMDB's MDB_txbody.mtb_txnid with futexes */
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	uint64_t number = 0, zero = 0;
	int fd = open(state.lock, O_RDWR);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &number, sizeof(number), last), sizeof(number));
	ck_assert_uint_eq(number, store_txn_id(txn));
	store_abort(&txn);
	store_close(&store);
	ck_assert_int_eq(pwrite(fd, &zero, sizeof(zero), last), sizeof(zero));
	close(fd);
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

/* one_read - 0 where the last commit is seen, 1 where an older one is */
static int
one_read(void *arg)
{
	const size_t *last = arg;
	struct store *store;
	struct store_txn *txn;
	int status;

	if (store_open(&store, state.dir, STORE_READ, &why) != OK)
		return 2;
	if (store_begin(store, &txn) != OK)
		return 3;
	status = store_txn_id(txn) != *last;
	store_abort(&txn);
	store_close(&store);
	return status;
}

/* A lock file that is not filled in is waited for, and never believed. */
START_TEST(lock_file_half_made)
{
	struct store *store;
	struct store_txn *txn;
	size_t last;
	pid_t pid;

	for (int i = 0; i < 3; i++)
		records_fill();
	for (int i = 0; i < 2; i++) {
		store = state_store(&state, STORE_READ);
		txn = txn_begin(store);
		last = store_txn_id(txn);
		store_abort(&txn);
		store_close(&store);
		pid = opener_start(1);
		lock_file_spoil();
		ck_assert_int_eq(
		    i == 0 ? child_run(one_write, NULL) : child_run(one_read, &last),
		    0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	pid = opener_start(60);
	lock_file_spoil();
	ck_assert_int_eq(child_run(one_write, NULL), 2);
	ck_assert_int_eq(child_run(one_read, &last), 2);
	reader_kill(pid);
	ck_assert_int_eq(child_run(one_read, &last), 0);
}
END_TEST

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
	tcase_add_test(tcase, slots_of_the_dead_are_free_again);
	tcase_add_test(tcase, snapshots_of_the_dead_hold_no_pages);
	tcase_add_test(tcase, writer_waits_for_its_turn_no_longer_than_told);
	tcase_add_test(tcase, writer_gets_its_turn_when_the_other_ends);
	tcase_add_test(tcase, lock_of_writers_must_be_a_file_that_can_be_made);
	tcase_add_test(tcase, other_pid_space_is_named);
	tcase_add_test(tcase, lock_file_half_made);
	tcase_add_loop_test(tcase, writer_that_met_damage_holds_nobody_up, 0, 2);
	return suite_run(suite);
}
