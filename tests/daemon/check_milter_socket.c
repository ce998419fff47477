/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_socket.c - where the milter listens, how it stops, what it outlasts. */
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/log_line.h"
#include "tests/lib/sample_policy.h"
#include "tests/lib/suite.h"
#include "tests/lib/test_socket.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STOP_LIMIT = 1000, /* milliseconds, by specification */
	EARLY_STOP_LIMIT = 7000,
	DROPPED = 1000,
	BUSY = 8,
	HELD = 100 /* connections open at the same time */
};

static struct instance instance;

static void
setup(void)
{
	sample_policy_open(&instance);
}

static void
teardown(void)
{
	instance_close(&instance);
}

/* answers_expect - expects both right answers */
static void
answers_expect(void)
{
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
	expect_shut(&instance, "user@shut.test");
}

/* socket_path - the file of the instance's unix socket */
static const char *
socket_path(void)
{
	return instance.socket + strlen("unix:");
}

/*
 * socket_expect - expects the file of the instance's unix socket to have a mode. It
 * takes connections a moment before it has it, and is for the owner alone until then:
 * the milter says that it has started when all is done.
 */
static void
socket_expect(unsigned int mode, struct stat *file)
{
	ck_assert(log_line_mentions(&instance, socket_path()));
	ck_assert_int_eq(stat(socket_path(), file), 0);
	ck_assert(S_ISSOCK(file->st_mode));
	ck_assert_uint_eq(file->st_mode & 07777, mode);
}

/* port_use - takes a free port of a host; false when there is none */
static bool
port_use(const char *kind, const char *host)
{
	char socket[INSTANCE_PATH];
	int port = test_socket_free_port(host);

	snprintf(socket, sizeof(socket), "%s:%d@%s", kind, port, host);
	instance_use_socket(&instance, socket);
	return port != 0;
}

/* start_refused - expects another start to fail, with a line that names the socket */
static void
start_refused(const char *socket)
{
	struct outcome outcome;

	ck_assert_int_ne(instance_milter(&outcome, "-c %s", instance.configuration), 0);
	ck_assert_msg(strstr(outcome.err, socket) != NULL, "unclear: %s", outcome.err);
}

/* stop_expect - expects a signal to stop the milter in time */
static void
stop_expect(int signal)
{
	instance_await_signals(&instance);
	ck_assert_int_eq(instance_stop(&instance, signal, STOP_LIMIT), 0);
}

START_TEST(inet_socket)
{
	ck_assert(port_use("inet", "127.0.0.1"));
	instance_start(&instance);
	answers_expect();
}
END_TEST

START_TEST(inet6_socket)
{
	if (test_socket_free_port("::1") == 0) {
		ck_assert_msg(errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT,
		    "::1: %s", strerror(errno));
		suite_skip("inet6_socket", "this machine has no address ::1");
		return;
	}
	ck_assert(port_use("inet6", "::1"));
	instance_start(&instance);
	answers_expect();
}
END_TEST

START_TEST(unix_socket_is_for_owner_and_group)
{
	struct stat file;

	umask(0);
	instance_start(&instance);
	socket_expect(0660, &file);
	answers_expect();
}
END_TEST

START_TEST(unix_socket_has_the_mode_and_group_configured)
{
	struct group *group = getgrgid(getegid());
	struct stat file;

	umask(077);
	instance_configure(&instance, "socket-mode", "0666");
	if (group != NULL)
		instance_configure(&instance, "socket-group", group->gr_name);
	instance_start(&instance);
	socket_expect(0666, &file);
	ck_assert_uint_eq(file.st_gid, getegid());
	answers_expect();
}
END_TEST

START_TEST(passed_socket)
{
	char socket[INSTANCE_PATH];

	instance.listener = test_socket_listen("inet:0@127.0.0.1");
	ck_assert_int_ge(instance.listener, 0);
	instance_use_socket(&instance, "fd:3");
	instance_start(&instance);
	snprintf(socket, sizeof(socket), "inet:%d@127.0.0.1",
	    test_socket_port(instance.listener));
	strcpy(instance.socket, socket);
	answers_expect();
	/* A restart refuses no connection: this one waits for the next milter. */
	stop_expect(SIGTERM);
	ck_assert_int_ge(test_socket_connect(instance.socket), 0);
	instance_start(&instance);
	answers_expect();
}
END_TEST

START_TEST(passed_unix_socket_is_not_removed)
{
	char path[INSTANCE_PATH];

	instance.listener = test_socket_listen(instance.socket);
	strcpy(path, instance.socket);
	ck_assert_int_ge(instance.listener, 0);
	instance_use_socket(&instance, "fd:3");
	instance_start(&instance);
	strcpy(instance.socket, path);
	answers_expect();
	stop_expect(SIGTERM);
	ck_assert_int_eq(access(socket_path(), F_OK), 0);
}
END_TEST

START_TEST(second_milter_on_a_unix_socket_leaves_the_first_working)
{
	instance_start(&instance);
	start_refused(socket_path());
	answers_expect();
	ck_assert(instance_runs(&instance));
}
END_TEST

START_TEST(stale_unix_socket_is_replaced)
{
	int stale = test_socket_listen(instance.socket);

	ck_assert_int_ge(stale, 0);
	close(stale);
	ck_assert_int_eq(access(socket_path(), F_OK), 0);
	instance_start(&instance);
	answers_expect();
}
END_TEST

START_TEST(socket_left_by_a_killed_milter_is_replaced)
{
	instance_start(&instance);
	ck_assert_int_eq(instance_stop(&instance, SIGKILL, STOP_LIMIT), 128 + SIGKILL);
	ck_assert_int_eq(access(socket_path(), F_OK), 0);
	instance_start(&instance);
	answers_expect();
}
END_TEST

START_TEST(file_in_the_place_of_the_socket_is_left_alone)
{
	ck_assert(file_write(socket_path(), "precious", 8));
	start_refused(socket_path());
	ck_assert_int_eq(file_size(socket_path()), 8);
}
END_TEST

START_TEST(port_in_use_is_a_clear_error)
{
	ck_assert(port_use("inet", "127.0.0.1"));
	instance_start(&instance);
	start_refused(strchr(instance.socket, ':') + 1); /* PORT@HOST */
	answers_expect();
}
END_TEST

START_TEST(signal_stops_the_milter_within_a_second)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	struct mail_from user = mail_from_by("user@shut.test");
	struct mta *idle;

	instance_start(&instance);
	idle = mail_from_connect(&instance, &user);
	mail_from_ask(idle, &user);
	stop_expect(signals[_i]);
	ck_assert_int_ne(access(socket_path(), F_OK), 0);
	mta_close(&idle);
}
END_TEST

/* busy_start - starts a process that asks until the milter is gone */
static pid_t
busy_start(void)
{
	struct mail_from user = mail_from_by("user@shut.test");
	struct mta *mta = mail_from_connect(&instance, &user);
	pid_t pid = fork();

	if (pid == 0) {
		while (mail_from_ask(mta, &user).kind == MTA_REPLY)
			;
		_exit(0);
	}
	mta_close(&mta);
	return pid;
}

START_TEST(signal_stops_a_busy_milter_within_a_second)
{
	char line[LOG_LINE_SIZE];
	pid_t busy[BUSY];
	int i;

	instance_start(&instance);
	for (i = 0; i < BUSY; i++)
		busy[i] = busy_start();
	ck_assert(
	    log_line_find(&instance, "login", "user@shut.test", line, sizeof(line)));
	stop_expect(SIGTERM);
	for (i = 0; i < BUSY; i++)
		ck_assert_int_eq(process_wait(busy[i], 10 * STOP_LIMIT), 0);
}
END_TEST

START_TEST(signal_right_after_the_start_stops_the_milter)
{
	instance_start(&instance);
	ck_assert_int_eq(instance_stop(&instance, SIGTERM, EARLY_STOP_LIMIT), 0);
	instance_start(&instance);
	answers_expect();
}
END_TEST

START_TEST(thousand_dropped_connections)
{
	struct mta *held[HELD];
	int i, round;

	instance_start(&instance);
	for (round = 0; round < DROPPED / HELD; round++) {
		for (i = 0; i < HELD; i++) {
			held[i] = mta_open(instance.socket);
			ck_assert_ptr_nonnull(held[i]);
			if (round % 2 == 0)
				ck_assert(mta_negotiate(held[i]));
		}
		for (i = 0; i < HELD; i++)
			mta_close(&held[i]);
	}
	answers_expect();
	ck_assert(instance_runs(&instance));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter_socket");
	TCase *kinds = suite_add_case(suite, "kinds");
	TCase *stop = suite_add_case(suite, "stop");
	TCase *abuse = suite_add_case(suite, "abuse");

	tcase_add_checked_fixture(kinds, setup, teardown);
	tcase_add_test(kinds, inet_socket);
	tcase_add_test(kinds, inet6_socket);
	tcase_add_test(kinds, unix_socket_is_for_owner_and_group);
	tcase_add_test(kinds, unix_socket_has_the_mode_and_group_configured);
	tcase_add_test(kinds, passed_socket);
	tcase_add_test(kinds, passed_unix_socket_is_not_removed);
	tcase_add_test(kinds, second_milter_on_a_unix_socket_leaves_the_first_working);
	tcase_add_test(kinds, stale_unix_socket_is_replaced);
	tcase_add_test(kinds, socket_left_by_a_killed_milter_is_replaced);
	tcase_add_test(kinds, file_in_the_place_of_the_socket_is_left_alone);
	tcase_add_test(kinds, port_in_use_is_a_clear_error);
	tcase_add_checked_fixture(stop, setup, teardown);
	tcase_add_loop_test(stop, signal_stops_the_milter_within_a_second, 0, 3);
	tcase_add_test(stop, signal_stops_a_busy_milter_within_a_second);
	tcase_add_test(stop, signal_right_after_the_start_stops_the_milter);
	tcase_add_checked_fixture(abuse, setup, teardown);
	tcase_add_test(abuse, thousand_dropped_connections);
	return suite_run(suite);
}
