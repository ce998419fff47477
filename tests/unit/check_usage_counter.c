/* SPDX-License-Identifier: BSD-2-Clause */
/* check_usage_counter.c - counting submissions in memory: sums, room, threads. */
#include "milter/usage_counter.h"
#include "tests/lib/suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOON INT64_C(1796126400) /* 2026-12-01 12:00 UTC */
#define DAY INT64_C(86400)

enum { MANY = 50000, THREADS = 4, ROUNDS = 20000, LOGINS = 1000 };

static struct usage_counter counter;

static void
setup(void)
{
	ck_assert_int_eq(usage_counter_start(&counter), OK);
}

static struct login
login_numbered(unsigned n)
{
	struct login login;
	char text[40];

	snprintf(text, sizeof(text), "user%u@a.test", n);
	ck_assert_int_eq(login_from_normal(text, strlen(text), &login), OK);
	return login;
}

/* What the MTA says of a submission, who it is, and what that counts as. */
struct event {
	const struct login *login;
	enum usage_kind kind;
	const char *client, *mechanism, *tls;
	instant now;
	bool stranger;
};

/* event_add - what usage_counter_add() said */
static bool
event_add(const struct event *e)
{
	static const struct decision decisions[] = {
	    [USAGE_ALLOWED] = {.verdict = VERDICT_ALLOW,
		.reason = REASON_TENANT_ENABLED},
	    [USAGE_DENIED] = {.verdict = VERDICT_REJECT,
		.reason = REASON_TENANT_DISABLED},
	    [USAGE_WOULD_DENY] = {.verdict = VERDICT_REPORT,
		.reason = REASON_TENANT_DISABLED},
	    [USAGE_EXEMPT] = {
		.verdict = VERDICT_ALLOW, .reason = REASON_EXEMPT_CLIENT}};
	const struct submission s = {.client = e->client,
	    .mechanism = e->mechanism,
	    .listener = "MSA",
	    .now = e->now};
	struct outcome o;

	o.decision = decisions[e->kind];
	o.has_login = true;
	o.has_tenant = !e->stranger;
	o.has_mailbox = false;
	o.login = *e->login;
	return usage_counter_add(&counter, &s, e->tls, &o);
}

/* count - one submission of login number N */
static bool
count(unsigned n, enum usage_kind kind, instant now)
{
	const struct login login = login_numbered(n);
	const struct event event = {&login, kind, "192.0.2.1", "PLAIN", "", now, false};

	return event_add(&event);
}

/* drain_one - the only entry there is */
static struct usage_entry
drain_one(void)
{
	struct usage_entry entry;

	memset(&entry, 0, sizeof(entry));
	usage_counter_take(&counter);
	ck_assert_uint_eq(usage_counter_taken(&counter), 1);
	entry = *usage_counter_entry(&counter, 0);
	usage_counter_written(&counter, 1);
	return entry;
}

/* sum_first - the submissions of the first N entries taken, which are written then */
static uint64_t
sum_first(size_t n)
{
	struct usage_entry entry;
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		entry = *usage_counter_entry(&counter, i);
		for (int kind = 0; kind < USAGE_KINDS; kind++)
			sum += entry.day.count[kind];
	}
	usage_counter_written(&counter, n);
	return sum;
}

static uint64_t
sum_taken(void)
{
	return sum_first(usage_counter_taken(&counter));
}

/* sum_drain - empties all; returns the submissions, and their entries */
static uint64_t
sum_drain(size_t *entries)
{
	usage_counter_take(&counter);
	*entries = usage_counter_taken(&counter);
	return sum_taken();
}

static const struct {
	enum usage_kind kind;
	const char *mechanism;
	bool seen, use, password;
} kinds[] = {
    {USAGE_ALLOWED, "PLAIN", true, true, true},
    {USAGE_ALLOWED, "XOAUTH2", true, true, false},
    {USAGE_DENIED, "PLAIN", true, false, false},
    {USAGE_WOULD_DENY, "LOGIN", true, true, true},
    {USAGE_WOULD_DENY, "OAUTHBEARER", true, true, false},
    {USAGE_EXEMPT, "PLAIN", false, false, false},
};

START_TEST(each_kind_says_what_it_is)
{
	const struct login login = login_numbered(1);
	const struct event event = {&login, kinds[_i].kind, "2001:db8::1",
	    kinds[_i].mechanism, "TLSv1.3", NOON, false};
	const char *mechanism = kinds[_i].seen ? kinds[_i].mechanism : "";
	struct usage_entry e;

	ck_assert(!event_add(&event));
	ck_assert_uint_eq(counter.waiting, 1);
	e = drain_one();
	ck_assert(login_equal(&e.login, &login));
	ck_assert_int_eq(e.usage.first_seen, kinds[_i].seen ? NOON : INSTANT_NONE);
	ck_assert_int_eq(e.usage.last_seen, kinds[_i].seen ? NOON : INSTANT_NONE);
	ck_assert_int_eq(e.usage.last_use, kinds[_i].use ? NOON : INSTANT_NONE);
	ck_assert_int_eq(
	    e.usage.last_password_use, kinds[_i].password ? NOON : INSTANT_NONE);
	ck_assert_int_eq(e.usage.last_exempt, kinds[_i].seen ? INSTANT_NONE : NOON);
	ck_assert_int_eq(e.usage.has_client, kinds[_i].seen);
	ck_assert_str_eq(usage_mechanism_name(e.usage.mechanism), mechanism);
	ck_assert_str_eq(usage_tls_name(e.usage.tls), kinds[_i].seen ? "TLSv1.3" : "");
	ck_assert_uint_eq(e.day.mechanisms,
	    kinds[_i].seen ? UINT32_C(1) << usage_mechanism_code(mechanism) : 0);
	ck_assert_uint_eq(e.day.day, usage_day_of(NOON));
	for (int kind = 0; kind < USAGE_KINDS; kind++)
		ck_assert_uint_eq(e.day.count[kind], kind == (int)kinds[_i].kind);
}
END_TEST

START_TEST(client_that_is_no_address_is_none)
{
	const struct login login = login_numbered(1);
	const struct event event = {
	    &login, USAGE_ALLOWED, "local", "odd", "", NOON, false};
	struct usage_entry e;

	event_add(&event);
	e = drain_one();
	ck_assert(!e.usage.has_client);
	ck_assert_str_eq(usage_mechanism_name(e.usage.mechanism), "OTHER");
}
END_TEST

START_TEST(one_login_and_day_adds_up)
{
	struct usage_entry e;

	count(1, USAGE_ALLOWED, NOON + 1);
	count(1, USAGE_ALLOWED, NOON);
	count(1, USAGE_DENIED, NOON + 2);
	count(1, USAGE_EXEMPT, NOON + 3);
	e = drain_one();
	ck_assert_int_eq(e.usage.first_seen, NOON);
	ck_assert_int_eq(e.usage.last_seen, NOON + 2);
	ck_assert_int_eq(e.usage.last_use, NOON + 1);
	ck_assert_int_eq(e.usage.last_exempt, NOON + 3);
	ck_assert_uint_eq(e.day.count[USAGE_ALLOWED], 2);
	ck_assert_uint_eq(e.day.count[USAGE_DENIED], 1);
	ck_assert_uint_eq(e.day.count[USAGE_EXEMPT], 1);
	ck_assert_uint_eq(counter.waiting, 0);
}
END_TEST

START_TEST(days_are_apart)
{
	size_t entries;

	count(1, USAGE_ALLOWED, NOON);
	count(1, USAGE_ALLOWED, NOON + DAY);
	count(2, USAGE_ALLOWED, NOON + DAY);
	ck_assert_uint_eq(counter.waiting, 3);
	ck_assert_uint_eq(sum_drain(&entries), 3);
	ck_assert_uint_eq(entries, 3);
}
END_TEST

START_TEST(what_is_not_written_stays)
{
	struct usage_entry e;
	size_t entries;

	for (unsigned n = 0; n < 3; n++)
		count(n, USAGE_ALLOWED, NOON);
	usage_counter_take(&counter);
	count(2, USAGE_DENIED, NOON + 1); /* meanwhile */
	usage_counter_written(&counter, 2);
	ck_assert_uint_eq(usage_counter_taken(&counter), 1);
	ck_assert_uint_eq(counter.waiting, 2);
	e = *usage_counter_entry(&counter, 0);
	ck_assert_uint_eq(e.day.count[USAGE_ALLOWED], 1);
	usage_counter_written(&counter, 1);
	ck_assert_uint_eq(sum_drain(&entries), 1);
	ck_assert_uint_eq(counter.waiting, 0);
}
END_TEST

START_TEST(a_full_table_drops_and_tells)
{
	size_t entries, room;
	uint64_t dropped;
	int said = 0;

	for (unsigned n = 0; n < MANY; n++)
		said += count(n, USAGE_ALLOWED, NOON);
	ck_assert_int_eq(said, 1);
	room = counter.waiting;
	ck_assert_uint_le(room, USAGE_COUNTER_ENTRIES);
	ck_assert_uint_gt(room, USAGE_COUNTER_ENTRIES / 4 * 3);
	/* a login that is there needs no room */
	count(0, USAGE_ALLOWED, NOON);
	ck_assert_uint_eq(counter.waiting, room);
	dropped = counter.dropped;
	ck_assert_uint_eq(dropped, MANY - room);
	ck_assert_uint_eq(sum_drain(&entries), MANY + 1 - dropped);
	ck_assert_uint_eq(entries, room);
	ck_assert_uint_eq(counter.waiting, 0);
}
END_TEST

START_TEST(early_is_said_again_once_it_was_emptied)
{
	size_t entries;
	int said = 0;

	for (unsigned n = 0; n < MANY; n++)
		said += count(n, USAGE_ALLOWED, NOON);
	sum_drain(&entries);
	for (unsigned n = 0; n < USAGE_COUNTER_ENTRIES / 2; n++)
		said += count(n, USAGE_ALLOWED, NOON);
	ck_assert_int_eq(said, 1);
	for (unsigned n = 0; n < MANY; n++)
		said += count(n, USAGE_ALLOWED, NOON);
	ck_assert_int_eq(said, 2);
}
END_TEST

START_TEST(early_is_said_before_anything_is_dropped)
{
	size_t entries;
	unsigned n = 0;

	while (!count(n, USAGE_ALLOWED, NOON))
		n++;
	ck_assert_uint_eq(counter.dropped, 0);
	ck_assert_uint_eq(n + 1, USAGE_COUNTER_ENTRIES / 4 * 3);
	sum_drain(&entries);
	ck_assert_uint_eq(entries, n + 1);
}
END_TEST

START_TEST(there_is_room_while_the_other_table_is_written)
{
	size_t entries;

	for (unsigned n = 0; n < USAGE_COUNTER_ENTRIES; n++)
		count(n, USAGE_ALLOWED, NOON);
	usage_counter_take(&counter);
	for (unsigned n = 0; n < MANY; n++)
		count(n, USAGE_DENIED, NOON);
	ck_assert_uint_eq(counter.waiting, 2 * USAGE_COUNTER_ENTRIES);
	ck_assert_uint_eq(counter.dropped, MANY - USAGE_COUNTER_ENTRIES);
	ck_assert_uint_eq(sum_taken(), USAGE_COUNTER_ENTRIES);
	ck_assert_uint_eq(sum_drain(&entries), USAGE_COUNTER_ENTRIES);
}
END_TEST

/* resident - the memory of this process that is in use, in bytes */
static size_t
resident(void)
{
	unsigned long all, here;
	FILE *statm = fopen("/proc/self/statm", "r");

	ck_assert_ptr_nonnull(statm);
	ck_assert_int_eq(fscanf(statm, "%lu %lu", &all, &here), 2);
	fclose(statm);
	return here * (size_t)sysconf(_SC_PAGESIZE);
}

START_TEST(memory_is_given_back_once_it_was_written)
{
	const size_t table = USAGE_COUNTER_ENTRIES * sizeof(struct usage_entry);
	size_t entries, before = resident(), full;

	for (unsigned n = 0; n < USAGE_COUNTER_ENTRIES; n++)
		count(n, USAGE_ALLOWED, NOON);
	full = resident();
	ck_assert_uint_gt(full, before + table / 4 * 3);
	sum_drain(&entries);
	ck_assert_uint_eq(entries, USAGE_COUNTER_ENTRIES);
	ck_assert_uint_lt(resident(), full - table / 2);
	ck_assert(!count(0, USAGE_ALLOWED, NOON));
}
END_TEST

START_TEST(login_of_any_length_is_kept_whole)
{
	char text[LOGIN_MAX + 1];
	struct login login;
	struct event event = {
	    &login, USAGE_ALLOWED, "192.0.2.1", "PLAIN", "", NOON, false};
	struct usage_entry entry;

	for (size_t n = 1; n <= LOGIN_MAX; n++) {
		memset(text, 'u', n);
		if (n > 2)
			text[n / 2] = '@';
		ck_assert_int_eq(login_from_normal(text, n, &login), OK);
		ck_assert(!event_add(&event));
		text[n - 1] = 'v'; /* one that differs in its last byte */
		ck_assert_int_eq(login_from_normal(text, n, &login), OK);
		ck_assert(!event_add(&event));
		usage_counter_take(&counter);
		ck_assert_uint_eq(usage_counter_taken(&counter), 2);
		for (size_t i = 0; i < 2; i++) {
			entry = *usage_counter_entry(&counter, i);
			entry.login.text[n - 1] = 'v';
			ck_assert(login_equal(&entry.login, &login));
			ck_assert_uint_eq(entry.day.count[USAGE_ALLOWED], 1);
		}
		usage_counter_written(&counter, 2);
	}
}
END_TEST

START_TEST(the_longest_logins_have_room)
{
	char text[LOGIN_MAX + 1];
	struct login login;
	const struct event event = {
	    &login, USAGE_ALLOWED, "192.0.2.1", "PLAIN", "", NOON, false};
	struct usage_entry entry;

	for (int n = 0; n < USAGE_COUNTER_ENTRIES; n++) {
		snprintf(text, sizeof(text), "%0*d", LOGIN_MAX, n);
		ck_assert_int_eq(login_from_normal(text, LOGIN_MAX, &login), OK);
		event_add(&event);
	}
	ck_assert_uint_eq(counter.dropped, 0);
	usage_counter_take(&counter);
	entry = *usage_counter_entry(&counter, USAGE_COUNTER_ENTRIES - 1);
	ck_assert(login_equal(&entry.login, &login));
}
END_TEST

/* count_stranger - one submission of a login of no tenant, number N */
static bool
count_stranger(unsigned n, enum usage_kind kind)
{
	const struct login login = login_numbered(n);
	const struct event event = {
	    &login, kind, "192.0.2.1", "PLAIN", "TLSv1.3", NOON, true};

	return event_add(&event);
}

/* Made-up logins take no room from tenants, and none of them is lost. */
START_TEST(strangers_leave_room)
{
	uint64_t sum[3] = {0}; /* of tenants, of strangers, and of others */
	size_t rows[3] = {0};
	struct usage_entry e;
	int said = 0, of;
	bool others;

	for (unsigned n = 0; n < MANY; n++)
		said += count_stranger(2 * n, USAGE_DENIED);
	ck_assert_int_eq(said, 1);
	ck_assert_uint_le(counter.waiting, USAGE_COUNTER_ENTRIES / 2 + 1);
	for (unsigned n = 0; n < LOGINS; n++)
		count(2 * n + 1, USAGE_ALLOWED, NOON);
	ck_assert_uint_eq(counter.dropped, 0);
	usage_counter_take(&counter);
	for (size_t i = 0; i < usage_counter_taken(&counter); i++) {
		e = *usage_counter_entry(&counter, i);
		others = usage_is_others(&e.login);
		of = others ? 2 : e.usage.stranger;
		rows[of]++;
		sum[of] += e.day.count[USAGE_ALLOWED] + e.day.count[USAGE_DENIED];
		ck_assert(!others || !e.usage.has_client);
	}
	ck_assert_uint_eq(rows[0], LOGINS);
	ck_assert_uint_eq(sum[0], LOGINS);
	ck_assert_uint_eq(rows[1], USAGE_COUNTER_ENTRIES / 2);
	ck_assert_uint_eq(rows[2], 1);
	ck_assert_uint_eq(sum[1] + sum[2], MANY);
}
END_TEST

START_TEST(one_that_is_known_once_is_no_stranger)
{
	struct usage_entry e;

	count_stranger(1, USAGE_ALLOWED);
	count(1, USAGE_ALLOWED, NOON);
	count_stranger(1, USAGE_ALLOWED);
	e = drain_one();
	ck_assert(!e.usage.stranger);
	ck_assert_uint_eq(e.day.count[USAGE_ALLOWED], 3);
}
END_TEST

START_TEST(client_of_this_machine_is_noted)
{
	static const struct {
		const char *client;
		bool elsewhere;
	} cases[] = {{"127.0.0.1", false}, {"::1", false}, {"192.0.2.1", true},
	    {"local", true}, {"", true}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct login login = login_numbered(1);
		const struct event event = {
		    &login, USAGE_ALLOWED, cases[i].client, "PLAIN", "", NOON, false};

		event_add(&event);
		ck_assert_msg(drain_one().usage.elsewhere == cases[i].elsewhere, "%s",
		    cases[i].client);
	}
}
END_TEST

static atomic_bool done;

static void *
count_many(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg;

	for (int i = 0; i < ROUNDS; i++)
		count((unsigned)rand_r(&seed) % LOGINS,
		    (enum usage_kind)(i % USAGE_KINDS), NOON);
	return NULL;
}

/* drain_many - in parts, as the writer does */
static void *
drain_many(void *arg)
{
	uint64_t *sum = arg;

	while (!atomic_load(&done)) {
		size_t n = usage_counter_taken(&counter);

		if (n == 0)
			usage_counter_take(&counter);
		else
			*sum += sum_first((n + 1) / 2);
	}
	return NULL;
}

START_TEST(threads_lose_no_count)
{
	pthread_t counting[THREADS], draining;
	uint64_t sum = 0;
	size_t entries;

	ck_assert_int_eq(pthread_create(&draining, NULL, drain_many, &sum), 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&counting[i], NULL, count_many, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(counting[i], NULL);
	atomic_store(&done, true);
	pthread_join(draining, NULL);
	sum += sum_taken();
	sum += sum_drain(&entries);
	ck_assert_uint_eq(sum + counter.dropped, (uint64_t)THREADS * ROUNDS);
	ck_assert_uint_eq(counter.waiting, 0);
}
END_TEST

START_TEST(nothing_is_counted_before_the_start)
{
	for (unsigned n = 0; n < MANY; n++)
		ck_assert(!count(n, USAGE_ALLOWED, NOON));
	usage_counter_take(&counter);
	ck_assert_uint_eq(counter.waiting, 0);
	ck_assert_uint_eq(counter.dropped, 0);
	ck_assert_uint_eq(usage_counter_taken(&counter), 0);
}
END_TEST

START_TEST(what_has_no_login_or_counts_as_nothing_is_not_counted)
{
	const struct submission s = {
	    .login = "x", .login_len = 1, .client = "", .mechanism = "", .now = NOON};
	struct outcome o = {
	    .decision = {.verdict = VERDICT_REJECT, .reason = REASON_INVALID_LOGIN}};

	ck_assert(!usage_counter_add(&counter, &s, "", &o));
	o.decision.reason = REASON_STORE_ERROR;
	ck_assert(!usage_counter_add(&counter, &s, "", &o));
	ck_assert_uint_eq(counter.dropped, 0);
	o.decision.verdict = VERDICT_ALLOW; /* it passed unseen */
	ck_assert(!usage_counter_add(&counter, &s, "", &o));
	ck_assert_uint_eq(counter.dropped, 1);
	ck_assert_uint_eq(counter.waiting, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("usage_counter");
	TCase *counts = suite_add_case(suite, "counts");
	TCase *off = suite_add_case(suite, "off");

	tcase_add_checked_fixture(counts, setup, NULL);
	tcase_add_loop_test(
	    counts, each_kind_says_what_it_is, 0, sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_test(counts, client_that_is_no_address_is_none);
	tcase_add_test(counts, one_login_and_day_adds_up);
	tcase_add_test(counts, days_are_apart);
	tcase_add_test(counts, what_is_not_written_stays);
	tcase_add_test(counts, a_full_table_drops_and_tells);
	tcase_add_test(counts, early_is_said_again_once_it_was_emptied);
	tcase_add_test(counts, early_is_said_before_anything_is_dropped);
	tcase_add_test(counts, there_is_room_while_the_other_table_is_written);
	tcase_add_test(counts, memory_is_given_back_once_it_was_written);
	tcase_add_test(counts, login_of_any_length_is_kept_whole);
	tcase_add_test(counts, the_longest_logins_have_room);
	tcase_add_test(counts, what_has_no_login_or_counts_as_nothing_is_not_counted);
	tcase_add_test(counts, strangers_leave_room);
	tcase_add_test(counts, one_that_is_known_once_is_no_stranger);
	tcase_add_test(counts, client_of_this_machine_is_noted);
	tcase_add_test(counts, threads_lose_no_count);
	tcase_add_test(off, nothing_is_counted_before_the_start);
	return suite_run(suite);
}
