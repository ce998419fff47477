/* SPDX-License-Identifier: BSD-2-Clause */
/* check_as_usage_user.c - the helper inherits nothing, and cannot hold us up. */
#include "policy/base/monotonic.h"
#include "policy/ctl/usage/as_usage_user.h"
#include "tests/lib/deadline.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_SIZE = 64, NOBODY = 65534, GRANDCHILD_SECONDS = 20 };

static struct state state;
static struct ctl c;
static uint8_t buf[ANSWER_SIZE];
static char got[ANSWER_SIZE];

static void
setup(void)
{
	char usage[STATE_PATH];

	state_open(&state);
	snprintf(usage, sizeof usage, "%s/usage", state.dir);
	ck_assert_int_eq(mkdir(usage, 0700), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(state.dir, 0711), 0);
		ck_assert_int_eq(chown(usage, NOBODY, NOBODY), 0);
	}
	c.dir = state.dir;
}

/* ask - FN's answer is in `got`; no process is left */
static enum error
ask(as_usage_user_fn *fn, void *arg)
{
	FILE *answer;
	enum error e = as_usage_user_ask(&c, fn, arg, buf, sizeof buf, &answer);

	memset(got, 0, sizeof got);
	if (e == OK) {
		ck_assert_uint_lt(fread(got, 1, sizeof got, answer), sizeof got);
		fclose(answer);
	} else {
		ck_assert_ptr_null(answer);
	}
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	return e;
}

/* expect_busy - given up after SILENCE ms at the earliest, and not much later */
static void
expect_busy(as_usage_user_fn *fn, int silence)
{
	int64_t start = monotonic_ms();
	int64_t latest = deadline_in(silence + 1000);

	expect_error(ERR_BUSY, ask(fn, NULL));
	ck_assert_int_ge(monotonic_ms() - start, silence);
	ck_assert_int_lt(clock_now(), latest);
}

static void
say(struct ctl *ctl, void *arg, FILE *to)
{
	(void)ctl;
	fputs(arg, to);
}

START_TEST(answer_comes)
{
	char text[] = "\n\n\nanswer\n", longest[ANSWER_SIZE + 1];

	expect_ok(ask(say, text));
	ck_assert_str_eq(got, "answer\n"); /* without the signs of life */
	expect_ok(ask(say, &text[sizeof text - 1]));
	ck_assert_str_eq(got, "");
	memset(longest, 'x', sizeof longest);
	longest[ANSWER_SIZE - 1] = '\0';
	expect_ok(ask(say, longest));
	ck_assert_str_eq(got, longest);
	longest[ANSWER_SIZE - 1] = 'x';
	longest[ANSWER_SIZE] = '\0';
	expect_error(ERR_LIMIT, ask(say, longest));
}
END_TEST

/* look_around - names what the helper should not have */
static void
look_around(struct ctl *ctl, void *arg, FILE *to)
{
	struct sigaction pipe_action;
	sigset_t blocked;
	char here[STATE_PATH];
	uid_t uid = geteuid() == 0 ? 0 : NOBODY;

	for (int fd = fileno(to) + 1; fd < 1000; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			fprintf(to, "descriptor %d, ", fd);
	if (environ[0] != NULL || getenv("PATH") != NULL)
		fputs("environment, ", to);
	if (getcwd(here, sizeof here) == NULL || strcmp(here, "/") != 0)
		fputs("folder, ", to);
	sigaction(SIGPIPE, NULL, &pipe_action);
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	if (pipe_action.sa_handler != SIG_DFL || sigismember(&blocked, SIGTERM))
		fputs("signals, ", to);
	if (*(const uid_t *)arg == 0 &&
	    (uid == 0 || setuid(0) == 0 || getgroups(0, NULL) != 0 ||
		getegid() != NOBODY))
		fputs("rights, ", to);
	if (ctl->dir[0] != '/')
		fputs("no full name, ", to);
}

START_TEST(nothing_is_inherited)
{
	const gid_t group = 0;
	uid_t uid = geteuid();
	sigset_t blocked;

	ck_assert_int_ge(fcntl(STDERR_FILENO, F_DUPFD, 100), 100);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	setenv("PATH", "/bin", 1);
	if (uid == 0)
		ck_assert_int_eq(setgroups(1, &group), 0);
	expect_ok(ask(look_around, &uid));
	ck_assert_str_eq(got, "");
	c.store = (struct store *)&state; /* a policy is open */
	expect_error(ERR_INTERNAL, ask(say, got));
}
END_TEST

static void
be_silent(struct ctl *ctl, void *arg, FILE *to)
{
	sigset_t all;

	(void)ctl, (void)arg, (void)to;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (;;)
		pause();
}

static void
be_stopped(struct ctl *ctl, void *arg, FILE *to)
{
	raise(SIGSTOP);
	be_silent(ctl, arg, to);
}

static void
be_endless(struct ctl *ctl, void *arg, FILE *to)
{
	(void)ctl, (void)arg;
	for (;;)
		fputs("more", to);
}

/* leave_another - that keeps the pipe open */
static void
leave_another(struct ctl *ctl, void *arg, FILE *to)
{
	(void)ctl, (void)arg, (void)to;
	if (fork() != 0)
		_exit(0);
	alarm(GRANDCHILD_SECONDS);
	for (;;)
		pause();
}

static void
be_killed(struct ctl *ctl, void *arg, FILE *to)
{
	(void)ctl, (void)arg;
	fputs("half of", to);
	fflush(to);
	raise(SIGKILL);
}

START_TEST(helper_is_not_waited_for)
{
	expect_busy(be_silent, AS_USAGE_USER_SILENCE_MS);
	expect_busy(leave_another, AS_USAGE_USER_SILENCE_MS);
	expect_busy(be_stopped, 0);
	expect_error(ERR_LIMIT, ask(be_endless, NULL));
	expect_ok(ask(be_killed, NULL)); /* what is there is for the caller to check */
	ck_assert_str_eq(got, "half of");
}
END_TEST

/* write_slowly - the first time */
static ssize_t
write_slowly(void *arg, const char *bytes, size_t n)
{
	if (*(char *)arg == '\0')
		usleep((AS_USAGE_USER_SILENCE_MS + 200) * 1000);
	memcpy((char *)arg + strlen(arg), bytes, n);
	return (ssize_t)n;
}

/* pause_once - between two words, for less than the silence that is allowed */
static void
pause_once(struct ctl *ctl, void *arg, FILE *to)
{
	(void)ctl, (void)arg;
	setvbuf(to, NULL, _IONBF, 0);
	fputs("before ", to);
	usleep(3 * AS_USAGE_USER_SILENCE_MS / 2 * 1000);
	fputs("after", to);
}

START_TEST(our_own_slow_disk_is_no_silence)
{
	FILE *into =
	    fopencookie(got, "w", (cookie_io_functions_t){.write = write_slowly});

	setvbuf(into, NULL, _IONBF, 0);
	expect_ok(as_usage_user(&c, pause_once, NULL, ANSWER_SIZE, into));
	ck_assert_str_eq(got, "before after");
	fclose(into);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("as_usage_user");
	TCase *tcase = state_add_case(suite, "helper");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, answer_comes);
	tcase_add_test(tcase, nothing_is_inherited);
	tcase_add_test(tcase, helper_is_not_waited_for);
	tcase_add_test(tcase, our_own_slow_disk_is_no_silence);
	return suite_run(suite);
}
