/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_faults.c - missing, damaged and replaced databases under the milter. */
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/log_line.h"
#include "tests/lib/sample_policy.h"
#include "tests/lib/suite.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MAILBOXES = 60,
	RECOVERY = 5000, /* milliseconds, by specification */
	WATCH = 1200,    /* longer than the milter needs to look at the path again */
	PAGE = 4096,
	DAMAGED_STARTS = 12
};

static struct instance instance;

/* The whole policy, and the same before mailbox late@open.test was disabled. */
static char *policy, *older_policy;
static size_t policy_size, older_policy_size;

/* policy_make - fills a database of many pages, once for all tests */
static void
policy_make(void)
{
	struct instance source;
	char rows[INSTANCE_PATH + 16];
	FILE *file;

	if (policy != NULL)
		return;
	sample_policy_open(&source);
	snprintf(rows, sizeof(rows), "%s/rows.csv", source.folder);
	file = fopen(rows, "w");
	ck_assert_ptr_nonnull(file);
	fputs("address,smtp_auth,note\n", file);
	for (int i = 0; i < MAILBOXES; i++)
		fprintf(file, "denied%d@open.test,disabled,%0200d\n", i, i);
	ck_assert_int_eq(fclose(file), 0);
	instance_do(&source, "import %s", rows);
	older_policy = file_read(source.database, &older_policy_size);
	instance_do(&source, "mailbox set late@open.test --smtp-auth disabled");
	policy = file_read(source.database, &policy_size);
	ck_assert_ptr_nonnull(policy);
	instance_close(&source);
}

/* setup - an instance with a copy of that database; no milter runs yet */
static void
setup(void)
{
	instance_open(&instance);
	ck_assert(file_write(instance.database, policy, policy_size));
	instance_do(&instance, "init");
}

static void
teardown(void)
{
	instance_close(&instance);
}

/* denied_asked - asks for one of the mailboxes that must never pass */
static struct mta_reply
denied_asked(int number)
{
	char login[32];

	snprintf(login, sizeof(login), "denied%d@open.test", number % MAILBOXES);
	return mail_from_send_by(&instance, login);
}

/* denied_watched - asks for all of them, and on for a time, and wants no accept */
static void
denied_watched(int milliseconds)
{
	int64_t end = clock_now() + milliseconds;
	int i;

	for (i = 0; i < MAILBOXES || clock_now() < end; i++) {
		struct mta_reply reply = denied_asked(i);

		ck_assert_msg(reply.kind == MTA_REPLY, "denied%d: %s", i % MAILBOXES,
		    mta_kind_name(reply.kind));
		if (!suite_at_length() && i % 8 == 0)
			deadline_pause(end); /* leaves the processors to other tests */
	}
	ck_assert(instance_runs(&instance));
}

/* words_awaited - waits until a login is answered with these words (NULL: passes) */
static bool
words_awaited(const char *login, const char *words)
{
	int64_t deadline = deadline_in(RECOVERY);
	bool right;

	do {
		struct mta_reply reply = mail_from_send_by(&instance, login);

		right = words == NULL ? reply.kind == MTA_ACCEPT
				      : strncmp(reply.text, words, strlen(words)) == 0;
	} while (!right && deadline_pause(deadline));
	return right;
}

/* good_awaited - waits until the policy is obeyed again, and all of it */
static void
good_awaited(void)
{
	int i;

	ck_assert_msg(words_awaited("user@open.test", NULL), "no recovery");
	ck_assert(words_awaited("user@shut.test", WORDS_SHUT));
	for (i = 0; i < MAILBOXES; i++) {
		struct mta_reply reply = denied_asked(i);

		ck_assert(strncmp(reply.text, WORDS_DISABLED "mailbox denied",
			      strlen(WORDS_DISABLED "mailbox denied")) == 0);
	}
	ck_assert(instance_runs(&instance));
}

/* fault_survived - watches the milter over a bad file, then gives it the good one */
static void
fault_survived(void)
{
	denied_watched(WATCH);
	ck_assert_msg(
	    words_awaited("user@shut.test", WORDS_STORE_ERROR), "no error seen");
	ck_assert(file_replace(instance.database, policy, policy_size));
	good_awaited();
}

START_TEST(missing_database_is_answered_by_on_error)
{
	static const struct {
		const char *value, *words;
	} answers[] = {
	    {"tempfail", WORDS_STORE_ERROR},
	    {"reject", WORDS_STORE_ERROR_REJECT},
	    {"accept", NULL},
	};

	ck_assert_int_eq(unlink(instance.database), 0);
	instance_configure(&instance, "on-error", answers[_i].value);
	instance_start(&instance);
	ck_assert(words_awaited("user@shut.test", answers[_i].words));
	ck_assert(log_line_mentions(&instance, "restore"));
}
END_TEST

START_TEST(database_is_taken_up_when_it_appears)
{
	struct instance fresh;

	instance_open(&fresh);
	instance_start(&fresh);
	instance = fresh;
	ck_assert(words_awaited("user@shut.test", WORDS_STORE_ERROR));
	instance_do(&instance, "init");
	ck_assert_msg(
	    words_awaited("user@shut.test", NULL), "not seen within 5 seconds");
	instance_do(
	    &instance, "tenant add shut --domain shut.test --smtp-auth disabled");
	expect_shut(&instance, "user@shut.test");
}
END_TEST

START_TEST(removed_database_is_a_store_error_until_it_is_back)
{
	instance_start(&instance);
	good_awaited();
	ck_assert_int_eq(unlink(instance.database), 0);
	denied_watched(WATCH);
	ck_assert(words_awaited("user@shut.test", WORDS_STORE_ERROR));
	ck_assert(file_write(instance.database, policy, policy_size));
	good_awaited();
}
END_TEST

START_TEST(truncated_database_is_a_store_error_until_it_is_back)
{
	const off_t sizes[] = {0, PAGE, (off_t)policy_size / PAGE / 2 * PAGE};

	instance_start(&instance);
	good_awaited();
	ck_assert_int_eq(truncate(instance.database, sizes[_i]), 0);
	fault_survived();
}
END_TEST

/* bytes_random - fills with bytes that are the same in every run */
static void
bytes_random(char *bytes, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++) {
		seed = seed * 1103515245U + 12345U;
		bytes[i] = (char)(seed >> 16);
	}
}

START_TEST(overwritten_database_is_a_store_error_until_it_is_back)
{
	/* All of it random; all but LMDB's own two pages random, or zero. */
	size_t kept = _i == 0 ? 0 : 2 * PAGE;
	char *bad = malloc(policy_size);

	memcpy(bad, policy, policy_size);
	memset(bad + kept, 0, policy_size - kept);
	if (_i < 2)
		bytes_random(bad + kept, policy_size - kept, 1);
	instance_start(&instance);
	good_awaited();
	ck_assert(file_write(instance.database, bad, policy_size));
	fault_survived();
	free(bad);
}
END_TEST

START_TEST(good_database_may_come_back_in_place)
{
	instance_start(&instance);
	good_awaited();
	ck_assert_int_eq(truncate(instance.database, 2 * PAGE), 0);
	denied_watched(WATCH);
	ck_assert(file_write(instance.database, policy, policy_size));
	good_awaited();
}
END_TEST

/* older_survived - the older copy is the policy now; no denial was lost on the way */
static void
older_survived(void)
{
	denied_watched(WATCH);
	ck_assert_msg(words_awaited("late@open.test", NULL), "older copy not taken up");
	good_awaited();
	ck_assert(file_replace(instance.database, policy, policy_size));
	ck_assert(
	    words_awaited("late@open.test", WORDS_DISABLED "mailbox late@open.test"));
	good_awaited();
}

START_TEST(older_copy_written_over_the_database_loses_no_denial)
{
	instance_start(&instance);
	good_awaited();
	ck_assert(file_write(instance.database, older_policy, older_policy_size));
	older_survived();
}
END_TEST

START_TEST(older_copy_renamed_over_the_database_loses_no_denial)
{
	instance_start(&instance);
	good_awaited();
	ck_assert(file_replace(instance.database, older_policy, older_policy_size));
	older_survived();
}
END_TEST

START_TEST(foreign_file_is_refused)
{
	char usage[INSTANCE_PATH + 32];
	char *foreign;
	size_t size;

	instance_start(&instance);
	good_awaited();
	ck_assert(file_replace(instance.database, "not a database\n", 15));
	fault_survived();
	/* LMDB's, and ours, but another one. */
	snprintf(usage, sizeof(usage), "%s/usage/usage.mdb", instance.state);
	foreign = file_read(usage, &size);
	ck_assert_ptr_nonnull(foreign);
	ck_assert_uint_gt(size, 0);
	ck_assert(file_replace(instance.database, foreign, size));
	fault_survived();
	free(foreign);
}
END_TEST

/* version_raise - gives the meta record a format version of the far future */
static int
version_raise(char *bytes, size_t size)
{
	/* LMDB's leaf entry: flags, length of the key, the key; then the record, which
	 * begins with its version. */
	const uint16_t head[] = {0, 1};
	int raised = 0;
	size_t i;

	for (i = 2 * PAGE; i + sizeof(head) + 2 <= size; i += 2) {
		if (memcmp(bytes + i, head, sizeof(head)) != 0 ||
		    bytes[i + sizeof(head)] != '!')
			continue;
		bytes[i + sizeof(head) + 1] = 100;
		raised++;
	}
	return raised;
}

START_TEST(newer_format_is_refused)
{
	char *newer = malloc(policy_size);
	struct outcome outcome;

	memcpy(newer, policy, policy_size);
	ck_assert_int_gt(version_raise(newer, policy_size), 0);
	instance_start(&instance);
	good_awaited();
	ck_assert(file_replace(instance.database, newer, policy_size));
	denied_watched(WATCH);
	ck_assert(words_awaited("user@shut.test", WORDS_STORE_ERROR));
	ck_assert(log_line_mentions(&instance, "newer"));
	instance_milter(&outcome, "-c %s -t", instance.configuration);
	ck_assert_msg(strstr(outcome.out, "newer") != NULL ||
		strstr(outcome.err, "newer") != NULL,
	    "%s%s", outcome.out, outcome.err);
	ck_assert_int_ne(instance_ctl(&instance, &outcome, "tenant list"), 0);
	ck_assert(file_replace(instance.database, policy, policy_size));
	good_awaited();
	free(newer);
}
END_TEST

START_TEST(damaged_page_at_start_lets_nothing_pass)
{
	char *bad = malloc(policy_size);
	size_t pages = policy_size / PAGE - 2;
	size_t page = 2 + (size_t)_i * pages / DAMAGED_STARTS;

	memcpy(bad, policy, policy_size);
	bytes_random(bad + page * PAGE, PAGE, (unsigned int)_i);
	ck_assert(file_write(instance.database, bad, policy_size));
	instance_start(&instance);
	denied_watched(0);
	free(bad);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter_faults");
	int ways = suite_at_length() ? 3 : 1;
	TCase *missing = suite_add_case(suite, "missing");
	TCase *damaged = suite_add_case(suite, "damaged");
	TCase *replaced = suite_add_case(suite, "replaced");

	tcase_add_unchecked_fixture(missing, policy_make, NULL);
	tcase_add_checked_fixture(missing, setup, teardown);
	tcase_add_loop_test(missing, missing_database_is_answered_by_on_error, 0, 3);
	tcase_add_test(missing, database_is_taken_up_when_it_appears);
	tcase_add_test(missing, removed_database_is_a_store_error_until_it_is_back);
	tcase_add_unchecked_fixture(damaged, policy_make, NULL);
	tcase_add_checked_fixture(damaged, setup, teardown);
	tcase_add_loop_test(
	    damaged, truncated_database_is_a_store_error_until_it_is_back, 0, ways);
	tcase_add_loop_test(
	    damaged, overwritten_database_is_a_store_error_until_it_is_back, 0, ways);
	tcase_add_test(damaged, good_database_may_come_back_in_place);
	tcase_add_loop_test(damaged, damaged_page_at_start_lets_nothing_pass, 0,
	    suite_at_length() ? DAMAGED_STARTS : DAMAGED_STARTS / 4);
	tcase_add_unchecked_fixture(replaced, policy_make, NULL);
	tcase_add_checked_fixture(replaced, setup, teardown);
	if (suite_at_length()) {
		tcase_add_test(
		    replaced, older_copy_written_over_the_database_loses_no_denial);
		tcase_add_test(
		    replaced, older_copy_renamed_over_the_database_loses_no_denial);
	}
	tcase_add_test(replaced, foreign_file_is_refused);
	tcase_add_test(replaced, newer_format_is_refused);
	return suite_run(suite);
}
