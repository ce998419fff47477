/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_options.c - the milter's command line, configuration file and logs. */
#include "tests/lib/file.h"
#include "tests/lib/log_line.h"
#include "tests/lib/sample_policy.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_USAGE = 64, STATUS_CONFIGURATION = 78, LONG_VALUE = 1500 };

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

/* outcome_has - says whether a program said something, wherever */
static bool
outcome_has(const struct outcome *outcome, const char *text)
{
	return strstr(outcome->out, text) != NULL || strstr(outcome->err, text) != NULL;
}

/* configuration_refused - expects a line to be refused, by its place and a word */
static void
configuration_refused(const char *line, const char *word)
{
	char path[INSTANCE_PATH], place[INSTANCE_PATH + 16];
	struct outcome outcome;

	snprintf(path, sizeof(path), "%s/bad.conf", instance.folder);
	snprintf(place, sizeof(place), "%s:4", path);
	ck_assert(file_write(path, "# a comment\n\nlog = stderr\n", 26));
	ck_assert(file_add_line(path, line));
	instance_milter(&outcome, "-c %s -t", path);
	ck_assert_msg(outcome.status == STATUS_CONFIGURATION, "%s: status %d: %s", line,
	    outcome.status, outcome.err);
	ck_assert_msg(
	    strstr(outcome.err, place) != NULL && strstr(outcome.err, word) != NULL,
	    "wanted %s and %s: %s", place, word, outcome.err);
	instance_milter(&outcome, "-c %s -d %s", path, instance.state);
	ck_assert_int_eq(outcome.status, STATUS_CONFIGURATION);
}

START_TEST(unknown_keys_are_refused_with_file_and_line)
{
	configuration_refused("colour = red", "colour");
	configuration_refused("Socket_mode = 0660", "Socket_mode");
	configuration_refused("[section]", "");
	configuration_refused("mta", "");
	configuration_refused("= auto", "");
}
END_TEST

START_TEST(bad_values_are_refused_with_file_and_line)
{
	static const char *const lines[] = {"socket = tcp:1@127.0.0.1",
	    "socket = inet:0x@127.0.0.1", "socket = inet:70000@127.0.0.1",
	    "socket = inet:-1@127.0.0.1", "socket = unix:", "socket = fd:x",
	    "socket = fd:", "socket =", "socket-mode = rw", "socket-mode = 99999",
	    "mta = exim", "on-error = pass", "log = file", "log-level = loud",
	    "log-allowed = perhaps", "usage = 2", "usage-flush = soon",
	    "usage-flush = -1"};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char key[32];

		snprintf(
		    key, sizeof(key), "%.*s", (int)strcspn(lines[i], " "), lines[i]);
		configuration_refused(lines[i], key);
	}
}
END_TEST

START_TEST(unknown_group_is_refused_at_the_start)
{
	struct outcome outcome;

	instance_configure(&instance, "socket-group", "no-such-group-here");
	ck_assert_int_ne(instance_milter(&outcome, "-c %s", instance.configuration), 0);
	ck_assert(outcome_has(&outcome, "no-such-group-here"));
}
END_TEST

START_TEST(unknown_user_is_refused_at_the_start)
{
	struct outcome outcome;

	if (geteuid() != 0) {
		suite_skip("unknown_user_is_refused_at_the_start",
		    "only root can become another user");
		return;
	}
	instance_configure(&instance, "user", "no-such-user-here");
	ck_assert_int_ne(instance_milter(&outcome, "-c %s", instance.configuration), 0);
	ck_assert(outcome_has(&outcome, "no-such-user-here"));
}
END_TEST

START_TEST(long_value_is_never_truncated)
{
	char *value = malloc(LONG_VALUE + 1);
	struct outcome outcome;

	memset(value, 'x', LONG_VALUE);
	value[0] = '/';
	value[LONG_VALUE] = '\0';
	instance_configure(&instance, "metrics-file", value);
	ck_assert_int_eq(instance_milter(&outcome, "-c %s -p", instance.configuration),
	    STATUS_CONFIGURATION);
	ck_assert(outcome_has(&outcome, "line is too long"));
	free(value);
}
END_TEST

START_TEST(missing_configuration_file_is_an_error_when_named)
{
	struct outcome outcome;

	ck_assert_int_ne(
	    instance_milter(&outcome, "-c %s/none.conf -t", instance.folder), 0);
	ck_assert(outcome_has(&outcome, "none.conf"));
}
END_TEST

START_TEST(test_option_tells_the_state_of_the_database)
{
	struct outcome good, missing, foreign;

	ck_assert_int_eq(instance_milter(&good, "-c %s -t", instance.configuration), 0);
	ck_assert(!outcome_has(&good, "smtpauthctl init"));
	ck_assert(file_replace(instance.database, "not a database\n", 15));
	instance_milter(&foreign, "-c %s -t", instance.configuration);
	ck_assert(foreign.status == 0 || foreign.status == STATUS_CONFIGURATION);
	ck_assert_int_eq(unlink(instance.database), 0);
	instance_milter(&missing, "-c %s -t", instance.configuration);
	ck_assert(missing.status == 0 || missing.status == STATUS_CONFIGURATION);
	ck_assert(outcome_has(&missing, "restore"));
	ck_assert(outcome_has(&foreign, "policy.mdb"));
	ck_assert_str_ne(foreign.out, good.out);
	ck_assert(strcmp(foreign.out, missing.out) != 0 ||
	    strcmp(foreign.err, missing.err) != 0);
}
END_TEST

START_TEST(test_option_works_beside_a_running_milter)
{
	struct outcome outcome;

	instance_start(&instance);
	ck_assert_int_eq(
	    instance_milter(&outcome, "-c %s -t", instance.configuration), 0);
	expect_shut(&instance, "user@shut.test");
}
END_TEST

/* key_printed - says whether `key = value` is a line of a printed configuration */
static bool
key_printed(const struct outcome *outcome, const char *key, const char *value)
{
	char line[INSTANCE_PATH * 2];

	snprintf(line, sizeof(line), "%s = %s\n", key, value);
	return strstr(outcome->out, line) != NULL;
}

START_TEST(printed_configuration_is_accepted_again)
{
	struct outcome first, second;
	char path[INSTANCE_PATH + 16];

	instance_configure(&instance, "on-error", "reject");
	instance_configure(&instance, "mta", "sendmail");
	ck_assert_int_eq(
	    instance_milter(&first, "-c %s -p", instance.configuration), 0);
	ck_assert(key_printed(&first, "socket", instance.socket));
	ck_assert(key_printed(&first, "state-dir", instance.state));
	ck_assert(key_printed(&first, "on-error", "reject"));
	ck_assert(key_printed(&first, "mta", "sendmail"));
	ck_assert(key_printed(&first, "log-level", "info"));
	snprintf(path, sizeof(path), "%s/printed.conf", instance.folder);
	ck_assert(file_write(path, first.out, strlen(first.out)));
	ck_assert_int_eq(instance_milter(&second, "-c %s -t", path), 0);
	ck_assert_int_eq(instance_milter(&second, "-c %s -p", path), 0);
	ck_assert_str_eq(first.out, second.out);
}
END_TEST

START_TEST(options_override_the_configuration)
{
	struct outcome outcome;

	ck_assert_int_eq(
	    instance_milter(&outcome, "-c %s -d /elsewhere -s inet:1234@127.0.0.1 -p",
		instance.configuration),
	    0);
	ck_assert(key_printed(&outcome, "state-dir", "/elsewhere"));
	ck_assert(key_printed(&outcome, "socket", "inet:1234@127.0.0.1"));
}
END_TEST

START_TEST(help_and_version)
{
	struct outcome outcome;

	ck_assert_int_eq(instance_milter(&outcome, "-V"), 0);
	ck_assert_ptr_nonnull(strstr(outcome.out, "smtpauth-milter"));
	ck_assert_ptr_nonnull(strpbrk(outcome.out, "0123456789"));
	ck_assert_int_eq(instance_milter(&outcome, "-h"), 0);
	ck_assert_ptr_nonnull(strstr(outcome.out, "smtpauth-milter"));
	ck_assert_ptr_nonnull(strstr(outcome.out, "-c"));
}
END_TEST

START_TEST(wrong_usage)
{
	static const char *const options[] = {"-Z", "-c", "--nothing"};
	struct outcome outcome;
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		ck_assert_int_eq(
		    instance_milter(&outcome, "%s", options[i]), STATUS_USAGE);
		ck_assert_str_ne(outcome.err, "");
	}
	ck_assert_int_eq(
	    instance_milter(&outcome, "-c %s surplus", instance.configuration),
	    STATUS_USAGE);
	ck_assert(outcome_has(&outcome, "surplus"));
	instance_milter(&outcome, "-c %s -s tcp:1", instance.configuration);
	ck_assert(
	    outcome.status == STATUS_USAGE || outcome.status == STATUS_CONFIGURATION);
	ck_assert(outcome_has(&outcome, "tcp:1"));
}
END_TEST

START_TEST(json_log_has_an_object_a_line)
{
	char *log, *at;

	instance_configure(&instance, "log", "json");
	instance_start(&instance);
	ck_assert_int_eq(
	    mail_from_send_by(&instance, "a\"\\%@shut.test").kind, MTA_REPLY);
	ck_assert(log_line_mentions(&instance, "\"verdict\""));
	ck_assert(log_line_mentions(&instance, "\"a\\\"\\\\%@shut.test\""));
	log = instance_log(&instance);
	at = strstr(log, "\"verdict\"");
	while (at > log && at[-1] != '\n')
		at--;
	ck_assert_int_eq(*at, '{');
	ck_assert_int_eq(at[strcspn(at, "\n") - 1], '}');
	ck_assert_ptr_nonnull(strstr(at, "\"tenant-disabled\""));
	free(log);
}
END_TEST

START_TEST(what_passes_can_be_left_out_of_the_log)
{
	char line[LOG_LINE_SIZE];
	char *log;

	instance_configure(&instance, "log-allowed", "no");
	instance_start(&instance);
	ck_assert_int_eq(
	    mail_from_send_by(&instance, "user@open.test").kind, MTA_ACCEPT);
	ck_assert_int_eq(
	    mail_from_send_by(&instance, "user@shut.test").kind, MTA_REPLY);
	ck_assert(
	    log_line_find(&instance, "login", "user@shut.test", line, sizeof(line)));
	log = instance_log(&instance);
	ck_assert_ptr_null(strstr(log, "user@open.test"));
	free(log);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter_options");
	TCase *options = suite_add_case(suite, "options");
	TCase *configuration = suite_add_case(suite, "configuration");
	TCase *logs = suite_add_case(suite, "logs");

	tcase_add_checked_fixture(options, setup, teardown);
	tcase_add_test(options, help_and_version);
	tcase_add_test(options, wrong_usage);
	tcase_add_test(options, options_override_the_configuration);
	tcase_add_test(options, printed_configuration_is_accepted_again);
	tcase_add_test(options, test_option_tells_the_state_of_the_database);
	tcase_add_test(options, test_option_works_beside_a_running_milter);
	tcase_add_checked_fixture(configuration, setup, teardown);
	tcase_add_test(configuration, unknown_keys_are_refused_with_file_and_line);
	tcase_add_test(configuration, bad_values_are_refused_with_file_and_line);
	tcase_add_test(configuration, unknown_group_is_refused_at_the_start);
	tcase_add_test(configuration, unknown_user_is_refused_at_the_start);
	tcase_add_test(configuration, long_value_is_never_truncated);
	tcase_add_test(
	    configuration, missing_configuration_file_is_an_error_when_named);
	tcase_add_checked_fixture(logs, setup, teardown);
	tcase_add_test(logs, json_log_has_an_object_a_line);
	tcase_add_test(logs, what_passes_can_be_left_out_of_the_log);
	return suite_run(suite);
}
