/* SPDX-License-Identifier: BSD-2-Clause */
/* check_write_lock.c - the turns of writers: all who wait get one */
#include "tests/lib/deadline.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/store/write_lock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	GREEDY = 2,
	TURNS = 5,
	HELD_NANOSECONDS = 20000000,
	LIMIT = 3,       /* seconds: 150 turns of the greedy ones */
	FREE_WITHIN = 2, /* seconds: with one in the line that does not move */
	AT_WORK_MS = READERS_WAIT_MS + 1000
};

static struct state state;
static struct error_text why;
static int64_t patience;

static void
setup(void)
{
	state_open(&state);
	patience = LIMIT * deadline_factor();
}

/* greedy_run - gives its turn back and takes the next at once, as a loop of commands */
static void __attribute__((noreturn)) greedy_run(void)
{
	const struct timespec work = {0, HELD_NANOSECONDS};
	struct write_lock turn;

	for (;;) {
		if (write_lock_take(&turn, state.dir, WRITERS_WAIT_SECONDS, &why) != OK)
			_exit(1);
		nanosleep(&work, NULL);
		write_lock_release(&turn);
	}
}

/* child_start - a process that runs what never returns */
static pid_t
child_start(void (*run)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		run();
	ck_assert_int_gt(pid, 0);
	return pid;
}

static void
child_kill(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* turn_taken_by_other - waits until somebody has it */
static void
turn_taken_by_other(void)
{
	int64_t deadline = deadline_in(LIMIT * 1000);
	struct write_lock turn;

	while (write_lock_take(&turn, state.dir, 0, &why) == OK) {
		write_lock_release(&turn);
		ck_assert(deadline_pause(deadline));
	}
}

START_TEST(turn_comes_beside_writers_that_never_pause)
{
	pid_t greedy[GREEDY];
	struct write_lock turn;

	for (int i = 0; i < GREEDY; i++)
		greedy[i] = child_start(greedy_run);
	turn_taken_by_other();
	for (int i = 0; i < TURNS; i++) {
		expect_ok(write_lock_take(&turn, state.dir, (int)patience, &why));
		write_lock_release(&turn);
	}
	for (int i = 0; i < GREEDY; i++) {
		ck_assert_int_eq(waitpid(greedy[i], NULL, WNOHANG), 0);
		child_kill(greedy[i]);
	}
}
END_TEST

/* waiter_run - waits for a turn that it does not get */
static void __attribute__((noreturn)) waiter_run(void)
{
	struct write_lock turn;

	_exit(write_lock_take(&turn, state.dir, 600, &why) == OK ? 0 : 1);
}

/* One that is stopped while it waits keeps its place, but must not keep others out. */
START_TEST(stopped_waiter_does_not_stop_the_others)
{
	const struct timespec moment = {0, 5 * HELD_NANOSECONDS};
	struct write_lock held, turn;
	pid_t waiter;

	expect_ok(write_lock_take(&held, state.dir, 0, &why));
	waiter = fork();
	if (waiter == 0) {
		write_lock_release(&held); /* or the lock would be ours */
		waiter_run();
	}
	nanosleep(&moment, NULL);
	ck_assert_int_eq(kill(waiter, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(waiter, NULL, WUNTRACED), waiter);
	write_lock_release(&held);
	for (int i = 0; i < 2; i++) {
		expect_ok(write_lock_take(
		    &turn, state.dir, FREE_WITHIN * deadline_factor(), &why));
		write_lock_release(&turn);
	}
	child_kill(waiter);
	expect_ok(write_lock_take(&turn, state.dir, 0, &why));
	write_lock_release(&turn);
}
END_TEST

/* file_open - the writers' file with FLAGS, for as long as the process lives */
static int
file_open(int flags)
{
	int fd = open(state.writers, flags);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* waiter_is_there - whether one waits for a flock(2) on the writers' file */
static bool
waiter_is_there(void)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256], inode[32];
	bool found = false;
	struct stat st;

	ck_assert_ptr_nonnull(locks);
	ck_assert_int_eq(stat(state.writers, &st), 0);
	snprintf(inode, sizeof inode, ":%" PRIu64 " ", (uint64_t)st.st_ino);
	while (!found && fgets(line, sizeof line, locks) != NULL)
		found = strstr(line, "-> FLOCK") != NULL && strstr(line, inode) != NULL;
	fclose(locks);
	return found;
}

/* reader_run - holds the file's flock(2), and one who may write waits for it */
static void __attribute__((noreturn)) reader_run(void)
{
	if (flock(file_open(O_RDONLY), LOCK_EX) != 0)
		_exit(1);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(flock(file_open(O_RDWR), LOCK_EX) == 0 ? 0 : 1);
	}
	for (;;)
		pause();
}

/* reader_start - and wait until the other one waits for it */
static pid_t
reader_start(void)
{
	int64_t deadline = deadline_in(10 * 1000);
	struct write_lock turn;
	pid_t reader;

	expect_ok(write_lock_take(&turn, state.dir, 0, &why)); /* makes the files */
	write_lock_release(&turn);
	reader = child_start(reader_run);
	while (!waiter_is_there())
		ck_assert(deadline_pause(deadline));
	return reader;
}

/* Who waits for a flock(2) holds nobody up: a reader can let many wait for his. */
START_TEST(waiters_behind_a_reader_are_no_writers)
{
	pid_t reader = reader_start();
	struct write_lock turn;

	expect_ok(write_lock_take(&turn, state.dir, LIMIT, &why));
	write_lock_release(&turn);
	child_kill(reader);
}
END_TEST

/* writer_start - a process that has the lock of a writer at work for AT_WORK_MS */
static void
writer_start(void)
{
	const struct timespec work = {AT_WORK_MS / 1000, AT_WORK_MS % 1000 * 1000000L};
	struct flock first_byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	int fd = file_open(O_RDWR);

	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &first_byte), 0);
	if (fork() == 0) {
		nanosleep(&work, NULL);
		_exit(0);
	}
	close(fd);
}

/* A look that does not find the writer who is there must not end the wait. */
START_TEST(readers_have_their_time_after_a_writer)
{
	pid_t reader = reader_start();
	struct write_lock turn;
	int64_t start;

	start = clock_now();
	writer_start();
	expect_ok(write_lock_take(&turn, state.dir, WRITERS_WAIT_SECONDS, &why));
	ck_assert_int_ge(clock_now() - start, AT_WORK_MS + READERS_WAIT_MS / 2);
	write_lock_release(&turn);
	child_kill(reader);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("write_lock");
	TCase *tcase = state_add_case(suite, "write_lock");

	tcase_add_checked_fixture(tcase, setup, NULL);
	if (LOCKS_ARE_SEEN) /* or they stand in no line */
		tcase_add_test(tcase, turn_comes_beside_writers_that_never_pause);
	tcase_add_test(tcase, stopped_waiter_does_not_stop_the_others);
	tcase_add_test(tcase, waiters_behind_a_reader_are_no_writers);
	if (LOCKS_ARE_SEEN)
		tcase_add_test(tcase, readers_have_their_time_after_a_writer);
	return suite_run(suite);
}
