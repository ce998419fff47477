/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_writers.c - smtpauthctl writes in a loop while 200 connections ask. */
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/log_line.h"
#include "tests/lib/sample_policy.h"
#include "tests/lib/suite.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	WORKERS = 8,
	CONNECTIONS = 25, /* of each worker: 200 together */
	CHANGES = 60,
	CHANGES_SLOW = 20,
	WORKER_LIMIT = 20000,
	PAGE = 4096,
	RECORD = 1024 /* more than a mailbox and its audit entry take */
};

#define TOGGLED "toggled@open.test"
#define WORDS_TOGGLED WORDS_DISABLED "mailbox " TOGGLED

/* What the workers and the test know of each other, in shared memory. */
struct report {
	atomic_bool stop;
	atomic_int ready; /* workers that have had every connection answered */
	atomic_long asked;
	atomic_bool wrong;
	char explanation[1024]; /* of the first wrong answer */
};

/* Logins that no change touches, and their one right answer (NULL: accept). */
static const struct {
	const char *login, *words;
} untouched[] = {
    {"user@open.test", NULL},
    {"user@shut.test", WORDS_SHUT},
    {"on@shut.test", NULL},
    {"off@open.test", WORDS_DISABLED "mailbox off@open.test"},
    {"held@open.test", WORDS_LOCKED "mailbox held@open.test"},
    {"user@unknown.test", NULL},
};

enum { UNTOUCHED = sizeof(untouched) / sizeof(untouched[0]) };

static struct instance instance;
static struct report *report;

static void
setup(void)
{
	sample_policy_open(&instance);
	instance_do(&instance, "mailbox set on@shut.test --smtp-auth enabled");
	instance_do(&instance, "mailbox set off@open.test --smtp-auth disabled");
	instance_do(&instance, "mailbox set " TOGGLED " --smtp-auth enabled");
	instance_do(&instance, "mailbox lock held@open.test");
	instance_start(&instance);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(report, MAP_FAILED);
}

static void
teardown(void)
{
	instance_close(&instance);
}

/* answer_wrong - why an answer is not the given one, or NULL when it is */
static const char *
answer_wrong(const struct mta_reply *reply, const char *words)
{
	return words == NULL ? reply_not_accept(reply) : reply_not_denial(reply, words);
}

/* answer_report - stops everything at the first wrong answer */
static void
answer_report(const char *login, const char *explanation)
{
	if (explanation == NULL || atomic_exchange(&report->wrong, true))
		return;
	snprintf(report->explanation, sizeof(report->explanation), "%s: %.900s", login,
	    explanation);
	atomic_store(&report->stop, true);
}

/* connection_ask - asks one question, a different one in each turn */
static void
connection_ask(struct mta *mta, int turn)
{
	int which = turn % (UNTOUCHED + 1);
	struct mail_from mail =
	    mail_from_by(which < UNTOUCHED ? untouched[which].login : TOGGLED);
	struct mta_reply reply = mail_from_ask(mta, &mail);

	atomic_fetch_add(&report->asked, 1);
	if (which < UNTOUCHED)
		answer_report(mail.login, answer_wrong(&reply, untouched[which].words));
	else if (reply.kind != MTA_ACCEPT)
		answer_report(mail.login, answer_wrong(&reply, WORDS_TOGGLED));
}

/* worker_run - asks on all connections in turn until told to stop; never returns */
static void __attribute__((noreturn)) worker_run(int number)
{
	struct mail_from first = mail_from_by(TOGGLED);
	struct mta *connections[CONNECTIONS];
	int i, turn;

	for (i = 0; i < CONNECTIONS; i++)
		connections[i] = mail_from_connect(&instance, &first);
	for (turn = number; !atomic_load(&report->stop); turn++) {
		for (i = 0; i < CONNECTIONS; i++)
			connection_ask(connections[i], turn + i);
		if (turn == number)
			atomic_fetch_add(&report->ready, 1);
	}
	for (i = 0; i < CONNECTIONS; i++)
		mta_close(&connections[i]);
	_exit(0);
}

/* workers_start - starts them and waits until all 200 connections are at work */
static void
workers_start(pid_t *workers)
{
	int64_t deadline = deadline_in(WORKER_LIMIT);
	int i;

	for (i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] == 0)
			worker_run(i);
		ck_assert_int_gt(workers[i], 0);
	}
	while (atomic_load(&report->ready) < WORKERS && !atomic_load(&report->wrong) &&
	    deadline_pause(deadline))
		;
}

/* workers_stop - stops them; each must have ended well */
static void
workers_stop(const pid_t *workers)
{
	int i;

	atomic_store(&report->stop, true);
	for (i = 0; i < WORKERS; i++)
		ck_assert_int_eq(process_wait(workers[i], WORKER_LIMIT), 0);
	ck_assert_msg(!atomic_load(&report->wrong), "%s", report->explanation);
	ck_assert_int_eq(atomic_load(&report->ready), WORKERS);
}

/* change_make - toggles the mailbox and others; the next answer must be the new one */
static void
change_make(struct mta *mta, int number)
{
	bool enable = number % 2 != 0;
	struct mail_from toggled = mail_from_by(TOGGLED);
	struct mta_reply reply;

	instance_do(
	    &instance, "mailbox set other%d@shut.test --smtp-auth enabled", number);
	instance_do(&instance, "mailbox set " TOGGLED " --smtp-auth %s",
	    enable ? "enabled" : "disabled");
	reply = mail_from_ask(mta, &toggled);
	expect_nothing_wrong(answer_wrong(&reply, enable ? NULL : WORDS_TOGGLED));
	instance_do(&instance, "mailbox remove other%d@shut.test", number);
}

START_TEST(changes_made_while_200_connections_ask)
{
	int changes = deadline_factor() > 1 ? CHANGES_SLOW : CHANGES;
	struct mail_from toggled = mail_from_by(TOGGLED);
	struct mta *mta = mail_from_connect(&instance, &toggled);
	off_t before, bound;
	pid_t workers[WORKERS];
	struct outcome outcome;
	char *log;
	int i;

	workers_start(workers);
	before = file_size(instance.database);
	for (i = 0; i < changes && !atomic_load(&report->wrong); i++)
		change_make(mta, i);
	workers_stop(workers);
	/*
	 * The data needs its records, three commands a change. The 64 pages are for
	 * those that a commit may not reuse yet because somebody is reading: a commit
	 * writes about 6, and only the last few snapshots are in use. A reader slot
	 * that stays behind would cost 6 pages for each of the 3 commands of a change.
	 */
	bound = before + (off_t)changes * 3 * RECORD + 64 * PAGE;
	ck_assert_int_le(file_size(instance.database), bound);
	ck_assert_int_gt(atomic_load(&report->asked), WORKERS * CONNECTIONS);
	ck_assert_int_eq(instance_ctl(&instance, &outcome, "verify"), 0);
	log = instance_log(&instance);
	ck_assert_ptr_null(strstr(log, "store-error"));
	free(log);
	mta_close(&mta);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter_writers");
	TCase *writers = suite_add_case(suite, "writers");

	tcase_add_checked_fixture(writers, setup, teardown);
	tcase_add_test(writers, changes_made_while_200_connections_ask);
	return suite_run(suite);
}
