/* SPDX-License-Identifier: BSD-2-Clause */
/* check_child_process.c - a program is fed, listened to, and ended in time. */
#include "policy/base/child_process.h"
#include "policy/base/monotonic.h"
#include "tests/lib/deadline.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUT_SIZE = 1 << 20, LONG_SECONDS = 60 };

static struct child_process p;
static int64_t begun;

/* run - a shell's COMMAND; no process of ours is left */
static enum error
run(const char *command)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	enum error e;

	p.path = "/bin/sh";
	p.argv = argv;
	if (p.seconds == 0)
		p.seconds = LONG_SECONDS;
	if (p.output_max == 0)
		p.output_max = 2 * INPUT_SIZE;
	if (p.output_fd == 0)
		p.output_fd = STDOUT_FILENO;
	free(p.output);
	begun = monotonic_ms();
	e = child_process_run(&p);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	return e;
}

static void
expect_output(const char *text)
{
	ck_assert_ptr_nonnull(p.output);
	ck_assert_uint_eq(p.output_len, strlen(text));
	ck_assert_str_eq(p.output, text);
}

/* expect_soon - it was not waited for until the end of its time */
static void
expect_soon(void)
{
	ck_assert_int_lt(monotonic_ms() - begun, 10000 * deadline_factor());
}

START_TEST(output_and_status)
{
	expect_ok(run("echo words; echo others >&2; cat; exit 3"));
	expect_output("words\n");
	ck_assert(WIFEXITED(p.status) && WEXITSTATUS(p.status) == 3);
	p.output_fd = STDERR_FILENO;
	expect_ok(run("echo words; echo others >&2"));
	expect_output("others\n");
	expect_ok(run("kill -9 $$"));
	ck_assert_ptr_null(p.output);
	ck_assert(WIFSIGNALED(p.status));
}
END_TEST

START_TEST(input_of_any_size)
{
	char *input = calloc(1, INPUT_SIZE + 1);

	memset(input, 'i', INPUT_SIZE);
	p.input = input;
	p.input_left = INPUT_SIZE;
	expect_ok(run("cat")); /* both pipes are full now and then */
	expect_output(input);
	ck_assert_uint_eq(p.input_left, 0);
	p.input = input;
	p.input_left = INPUT_SIZE;
	expect_ok(run("exec <&-; echo enough"));
	expect_output("enough\n");
	ck_assert_uint_gt(p.input_left, 0);
	free(input);
}
END_TEST

START_TEST(output_of_any_size)
{
	p.output_max = 5;
	expect_ok(run("echo 0123456789"));
	expect_output("01234");
	p.whole = true;
	expect_ok(run("echo 0123"));
	expect_output("0123\n");
	expect_error(ERR_LIMIT, run("echo 01234"));
	expect_error(ERR_LIMIT, run("yes"));
	expect_soon();
}
END_TEST

START_TEST(end_of_output_is_not_the_end)
{
	expect_ok(run("exec >&-; sleep 0.3; exit 7"));
	ck_assert_int_eq(WEXITSTATUS(p.status), 7);
}
END_TEST

START_TEST(what_is_left_behind_is_not_waited_for)
{
	p.whole = true;
	expect_ok(run("sleep 30 & echo words"));
	expect_output("words\n");
	expect_soon();
}
END_TEST

START_TEST(all_of_the_group_ends_in_time)
{
	struct pollfd end;
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	p.seconds = 1;
	expect_error(ERR_BUSY, run("trap '' TERM; sleep 60 & echo words; sleep 60"));
	expect_output("words\n");
	expect_soon();
	ck_assert_int_ge(monotonic_ms() - begun, 1000);
	close(fd[1]);
	end = (struct pollfd){fd[0], POLLIN, 0}; /* all that had FD[1] are gone */
	ck_assert_int_eq(poll(&end, 1, 5000 * deadline_factor()), 1);
}
END_TEST

START_TEST(programs_that_cannot_be_run)
{
	const char *const argv[] = {"no-such-program", NULL};
	const char *const failing[] = {"false", NULL};
	const char *const silent[] = {"true", NULL};
	char *out;

	p = (struct child_process){
	    .path = "/no/program", .argv = argv, .output_fd = 1, .seconds = 1};
	expect_error(ERR_IO, child_process_run(&p));
	ck_assert_int_eq(errno, ENOENT);
	expect_error(ERR_MISSING, child_process_read(argv, &out));
	expect_error(ERR_IO, child_process_read(failing, &out));
	ck_assert_ptr_null(out);
	expect_ok(child_process_read(silent, &out));
	ck_assert_str_eq(out, "");
	free(out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("child_process");
	TCase *tcase = suite_add_case(suite, "run");

	tcase_add_test(tcase, output_and_status);
	tcase_add_test(tcase, input_of_any_size);
	tcase_add_test(tcase, output_of_any_size);
	tcase_add_test(tcase, end_of_output_is_not_the_end);
	tcase_add_test(tcase, what_is_left_behind_is_not_waited_for);
	tcase_add_test(tcase, all_of_the_group_ends_in_time);
	tcase_add_test(tcase, programs_that_cannot_be_run);
	return suite_run(suite);
}
