/* SPDX-License-Identifier: BSD-2-Clause */
/* check_auth_denied.c - refusals at AUTH: how they add up, their rows, and that guessed
 * names are bounded. */
#include "policy/usage/auth_denied_table.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_key.h"
#include "policy/usage/usage_prune.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/usage_image.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DAY INT64_C(86400)
#define TODAY 20000
#define NOW (INT64_C(20000) * DAY + 3600)

enum { GUESSES = 1000000, GUESSES_SAMPLED = 60000, BATCH = 20000 };

/* Refusals of LOGIN ("": others) on DAY. */
static struct auth_denied_entry
entry_make(const char *login, uint32_t day, uint32_t count)
{
	struct auth_denied_entry e = {.day = day, .count = count};

	if (*login != '\0')
		e.login = login_make(login);
	e.last = day * DAY;
	return e;
}

/* refuse - and whether it went to the others */
static bool
refuse(struct db_txn *txn, const char *login, uint32_t day, uint32_t count)
{
	struct auth_denied_entry e = entry_make(login, day, count);
	bool others;

	expect_ok(auth_denied_table_add(txn, &e, &others));
	return others;
}

static uint32_t
count_guessed(struct db_txn *txn)
{
	uint32_t n;

	expect_ok(auth_denied_table_count_guessed(txn, &n));
	return n;
}

/* find - the row of LOGIN; false: there is none */
static bool
find(struct db_txn *txn, const char *login, struct auth_denied *out_r)
{
	struct auth_denied_table_walk w;
	enum error e;
	bool found = false;

	for (e = auth_denied_table_start(&w, txn); e == OK && w.found;
	     e = auth_denied_table_next(&w))
		if (strcmp(w.login.text, login) == 0) {
			found = true;
			*out_r = w.denied;
		}
	expect_ok(e);
	auth_denied_table_end(&w);
	return found;
}

static size_t
count_rows(struct db_txn *txn)
{
	struct auth_denied_table_walk w;
	size_t n = 0;
	enum error e;

	for (e = auth_denied_table_start(&w, txn); e == OK && w.found;
	     e = auth_denied_table_next(&w))
		n++;
	expect_ok(e);
	auth_denied_table_end(&w);
	return n;
}

static void
prune(struct db_txn *txn, unsigned days, uint64_t *logins_r)
{
	struct usage_prune p;

	usage_prune_start(&p, NOW, days);
	while (!p.done)
		expect_ok(usage_prune_step(txn, &p, 1000));
	*logins_r = p.denied.logins;
}

START_TEST(last_one_counts)
{
	struct auth_denied d, once;
	struct auth_denied_entry e = entry_make("a@x", 7, 3);

	auth_denied_init(&d);
	ck_assert(d.last == INSTANT_NONE && d.days == 0);
	e.has_client = cidr_ip_parse("192.0.2.7", &e.client);
	auth_denied_add_entry(&d, &e, true);
	once = d;
	e.last -= 9;
	e.day = 6;
	e.count = UINT32_MAX;
	ck_assert(cidr_ip_parse("192.0.2.8", &e.client));
	auth_denied_add_entry(&d, &e, true);
	ck_assert_int_eq(d.last, 7 * DAY);
	ck_assert_mem_eq(&d.client, &once.client, sizeof d.client);
	ck_assert(d.guessed);
	ck_assert_uint_eq(auth_denied_count(&d, 7), 3);
	ck_assert_uint_eq(auth_denied_count(&d, 0), UINT64_C(3) + UINT32_MAX);
	auth_denied_add_entry(&d, &e, false); /* a count stops, and a guess ends */
	ck_assert_uint_eq(auth_denied_count(&d, 0), UINT64_C(3) + UINT32_MAX);
	ck_assert(!d.guessed);
	auth_denied_add_entry(&d, &e, true);
	ck_assert(!d.guessed);
	auth_denied_forget(&d, 7);
	ck_assert_uint_eq(d.days, 1);
	ck_assert_uint_eq(auth_denied_count(&d, 0), 3);
}
END_TEST

/* Days in any order are kept in order; of too many the oldest go. */
START_TEST(days_are_bounded)
{
	enum { DAYS = AUTH_DENIED_DAYS_MAX + 50, STEP = 7 }; /* without a divisor */
	uint8_t buf[AUTH_DENIED_BYTES_MAX];
	struct auth_denied d, back;
	struct record_writer w;

	auth_denied_init(&d);
	for (uint32_t i = 0; i < 2 * DAYS; i++) {
		struct auth_denied_entry e =
		    entry_make("a@x", 1000 + i * STEP % DAYS, 2);

		auth_denied_add_entry(&d, &e, false);
	}
	ck_assert_uint_eq(d.days, AUTH_DENIED_DAYS_MAX);
	for (uint32_t i = 0; i < d.days; i++) {
		ck_assert_uint_eq(d.day[i].day, 1050 + i);
		ck_assert_uint_eq(d.day[i].count, 4);
	}
	d.has_client = cidr_ip_parse("192.0.2.7", &d.client);
	record_write_start(&w, buf, sizeof buf);
	auth_denied_encode(&d, &w);
	ck_assert(!w.failed);
	expect_ok(auth_denied_decode((struct bytes){w.at, w.len}, &back));
	ck_assert_mem_eq(&back, &d, sizeof d);
}
END_TEST

START_TEST(damage)
{
	uint8_t buf[AUTH_DENIED_BYTES_MAX];
	struct auth_denied_entry e = entry_make("a@x", 7, 3);
	struct auth_denied d;
	struct record_writer w;

	auth_denied_init(&d);
	auth_denied_add_entry(&d, &e, true);
	e.day++;
	auth_denied_add_entry(&d, &e, true);
	record_write_start(&w, buf, sizeof buf);
	auth_denied_encode(&d, &w);
	for (size_t n = 0; n < w.len; n++)
		expect_error(
		    ERR_DAMAGED, auth_denied_decode((struct bytes){buf, n}, &d));
	expect_error(
	    ERR_DAMAGED, auth_denied_decode((struct bytes){buf, w.len + 1}, &d));
	buf[0] = 2;
	expect_error(ERR_NEWER, auth_denied_decode((struct bytes){buf, w.len}, &d));
	buf[0] = 1;
	buf[9] = 4; /* an unknown flag */
	expect_error(ERR_DAMAGED, auth_denied_decode((struct bytes){buf, w.len}, &d));
	buf[9] = 2;
	buf[1] = 0x80; /* INSTANT_NONE, or before it all */
	expect_error(ERR_DAMAGED, auth_denied_decode((struct bytes){buf, w.len}, &d));
	buf[1] = 0;
	expect_ok(auth_denied_decode((struct bytes){buf, w.len}, &d));
	buf[w.len - 5] = 7; /* the same day twice */
	expect_error(ERR_DAMAGED, auth_denied_decode((struct bytes){buf, w.len}, &d));
}
END_TEST

START_TEST(rows)
{
	struct auth_denied d = {0};
	struct state state;
	struct db_txn *txn;
	struct db *db = usage_image_open(&state);

	expect_ok(db_begin(db, true, &txn));
	ck_assert(!refuse(txn, "zoe@a.test", TODAY, 2));
	ck_assert(!refuse(txn, "zoe@a.test", TODAY + 1, 3));
	ck_assert(!refuse(txn, "ann@b.test", TODAY, 1));
	ck_assert(refuse(txn, "", TODAY, 70));
	ck_assert(refuse(txn, "", TODAY, 7));
	ck_assert_uint_eq(count_guessed(txn), 2);
	ck_assert_uint_eq(count_rows(txn), 3);
	ck_assert(find(txn, "zoe@a.test", &d) && d.guessed);
	ck_assert_uint_eq(auth_denied_count(&d, 0), 5);
	ck_assert_int_eq(d.last, (TODAY + 1) * DAY);
	ck_assert(find(txn, "", &d) && !d.guessed && !d.has_client);
	ck_assert_uint_eq(auth_denied_count(&d, 0), 77);
	db_abort(&txn);
	db_close(&db);
}
END_TEST

/* A name is no guess any more once the policy or the usage has it. */
START_TEST(known_names)
{
	struct auth_denied_entry e = entry_make("has@a.test", TODAY, 1);
	struct usage_entry used = {.login = login_make("used@a.test"),
	    .usage = usage_image_seen(NOW, "192.0.2.1", "PLAIN"),
	    .day = {TODAY, {1}, 4}};
	struct auth_denied d = {0};
	struct state state;
	struct db_txn *txn;
	struct db *db = usage_image_open(&state);
	bool others;

	expect_ok(db_begin(db, true, &txn));
	refuse(txn, "has@a.test", TODAY, 1);
	refuse(txn, "used@a.test", TODAY, 1);
	ck_assert_uint_eq(count_guessed(txn), 2);
	e.known = true;
	expect_ok(auth_denied_table_add(txn, &e, &others));
	ck_assert_uint_eq(count_guessed(txn), 1);
	expect_ok(usage_database_add(txn, &used));
	refuse(txn, "used@a.test", TODAY, 1);
	ck_assert_uint_eq(count_guessed(txn), 0);
	ck_assert(find(txn, "used@a.test", &d) && !d.guessed);
	refuse(txn, "has@a.test", TODAY, 1);
	ck_assert_uint_eq(count_guessed(txn), 0);
	db_abort(&txn);
	db_close(&db);
}
END_TEST

/* guess_all - N names, in commits as a daemon makes them; returns the size of the file
 */
static int64_t
guess_all(struct db *db, const struct state *state, size_t n)
{
	struct db_txn *txn;
	char path[STATE_PATH + 20], name[40];
	struct stat st;

	for (size_t i = 0; i < n;) {
		expect_ok(db_begin(db, true, &txn));
		for (size_t end = i + BATCH; i < end && i < n; i++) {
			snprintf(name, sizeof name, "guess%zu@a.test", i);
			ck_assert(refuse(txn, name, TODAY, 1) ==
			    (i >= AUTH_DENIED_GUESSED_MAX));
		}
		expect_ok(db_commit(&txn));
	}
	snprintf(path, sizeof path, "%s/usage/usage.mdb", state->dir);
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

/*
 * However many names are guessed, the file has a bounded number of them; a name that is
 * known has its row all the same, and no refusal is lost.
 */
START_TEST(guesses_are_bounded)
{
	const size_t n = suite_at_length() ? GUESSES : GUESSES_SAMPLED;
	struct auth_denied d = {0};
	struct auth_denied_entry e = entry_make("known@a.test", TODAY, 1);
	struct state state;
	struct db_txn *txn;
	struct db *db = usage_image_open(&state);
	int64_t size, full = guess_all(db, &state, AUTH_DENIED_GUESSED_MAX);
	bool others;

	size = guess_all(db, &state, n);
	printf("# %zu guessed names: %lld kB in the file, %lld kB after the first %d\n",
	    n, (long long)size / 1024, (long long)full / 1024, AUTH_DENIED_GUESSED_MAX);
	ck_assert_int_le(size, 3 * full); /* pages that a commit copies, too */
	expect_ok(db_begin(db, true, &txn));
	e.known = true;
	expect_ok(auth_denied_table_add(txn, &e, &others));
	ck_assert(!others);
	ck_assert_uint_eq(count_guessed(txn), AUTH_DENIED_GUESSED_MAX);
	ck_assert_uint_eq(count_rows(txn), AUTH_DENIED_GUESSED_MAX + 2);
	ck_assert(find(txn, "", &d));
	/* the first names came twice, and found their rows */
	ck_assert_uint_eq(auth_denied_count(&d, 0), n - AUTH_DENIED_GUESSED_MAX);
	db_abort(&txn);
	db_close(&db);
}
END_TEST

START_TEST(retention)
{
	struct auth_denied d = {0};
	struct state state;
	struct db_txn *txn;
	struct db *db = usage_image_open(&state);
	uint64_t logins;

	expect_ok(db_begin(db, true, &txn));
	refuse(txn, "old@a.test", TODAY - 31, 1);
	refuse(txn, "edge@a.test", TODAY - 30, 1);
	refuse(txn, "both@a.test", TODAY - 31, 5);
	refuse(txn, "both@a.test", TODAY, 2);
	refuse(txn, "", TODAY - 31, 9);
	prune(txn, 30, &logins);
	ck_assert_uint_eq(logins, 2);
	ck_assert_uint_eq(count_rows(txn), 2);
	ck_assert_uint_eq(count_guessed(txn), 2);
	ck_assert(find(txn, "both@a.test", &d));
	ck_assert_uint_eq(auth_denied_count(&d, 0), 2);
	ck_assert(find(txn, "edge@a.test", &d));
	prune(txn, 30, &logins);
	ck_assert_uint_eq(logins, 0);
	db_abort(&txn);
	db_close(&db);
}
END_TEST

/*
 * After one great attack new names get rows again soon: guesses are forgotten after a
 * week while they take more than half of the rows. Known names are not.
 */
START_TEST(guesses_give_way)
{
	enum { HALF = AUTH_DENIED_GUESSED_MAX / 2 };
	struct auth_denied_entry e = entry_make("known@a.test", TODAY - 20, 1);
	struct auth_denied d = {0};
	struct state state;
	struct db_txn *txn;
	struct db *db = usage_image_open(&state);
	uint64_t logins;
	char name[40];
	bool others;

	expect_ok(db_begin(db, true, &txn));
	e.known = true;
	expect_ok(auth_denied_table_add(txn, &e, &others));
	for (int i = 0; i < HALF - 1; i++) {
		snprintf(name, sizeof name, "guess%d@a.test", i);
		refuse(txn, name, TODAY - 20, 1);
	}
	refuse(txn, "fresh@a.test", TODAY - AUTH_DENIED_GUESSED_DAYS, 1);
	prune(txn, 30, &logins);
	ck_assert_uint_eq(logins, 0);
	refuse(txn, "more@a.test", TODAY - 20, 1);
	prune(txn, 30, &logins);
	/* pieces look at the number anew: most rows stay once it is below the half */
	ck_assert_uint_ge(logins, 1);
	ck_assert_uint_le(count_guessed(txn), HALF);
	ck_assert_uint_eq(count_rows(txn), count_guessed(txn) + 1);
	ck_assert(find(txn, "known@a.test", &d));
	ck_assert(find(txn, "fresh@a.test", &d));
	db_abort(&txn);
	db_close(&db);
}
END_TEST

/* Keys of any length, as a file of usage or a fault may have them. */
START_TEST(keys)
{
	static uint8_t at[4 * KEY_MAX];
	struct login login = login_make("ann@a.test"), back;
	struct key key;

	usage_key_auth_denied(&key, &login);
	expect_ok(usage_key_parse_auth_denied(key_bytes(&key), &back));
	ck_assert_str_eq(back.text, "ann@a.test");
	usage_key_add_day(&key, 7);
	expect_error(ERR_DAMAGED, usage_key_parse_auth_denied(key_bytes(&key), &back));
	usage_key_login(&key, &login);
	expect_error(ERR_DAMAGED, usage_key_parse_auth_denied(key_bytes(&key), &back));
	memset(at, 'a', sizeof at);
	for (size_t n = 0; n < sizeof at; n++)
		expect_error(ERR_DAMAGED,
		    usage_key_parse_auth_denied((struct bytes){at, n}, &back));
}
END_TEST

/* What is no row of ours is damage, for a reader and for the one who prunes. */
START_TEST(damaged_rows)
{
	static const struct {
		struct key key;
		const char *value;
		size_t n;
	} cases[] = {
	    {{5, "az\0z"}, "\1", 1}, {{3, "azz"}, "", 0}, {{1, "g"}, "\1\1", 2}};

	for (size_t i = 0; i < 3; i++) {
		struct auth_denied_entry e = entry_make("z@z", TODAY, 1);
		struct usage_prune p;
		struct state state;
		struct db_txn *txn;
		struct db *db = usage_image_open(&state);
		uint32_t count;
		bool others, has;

		expect_ok(db_begin(db, true, &txn));
		expect_ok(db_put(
		    txn, &cases[i].key, (struct bytes){cases[i].value, cases[i].n}));
		usage_prune_start(&p, NOW, 30);
		expect_error(ERR_DAMAGED, usage_prune_step(txn, &p, 1000));
		if (i != 1)
			expect_error(
			    ERR_DAMAGED, auth_denied_table_add(txn, &e, &others));
		if (i != 2)
			expect_error(ERR_DAMAGED, auth_denied_table_has(txn, &has));
		else
			expect_error(
			    ERR_DAMAGED, auth_denied_table_count_guessed(txn, &count));
		db_abort(&txn);
		db_close(&db);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auth_denied");
	TCase *facts = suite_add_case(suite, "facts");
	TCase *table = state_add_case(suite, "table");

	tcase_set_timeout(table, 120);
	tcase_add_test(facts, last_one_counts);
	tcase_add_test(facts, days_are_bounded);
	tcase_add_test(facts, damage);
	tcase_add_test(facts, keys);
	tcase_add_test(table, rows);
	tcase_add_test(table, known_names);
	tcase_add_test(table, guesses_are_bounded);
	tcase_add_test(table, retention);
	tcase_add_test(table, guesses_give_way);
	tcase_add_test(table, damaged_rows);
	return suite_run(suite);
}
