/* SPDX-License-Identifier: BSD-2-Clause */
/* check_request.c - requests to a daemon without MTA, in the test's process. */
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/recorded_usage.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "milter/daemon.h"
#include "milter/request.h"
#include "milter/service/id.h"
#include "milter/service/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAILURES "\nsmtpauth_usage_write_failures_total{daemon=\"m\"}"

enum { WAIT = 10000, STOP = 5000, PAGE = 4096, LOGINS = 100 };

static struct state state;
static char usage_file[STATE_PATH + 20], metrics_file[STATE_PATH];
static struct daemon milter;
static struct error_text why;
static pid_t other;
static bool refuse; /* to start threads */

int __real_pthread_create(
    pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(
    pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);

int
__wrap_pthread_create(
    pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	if (!refuse)
		return __real_pthread_create(thread, attr, fn, arg);
	memset(thread, 0xFF, sizeof *thread); /* as POSIX allows */
	return EAGAIN;
}

static void
ignore(void *arg, enum live_store_event event, const char *text)
{
	(void)arg;
	(void)event;
	(void)text;
}

/* policy_make - shut.test's tenant is disabled, open.test's is enabled */
static void
policy_make(struct store_txn *txn, void *arg)
{
	(void)arg;
	tenant_store_with(txn, "shut", SMTP_AUTH_DISABLED, "shut.test");
	tenant_store_with(txn, "open", SMTP_AUTH_ENABLED, "open.test");
}

/* state_make - a folder for the usage database, and with POLICY one for that */
static void
state_make(bool policy)
{
	char name[STATE_PATH];

	if (policy) {
		state_open_ready(&state);
		state_change(&state, policy_make, NULL);
	} else {
		state_open(&state);
	}
	snprintf(name, sizeof(name), "%s/usage", state.dir);
	ck_assert_int_eq(mkdir(name, 0700), 0);
	snprintf(usage_file, sizeof(usage_file), "%s/usage.mdb", name);
	snprintf(metrics_file, sizeof(metrics_file), "%s/m.prom", state.dir);
}

/* start - all of a daemon but its socket */
static void
start(void)
{
	expect_ok(config_read(&milter.config, "/dev/null", &why));
	expect_ok(config_set(&milter.config, "state-dir", state.dir, &why));
	expect_ok(config_set(&milter.config, "usage-flush", "1", &why));
	expect_ok(config_set(&milter.config, "metrics-file", metrics_file, &why));
	expect_ok(log_open(LOG_TO_STDERR, LEVEL_ERROR));
	expect_ok(id_start());
	reporter_init(&milter);
	expect_ok(live_store_start(&milter.store, state.dir, ignore, NULL));
	expect_ok(reporter_start(&milter));
}

static void
setup(void)
{
	state_make(true);
	start();
}

static void
setup_without_policy(void)
{
	state_make(false);
	start();
}

/* setup_shared - another process has the usage database open, and so its locks */
static void
setup_shared(void)
{
	int opened[2];
	struct db *db;
	char byte;

	state_make(true);
	ck_assert_int_eq(pipe(opened), 0);
	other = fork();
	if (other == 0) {
		if (usage_database_open(&db, state.dir, true, NULL) == OK)
			(void)!write(opened[1], "", 1);
		for (;;)
			pause();
	}
	ck_assert_int_gt(other, 0);
	ck_assert_int_eq(read(opened[0], &byte, 1), 1);
	start();
}

static void
teardown_shared(void)
{
	kill(other, SIGKILL);
}

/* ask - MAIL FROM with this login; the whole reply, or "" */
static const char *
ask(const char *login)
{
	static char line[REPLY_LINE_MAX + 20];
	struct request r = {.submission = {.login = login,
				.client = "192.0.2.1",
				.listener = "MSA",
				.mechanism = "PLAIN"},
	    .version = "Postfix 3.7",
	    .tls = "",
	    .sender = "<s@open.test>"};
	struct reply reply;
	struct decision d = request_decide(&milter, &r, &reply);

	ck_assert_int_eq(decision_passes(d.verdict), reply.code[0] == '\0');
	if (reply.code[0] == '\0')
		return "";
	ck_assert_ptr_nonnull(strstr(reply.text, r.id));
	snprintf(line, sizeof(line), "%s %s %s", reply.code, reply.xcode, reply.text);
	return line;
}

START_TEST(each_login_has_its_reply)
{
	ck_assert_str_eq(ask("user@open.test"), "");
	ck_assert_str_eq(ask("user@else.test"), "");
	ck_assert_str_eq(ask(""), "");
	ck_assert_ptr_nonnull(strstr(ask("user@shut.test"),
	    "550 5.7.1 SMTP AUTH is disabled for tenant shut ["));
}
END_TEST

START_TEST(without_a_policy_on_error_decides)
{
	expect_ok(config_set(&milter.config, "on-error", "tempfail", &why));
	ck_assert_ptr_nonnull(strstr(ask("user@open.test"), "451 4.3.0 "));
	expect_ok(config_set(&milter.config, "on-error", "reject", &why));
	ck_assert_ptr_nonnull(strstr(ask("user@open.test"), "550 5.3.0 "));
	ck_assert_uint_eq(milter.usage_counter.dropped, 0);
	expect_ok(config_set(&milter.config, "on-error", "accept", &why));
	ck_assert_str_eq(ask("user@open.test"), "");
	/* what passed unseen is said */
	ck_assert_uint_eq(milter.usage_counter.dropped, 1);
	ck_assert_uint_eq(milter.usage_counter.waiting, 0);
}
END_TEST

START_TEST(who_is_not_logged_in_asks_nothing_of_the_store)
{
	ck_assert_ptr_null(milter.store);
	ck_assert_str_eq(ask(""), "");
}
END_TEST

/* written_await - until nothing waits to be written */
static void
written_await(void)
{
	int64_t deadline = deadline_in(WAIT);

	while (milter.usage_counter.waiting > 0 && deadline_pause(deadline))
		;
	ck_assert_uint_eq(milter.usage_counter.waiting, 0);
}

static void
sum_take(void *arg, const struct recorded_login *row)
{
	*(uint64_t *)arg += row->all;
}

static uint64_t
recorded(void)
{
	uint64_t sum = 0;

	ck_assert_uint_eq(recorded_usage_read(state.dir, sum_take, &sum), 0);
	return sum;
}

START_TEST(usage_is_written_at_the_stop)
{
	ask("user@open.test");
	written_await();
	ask("user@open.test");
	ask("user@shut.test");
	reporter_stop(&milter, STOP);
	ck_assert_uint_eq(milter.usage_counter.waiting, 0);
	ck_assert_uint_eq(recorded(), 3);
}
END_TEST

/* ask_many - of logins that differ, and that no one else has */
static void
ask_many(char kind)
{
	char login[40];

	for (int n = 0; n < LOGINS; n++) {
		snprintf(login, sizeof(login), "%c%d@open.test", kind, n);
		ask(login);
	}
}

/* failure_await - until the metrics have more than N writings that failed */
static void
failure_await(int n)
{
	int64_t deadline = deadline_in(WAIT);
	bool failed = false;

	while (!failed && deadline_pause(deadline)) {
		char *text = file_read(metrics_file, NULL);
		const char *at = text != NULL ? strstr(text, FAILURES " ") : NULL;

		failed = at != NULL && atoi(at + strlen(FAILURES)) > n;
		free(text);
	}
	ck_assert(failed);
}

/*
 * The database stays open, so the thread meets the damage in a transaction, holds
 * LMDB's lock from then on, and has to hand over to another one.
 */
static void
damage(void)
{
	char *bytes;
	size_t size;

	ask_many('a');
	written_await();
	bytes = file_read(usage_file, &size);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_uint_gt(size, 2 * PAGE);
	free(bytes);
	ck_assert_int_eq(truncate(usage_file, 2 * PAGE), 0);
	ask_many('b');
	failure_await(0);
	ck_assert_uint_eq(milter.usage_counter.waiting, LOGINS);
}

START_TEST(damage_ends_no_writing_for_good)
{
	char aside[sizeof(usage_file) + 4];

	damage();
	snprintf(aside, sizeof(aside), "%s.bad", usage_file);
	ck_assert_int_eq(rename(usage_file, aside), 0);
	written_await();
	reporter_stop(&milter, STOP);
	ck_assert_uint_eq(recorded(), LOGINS);
}
END_TEST

START_TEST(damage_without_another_thread_ends_in_time)
{
	refuse = true;
	damage();
	failure_await(1);
	reporter_stop(&milter, STOP);
	ck_assert(milter.reporter.ended);
	ck_assert_uint_eq(milter.usage_counter.waiting, LOGINS);
}
END_TEST

START_TEST(database_that_is_replaced_is_left)
{
	ask_many('a');
	written_await();
	ck_assert_int_eq(unlink(usage_file), 0);
	ask_many('b');
	ask_many('b');
	written_await();
	reporter_stop(&milter, STOP);
	ck_assert_uint_eq(recorded(), (uint64_t)2 * LOGINS);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("request");
	TCase *request = state_add_case(suite, "request");
	TCase *shared = state_add_case(suite, "shared");
	TCase *without = state_add_case(suite, "without");
	TCase *bare = suite_add_case(suite, "bare");

	tcase_add_checked_fixture(request, setup, NULL);
	tcase_add_test(request, each_login_has_its_reply);
	tcase_add_test(request, usage_is_written_at_the_stop);
	tcase_add_test(request, database_that_is_replaced_is_left);
	tcase_add_checked_fixture(shared, setup_shared, teardown_shared);
	tcase_add_test(shared, damage_ends_no_writing_for_good);
	tcase_add_test(shared, damage_without_another_thread_ends_in_time);
	tcase_add_checked_fixture(without, setup_without_policy, NULL);
	tcase_add_test(without, without_a_policy_on_error_decides);
	tcase_add_test(bare, who_is_not_logged_in_asks_nothing_of_the_store);
	return suite_run(suite);
}
