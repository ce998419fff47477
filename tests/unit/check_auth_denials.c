/* SPDX-License-Identifier: BSD-2-Clause */
/* check_auth_denials.c - refusals at AUTH are counted in bounded memory, and written
 * beside another process that may be killed. */
#include "milter/auth/auth_denials.h"
#include "policy/db/guard.h"
#include "policy/usage/auth_denied_table.h"
#include "policy/usage/usage_database.h"
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/usage_image.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW INT64_C(1796126400) /* 2026-12-01 12:00 UTC */
#define DAY INT64_C(86400)

/* A sanitizer keeps what was freed, and more for each byte. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MEMORY_IS_OURS = false };
#else
enum { MEMORY_IS_OURS = true };
#endif

enum {
	NEVER_S = 100000,
	STOP_MS = 60000,
	THREADS = 4,
	ROUNDS = 20000,
	GUESSES = 1000000,
	KILLS = 20,
	KILLS_SAMPLED = 5,
	ENTRIES = 50,
	TOLD_A_USE = 100
};

static struct state state;
static struct auth_denials denials;

static void
open_folder(void)
{
	struct db *db = usage_image_open(&state);

	guard_install();
	db_close(&db);
}

static void
start(unsigned flush_s)
{
	memset(&denials, 0, sizeof denials);
	expect_ok(auth_denials_start(&denials, state.dir, flush_s));
}

/* refused - a login of a tenant, of which the policy may have a record */
static struct outcome
refused(const char *login, bool known)
{
	struct outcome o = {.has_login = true, .has_tenant = true};

	o.decision = (struct decision){
	    .verdict = VERDICT_REJECT, .reason = REASON_TENANT_DISABLED};
	o.has_mailbox = known;
	o.login = login_make(login);
	return o;
}

static void
refuse(const char *login, instant now)
{
	struct outcome o = refused(login, false);

	auth_denials_add(&denials, &o, "192.0.2.7", now);
}

static struct auth_denials_report
report(void)
{
	struct auth_denials_report r;

	auth_denials_report(&denials, &r);
	return r;
}

static void
wait_recorded(uint64_t n)
{
	int64_t deadline = deadline_in(20000);

	while (report().recorded < n)
		if (!deadline_pause(deadline))
			ck_abort_msg("%llu of %llu recorded",
			    (unsigned long long)report().recorded,
			    (unsigned long long)n);
}

/* What the database holds. */
struct sums {
	uint64_t all, others, usage;
	size_t rows;
	struct auth_denied last; /* of the row that was named */
	const char *name;
};

static enum error
add_row(void *arg, const struct usage_row *row)
{
	struct sums *s = arg;

	for (size_t i = 0; i < row->days; i++)
		s->usage += row->day[i].count[USAGE_DENIED];
	if (row->auth_denied == NULL)
		return OK;
	s->rows++;
	s->all += auth_denied_count(row->auth_denied, 0);
	if (usage_is_others(&row->login))
		s->others = auth_denied_count(row->auth_denied, 0);
	if (s->name != NULL && strcmp(row->login.text, s->name) == 0)
		s->last = *row->auth_denied;
	return OK;
}

static struct sums
read_sums(const char *name)
{
	struct sums s = {.name = name};
	struct error_text why = {.text = ""};
	struct db_txn *txn;
	struct db *db;

	expect_ok(usage_database_open(&db, state.dir, false, &why));
	expect_ok(db_begin(db, false, &txn));
	expect_ok(usage_database_each(txn, add_row, &s));
	db_abort(&txn);
	db_close(&db);
	return s;
}

START_TEST(nothing_before_start)
{
	struct outcome o = refused("a@a.test", true);

	memset(&denials, 0, sizeof denials);
	auth_denials_add(&denials, &o, "", NOW);
	ck_assert_uint_eq(report().recorded + report().dropped + report().waiting, 0);
	ck_assert(report().written == INSTANT_NONE);
	auth_denials_stop(&denials, STOP_MS);
}
END_TEST

START_TEST(written_at_the_end)
{
	struct sums s;

	open_folder();
	start(NEVER_S);
	refuse("a@a.test", NOW);
	refuse("a@a.test", NOW + DAY);
	refuse("b@a.test", NOW);
	ck_assert_uint_eq(report().waiting, 3);
	ck_assert_uint_eq(report().recorded, 0);
	auth_denials_stop(&denials, STOP_MS);
	ck_assert_uint_eq(report().recorded, 3);
	ck_assert_uint_eq(report().guessed, 2);
	ck_assert_uint_eq(report().waiting + report().dropped + report().failures, 0);
	ck_assert(report().written != INSTANT_NONE);
	s = read_sums("a@a.test");
	ck_assert_uint_eq(s.rows, 2);
	ck_assert_uint_eq(s.all, 3);
	ck_assert_uint_eq(s.last.days, 2);
	ck_assert_int_eq(s.last.last, NOW + DAY);
	ck_assert(s.last.has_client && s.last.guessed);
}
END_TEST

/* Only a login that the policy rejects; names of no tenant are one counter. */
START_TEST(what_counts)
{
	struct outcome o = refused("a@a.test", false);
	struct sums s;

	open_folder();
	start(NEVER_S);
	for (int v = VERDICT_PASS; v < VERDICT_REJECT; v++) {
		o.decision.verdict = (enum verdict)v;
		auth_denials_add(&denials, &o, "192.0.2.7", NOW);
	}
	o.decision = decision_store_error(ACTION_REJECT);
	auth_denials_add(&denials, &o, "192.0.2.7", NOW);
	ck_assert_uint_eq(report().waiting, 0);
	o = refused("a@nobody.test", false);
	o.decision.reason = REASON_UNKNOWN_TENANT;
	o.has_tenant = false;
	auth_denials_add(&denials, &o, "192.0.2.7", NOW);
	o.has_login = false;
	o.decision.reason = REASON_INVALID_LOGIN;
	auth_denials_add(&denials, &o, "192.0.2.8", NOW + 1);
	ck_assert_uint_eq(report().waiting, 1);
	auth_denials_stop(&denials, STOP_MS);
	s = read_sums("");
	ck_assert_uint_eq(s.rows, 1);
	ck_assert_uint_eq(s.others, 2);
	ck_assert(!s.last.has_client && s.last.last == NOW + 1);
	ck_assert_uint_eq(report().others, 2);
	ck_assert_uint_eq(report().guessed, 0);
}
END_TEST

/* Nobody waits for the next flush when much has been counted. */
START_TEST(hurries_when_full)
{
	char name[40];

	open_folder();
	start(NEVER_S);
	for (int i = 0; i < DENIAL_COUNTER_GUESSES / 4 * 3; i++) {
		snprintf(name, sizeof name, "guess%d@a.test", i);
		refuse(name, NOW);
	}
	wait_recorded(DENIAL_COUNTER_GUESSES / 4 * 3);
	auth_denials_stop(&denials, STOP_MS);
	ck_assert_uint_eq(read_sums(NULL).rows, DENIAL_COUNTER_GUESSES / 4 * 3);
}
END_TEST

/* resident - of this process, in kB */
static long
resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size, pages;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &pages), 2);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/*
 * With no database a million guessed names take a fixed memory, a mailbox of the policy
 * still has its own counter, no refusal is lost, and all is written once there is a
 * folder.
 */
START_TEST(memory_is_bounded)
{
	char usage[STATE_PATH + 10], name[40];
	struct outcome known = refused("known@a.test", true);
	struct sums s;
	long before, after;

	guard_install();
	state_open(&state);
	start(1);
	before = resident();
	for (int i = 0; i < GUESSES; i++) {
		snprintf(name, sizeof name, "guess%d@a.test", i);
		refuse(name, NOW);
	}
	auth_denials_add(&denials, &known, "192.0.2.9", NOW);
	after = resident();
	printf("# %d guessed names: %ld kB of memory\n", GUESSES, after - before);
	if (MEMORY_IS_OURS)
		ck_assert_int_le(after - before, 12 * 1024);
	ck_assert_uint_eq(report().dropped, 0);
	ck_assert_uint_le(report().waiting, 2 * DENIAL_COUNTER_ENTRIES);
	while (report().failures < 2)
		usleep(1000);
	snprintf(usage, sizeof usage, "%s/usage", state.dir);
	ck_assert_int_eq(mkdir(usage, 0700), 0);
	wait_recorded(GUESSES + 1);
	auth_denials_stop(&denials, STOP_MS);
	s = read_sums("known@a.test");
	ck_assert_uint_eq(s.all, GUESSES + 1);
	ck_assert_uint_eq(auth_denied_count(&s.last, 0), 1);
	ck_assert(!s.last.guessed && s.last.has_client);
	ck_assert_uint_le(s.rows, 2 * DENIAL_COUNTER_GUESSES + 2);
	ck_assert_uint_eq(report().others, s.others);
}
END_TEST

/* What has no room for days is dropped, and told. */
START_TEST(dropped_at_last)
{
	guard_install();
	state_open(&state);
	start(NEVER_S);
	for (int i = 0; i < 3 * DENIAL_COUNTER_ENTRIES; i++) {
		struct outcome o = refused("known@a.test", true);

		auth_denials_add(&denials, &o, "", NOW + i * DAY);
	}
	ck_assert_uint_gt(report().dropped, 0);
	auth_denials_stop(&denials, STOP_MS);
	ck_assert_uint_gt(report().failures, 0);
	ck_assert_uint_gt(report().waiting, 0);
	ck_assert_uint_eq(report().recorded, 0);
}
END_TEST

/* A database that is damaged is left alone, and a new one is begun where it was. */
START_TEST(damaged_and_moved_away)
{
	char path[STATE_PATH + 20], old[STATE_PATH + 30];
	struct sums s;
	FILE *file;

	open_folder();
	start(1);
	refuse("a@a.test", NOW);
	wait_recorded(1);
	snprintf(path, sizeof path, "%s/usage/usage.mdb", state.dir);
	file = fopen(path, "r+");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, 2 * 4096L, SEEK_SET), 0);
	for (int i = 0; i < 6 * 4096; i++)
		fputc(0xff, file);
	fclose(file);
	refuse("b@a.test", NOW);
	while (report().failures == 0)
		usleep(1000);
	ck_assert_uint_eq(report().recorded, 1);
	snprintf(old, sizeof old, "%s.old", path);
	ck_assert_int_eq(rename(path, old), 0);
	refuse("c@a.test", NOW);
	wait_recorded(3);
	auth_denials_stop(&denials, STOP_MS);
	s = read_sums("b@a.test");
	ck_assert_uint_eq(s.all, 2);
	ck_assert_uint_eq(auth_denied_count(&s.last, 0), 1);
}
END_TEST

static void *
refuse_many(void *arg)
{
	char name[40];

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof name, "u%d@a.test", i % ENTRIES);
		refuse(name, NOW + *(int *)arg);
	}
	return NULL;
}

START_TEST(threads_lose_nothing)
{
	pthread_t thread[THREADS];
	int number[THREADS];

	open_folder();
	start(1);
	for (int i = 0; i < THREADS; i++) {
		number[i] = i;
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, refuse_many, &number[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	auth_denials_stop(&denials, STOP_MS);
	ck_assert_uint_eq(report().recorded, (uint64_t)THREADS * ROUNDS);
	ck_assert_uint_eq(read_sums(NULL).all, (uint64_t)THREADS * ROUNDS);
}
END_TEST

/* deny_for_ever - in a process of its own: writes all the time, and tells how much */
static void
deny_for_ever(int to)
{
	char name[40];

	memset(&denials, 0, sizeof denials);
	if (auth_denials_start(&denials, state.dir, 0) != OK)
		_exit(1);
	for (uint64_t i = 0;; i++) {
		uint64_t recorded = report().recorded;

		snprintf(name, sizeof name, "u%u@a.test", (unsigned)(i % ENTRIES));
		refuse(name, NOW);
		if (write(to, &recorded, sizeof recorded) != sizeof recorded)
			_exit(1);
	}
}

/* use - as the milter adds a submission to the database */
static void
use(struct db *db)
{
	struct usage_entry e = {.login = login_make("u1@a.test"),
	    .usage = usage_image_seen(NOW, "192.0.2.1", "PLAIN"),
	    .day = {usage_day_of(NOW), {0, 1}, 4}};
	struct db_txn *txn;

	expect_ok(db_begin(db, true, &txn));
	expect_ok(usage_database_add(txn, &e));
	expect_ok(db_commit(&txn));
}

/* until_recorded - reads what the child tells, and writes meanwhile; its last number */
static uint64_t
until_recorded(int from, struct db *db, uint64_t least, uint64_t *uses)
{
	uint64_t recorded = 0;

	for (unsigned told = 1; recorded < least; told++) {
		ck_assert_int_eq(
		    read(from, &recorded, sizeof recorded), sizeof recorded);
		if (told % TOLD_A_USE != 0)
			continue;
		use(db);
		++*uses;
	}
	return recorded;
}

/*
 * Two processes write the database at once, and one of them is killed at any point: the
 * other goes on, and what either has committed is there.
 */
START_TEST(two_processes)
{
	const int kills = suite_at_length() ? KILLS : KILLS_SAMPLED;
	uint64_t least = 0, uses = 0;
	struct sums s;
	struct db *db;

	db = usage_image_open(&state);
	for (int i = 0; i < kills; i++) {
		int ends[2];
		pid_t child;

		ck_assert_int_eq(pipe(ends), 0);
		child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0)
			deny_for_ever(ends[1]);
		close(ends[1]);
		least += until_recorded(ends[0], db, 500 + 37 * i, &uses);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		close(ends[0]);
		use(db); /* does not wait for the dead */
		uses++;
	}
	db_close(&db);
	s = read_sums(NULL);
	printf(
	    "# %d writers killed: %llu refusals told, %llu stored, %llu submissions\n",
	    kills, (unsigned long long)least, (unsigned long long)s.all,
	    (unsigned long long)uses);
	ck_assert_uint_ge(s.all, least);
	ck_assert_uint_eq(s.usage, uses);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auth_denials");
	TCase *tcase = state_add_case(suite, "auth_denials");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, nothing_before_start);
	tcase_add_test(tcase, written_at_the_end);
	tcase_add_test(tcase, what_counts);
	tcase_add_test(tcase, hurries_when_full);
	tcase_add_test(tcase, memory_is_bounded);
	tcase_add_test(tcase, dropped_at_last);
	tcase_add_test(tcase, damaged_and_moved_away);
	tcase_add_test(tcase, threads_lose_nothing);
	tcase_add_test(tcase, two_processes);
	return suite_run(suite);
}
