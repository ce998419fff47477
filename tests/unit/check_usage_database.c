/* SPDX-License-Identifier: BSD-2-Clause */
/* check_usage_database.c - the usage database: what is added, what is damage, and what
 * is forgotten. */
#include "policy/db/db.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_prune.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/usage_image.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DAY INT64_C(86400)
#define NOW (INT64_C(20000) * DAY + 3600)

static void
add_one(struct db_txn *txn, const char *login, instant t, uint32_t n)
{
	struct usage_entry e = {.login = login_make(login),
	    .usage = usage_image_seen(t, "192.0.2.1", "PLAIN"),
	    .day = {usage_day_of(t), {n}, 4}};

	expect_ok(usage_database_add(txn, &e));
}

struct found {
	char text[4096];
	size_t rows, stop;
	uint64_t count;
	bool client;
};

static enum error
find(void *arg, const struct usage_row *row)
{
	struct found *f = arg;

	f->rows++;
	f->client = f->client || row->usage.has_client;
	snprintf(f->text + strlen(f->text), sizeof f->text - strlen(f->text),
	    "%s:", row->login.text);
	for (size_t i = 0; i < row->days; i++) {
		f->count += row->day[i].count[0];
		snprintf(f->text + strlen(f->text), sizeof f->text - strlen(f->text),
		    "%u=%u,", (unsigned)row->day[i].day,
		    (unsigned)row->day[i].count[0]);
	}
	return f->rows == f->stop ? ERR_NOTFOUND : OK;
}

START_TEST(database_adds)
{
	struct found f = {.stop = 0};
	struct recording_host host;
	struct state state;
	struct db_txn *txn;
	struct db *db;
	bool found;

	db = usage_image_open(&state);
	expect_ok(db_begin(db, true, &txn));
	expect_ok(usage_database_get_host(txn, &host, &found));
	ck_assert(!found);
	add_one(txn, "b@x", 3 * DAY, 1);
	add_one(txn, "b@x", DAY, 1);
	add_one(txn, "b@x", 3 * DAY + 5, 4);
	add_one(txn, "b", 256 * DAY, 1);
	add_one(txn, "b", 255 * DAY, 1);
	expect_ok(recording_host_init(&host, NOW));
	expect_ok(usage_database_put_host(txn, &host));
	expect_ok(db_commit(&txn));
	expect_ok(db_begin(db, false, &txn));
	expect_ok(usage_database_each(txn, find, &f));
	ck_assert_str_eq(f.text, "b:255=1,256=1,b@x:1=1,3=5,");
	f.rows = 0;
	f.stop = 1; /* what the caller says is never taken for the end */
	ck_assert_int_ne(usage_database_each(txn, find, &f), OK);
	db_abort(&txn);
	db_close(&db);
}
END_TEST

/* A record that is none of ours is damage, wherever it lies. */
START_TEST(database_damaged)
{
	static const struct {
		const char *key;
		size_t n;
		const char *value;
		size_t value_n;
	} bad[] = {{"ux", 2, "", 1}, {"ux\0a\0", 5, "abc", 3},
	    {"ux\0a\0\0\0\0\1", 9, "abc", 3}, {"ux\0zz\0\0\0\0\1", 10, "", 1},
	    {"n", 1, "x", 1}};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct found f = {.stop = 0};
		struct recording_host host;
		struct state state;
		struct db_txn *txn;
		struct key k = {.len = bad[i].n};
		struct db *db;
		bool found;
		enum error e;

		db = usage_image_open(&state);
		memcpy(k.at, bad[i].key, k.len);
		expect_ok(db_begin(db, true, &txn));
		add_one(txn, "a@x", DAY, 1);
		expect_ok(
		    db_put(txn, &k, (struct bytes){bad[i].value, bad[i].value_n}));
		e = usage_database_each(txn, find, &f);
		if (e == OK)
			e = usage_database_get_host(txn, &host, &found);
		ck_assert_msg(e == ERR_DAMAGED || e == ERR_NEWER, "record %zu: %s", i,
		    error_string(e));
		db_abort(&txn);
		db_close(&db);
	}
}
END_TEST

/* prune_all - returns the number of pieces */
static unsigned
prune_all(struct db *db, struct usage_prune *p, unsigned visits)
{
	unsigned pieces = 0;

	for (; !p->done; pieces++) {
		uint64_t before = p->days + p->clients;
		struct db_txn *txn;

		ck_assert_uint_lt(pieces, 100000);
		expect_ok(db_begin(db, true, &txn));
		expect_ok(usage_prune_step(txn, p, visits));
		expect_ok(db_commit(&txn));
		ck_assert_uint_le(p->days + p->clients - before, USAGE_PRUNE_CHANGES);
	}
	return pieces;
}

START_TEST(prune)
{
	static const unsigned visits[] = {1, 2, 7, 199, 200, 201, 100000};
	const instant edge = usage_day_of(NOW) * DAY - 10 * DAY;

	for (size_t v = 0; v < sizeof visits / sizeof *visits; v++) {
		struct found f = {.stop = 0};
		struct usage_prune p;
		struct state state;
		struct db_txn *txn;
		struct db *db;

		db = usage_image_open(&state);
		expect_ok(db_begin(db, true, &txn));
		for (int i = 0; i < 500; i++)
			add_one(txn, "old@x", edge - (i + 1) * DAY, 1);
		add_one(txn, "mixed@x", edge - 1, 1);
		add_one(txn, "mixed@x", edge, 1);
		add_one(txn, "new@x", NOW, 1);
		expect_ok(db_commit(&txn));
		usage_prune_start(&p, NOW, 10);
		prune_all(db, &p, visits[v]);
		ck_assert_uint_eq(p.days, 501);
		ck_assert_uint_eq(p.clients, 1);
		expect_ok(db_begin(db, false, &txn));
		expect_ok(usage_database_each(txn, find, &f));
		ck_assert_uint_eq(f.rows, 3);
		ck_assert_str_eq(f.text, "mixed@x:19990=1,new@x:20000=1,old@x:");
		db_abort(&txn);
		usage_prune_start(&p, NOW, 10);
		prune_all(db, &p, visits[v]);
		ck_assert_uint_eq(p.days + p.clients, 0);
		usage_prune_start(&p, NOW, 30000); /* longer than there is time */
		ck_assert_uint_eq(p.first_day, 0);
		db_close(&db);
	}
}
END_TEST

/* What comes while the walk stands still is neither lost nor met twice. */
START_TEST(prune_beside_a_writer)
{
	struct found f = {.stop = 0};
	struct usage_prune p;
	struct state state;
	struct db_txn *txn;
	struct db *db;
	char login[32];

	db = usage_image_open(&state);
	usage_prune_start(&p, NOW, 10);
	for (int i = 0; i < 300 && !p.done; i++) {
		expect_ok(db_begin(db, true, &txn));
		for (int k = 0; k < 4; k++) {
			snprintf(login, sizeof login, "%c%03d@x", "azmq"[k], i);
			add_one(txn, login, NOW, 1);
			add_one(txn, login, NOW - 100 * DAY, 1);
		}
		expect_ok(usage_prune_step(txn, &p, 3));
		expect_ok(db_commit(&txn));
	}
	prune_all(db, &p, 50);
	usage_prune_start(&p, NOW, 10);
	prune_all(db, &p, 50);
	expect_ok(db_begin(db, false, &txn));
	expect_ok(usage_database_each(txn, find, &f));
	ck_assert_uint_eq(f.rows, 1200);
	ck_assert_uint_eq(f.count, 1200);
	ck_assert(f.client);
	db_abort(&txn);
	db_close(&db);
}
END_TEST

/* add_stranger - of no tenant, as the daemon records it */
static void
add_stranger(struct db_txn *txn, const char *login, instant t)
{
	struct usage_entry e = {.login = login_make(login),
	    .usage = usage_image_seen(t, "192.0.2.1", "PLAIN"),
	    .day = {usage_day_of(t), {1}, 4}};

	e.usage.stranger = true;
	expect_ok(usage_database_admit(txn, &e));
	expect_ok(usage_database_add(txn, &e));
}

static uint32_t
count_strangers(struct db_txn *txn)
{
	uint32_t count;

	expect_ok(usage_database_count_strangers(txn, &count));
	return count;
}

/* Logins of no tenant fill no disk: past so many there is one row for all. */
START_TEST(strangers_are_capped)
{
	enum { MORE = 500 };
	struct found f = {.stop = 0};
	struct state state;
	struct db_txn *txn;
	struct db *db;
	char login[32];

	db = usage_image_open(&state);
	expect_ok(db_begin(db, true, &txn));
	for (int i = 0; i < USAGE_STRANGERS_MAX + MORE; i++) {
		snprintf(login, sizeof login, "made%d@up", i);
		add_stranger(txn, login, NOW);
	}
	ck_assert_uint_eq(count_strangers(txn), USAGE_STRANGERS_MAX);
	add_stranger(txn, "made7@up", NOW); /* one that has a row keeps it */
	add_one(txn, "user@tenant", NOW, 1);
	add_one(txn, "bob@tenant", NOW, 1);
	expect_ok(usage_database_each(txn, find, &f));
	ck_assert_uint_eq(f.rows, USAGE_STRANGERS_MAX + 1 + 2);
	ck_assert_uint_eq(f.count, USAGE_STRANGERS_MAX + MORE + 1 + 2);
	snprintf(login, sizeof login, ":20000=%d,", MORE);
	ck_assert_msg(strncmp(f.text, login, strlen(login)) == 0, "%.80s", f.text);
	/* a tenant got the domain of some: there is room for others again */
	add_one(txn, "made3@up", NOW, 1);
	add_one(txn, "made4@up", NOW, 1);
	ck_assert_uint_eq(count_strangers(txn), USAGE_STRANGERS_MAX - 2);
	add_stranger(txn, "made3@up", NOW); /* who was known once is no stranger */
	ck_assert_uint_eq(count_strangers(txn), USAGE_STRANGERS_MAX - 2);
	add_stranger(txn, "new@up", NOW);
	add_stranger(txn, "newer@up", NOW);
	add_stranger(txn, "newest@up", NOW);
	ck_assert_uint_eq(count_strangers(txn), USAGE_STRANGERS_MAX);
	db_abort(&txn);
	db_close(&db);
}
END_TEST

START_TEST(strangers_count_that_is_damaged)
{
	static const struct {
		const char *at;
		size_t n;
		enum error error;
	} bad[] = {{"", 0, ERR_DAMAGED}, {"\0\0\0\0\1", 5, ERR_DAMAGED},
	    {"\1\0\0\1", 4, ERR_DAMAGED}, {"\1\0\0\0\1\0", 6, ERR_DAMAGED},
	    {"\1abcdefghijklmnopqrst", 21, ERR_DAMAGED}, {"\2\0\0\0\1", 5, ERR_NEWER}};
	const struct key where = {1, {'s'}};
	struct state state;
	struct db_txn *txn;
	uint32_t count;
	struct db *db;

	db = usage_image_open(&state);
	expect_ok(db_begin(db, true, &txn));
	expect_ok(usage_database_add_strangers(txn, -1));
	ck_assert_uint_eq(count_strangers(txn), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		expect_ok(db_put(txn, &where, (struct bytes){bad[i].at, bad[i].n}));
		expect_error(bad[i].error, usage_database_count_strangers(txn, &count));
		expect_error(bad[i].error, usage_database_add_strangers(txn, 1));
	}
	db_abort(&txn);
	db_close(&db);
}
END_TEST

/* is_of_a_tenant - of domain "tenant", for a prune */
static bool
is_of_a_tenant(void *arg, const struct login *login)
{
	unsigned *asked = arg;

	(*asked)++;
	ck_assert_uint_gt(login->len, 0);
	return login->has_domain && strcmp(login_domain(login), "tenant") == 0;
}

/* What was last seen before the time goes whole, but for logins that are known. */
START_TEST(prune_forgets_who_is_not_known)
{
	static const unsigned visits[] = {1, 2, 3, 7, 198, 100000};
	const instant old = NOW - 20 * DAY;

	for (size_t v = 0; v < sizeof visits / sizeof *visits; v++) {
		struct found f = {.stop = 0};
		struct usage_prune p;
		struct state state;
		struct db_txn *txn;
		struct db *db;
		unsigned asked = 0;
		char login[32];

		db = usage_image_open(&state);
		expect_ok(db_begin(db, true, &txn));
		for (int i = 0; i < 300; i++) {
			snprintf(login, sizeof login, "u%03d@gone", i);
			add_stranger(txn, login, old);
			add_stranger(txn, login, old - DAY);
		}
		add_one(txn, "removed@gone", old, 1); /* it was a tenant's */
		add_stranger(txn, "still@gone", old);
		add_stranger(txn, "still@gone", NOW);
		add_stranger(txn, "found@tenant", NOW); /* it is a tenant's now */
		add_one(txn, "old@tenant", old, 1);
		add_one(txn, "zoe@zzz", old, 1); /* the last row of all */
		expect_ok(db_commit(&txn));
		usage_prune_start(&p, NOW, 10);
		p.known = is_of_a_tenant;
		p.arg = &asked;
		prune_all(db, &p, visits[v]);
		ck_assert_uint_eq(p.logins, 302);
		ck_assert_uint_eq(p.days, 604);
		expect_ok(db_begin(db, false, &txn));
		expect_ok(usage_database_each(txn, find, &f));
		ck_assert_str_eq(
		    f.text, "still@gone:20000=1,found@tenant:20000=1,old@tenant:");
		ck_assert_uint_eq(count_strangers(txn), 1);
		db_abort(&txn);
		/* a second time asks of those alone that are old or strangers */
		asked = 0;
		usage_prune_start(&p, NOW, 10);
		p.known = is_of_a_tenant;
		p.arg = &asked;
		prune_all(db, &p, visits[v]);
		ck_assert_uint_eq(p.days + p.clients + p.logins, 0);
		ck_assert_uint_eq(asked, 2);
		db_close(&db);
	}
}
END_TEST

/* One that is seen while its days go, or after, is not forgotten. */
START_TEST(prune_spares_who_comes_back)
{
	struct found f = {.stop = 0};
	unsigned asked = 0;
	struct usage_prune p;
	struct state state;
	struct db_txn *txn;
	struct db *db;

	db = usage_image_open(&state);
	expect_ok(db_begin(db, true, &txn));
	add_stranger(txn, "a@gone", NOW - 20 * DAY);
	add_stranger(txn, "b@gone", NOW - 20 * DAY);
	expect_ok(db_commit(&txn));
	usage_prune_start(&p, NOW, 10);
	p.known = is_of_a_tenant;
	p.arg = &asked;
	for (int i = 0; !p.done; i++) {
		expect_ok(db_begin(db, true, &txn));
		expect_ok(usage_prune_step(txn, &p, 1));
		if (i == 1) /* its day is gone, and it is to be next */
			add_stranger(txn, "a@gone", NOW);
		expect_ok(db_commit(&txn));
	}
	ck_assert_uint_eq(p.logins, 1);
	expect_ok(db_begin(db, false, &txn));
	expect_ok(usage_database_each(txn, find, &f));
	ck_assert_str_eq(f.text, "a@gone:20000=1,");
	ck_assert_uint_eq(count_strangers(txn), 1);
	db_abort(&txn);
	db_close(&db);
}
END_TEST

START_TEST(prune_of_others)
{
	struct usage_entry e = {
	    .usage = usage_image_seen(NOW - 20 * DAY, "", ""), .day = {19980, {3}, 0}};
	struct found f = {.stop = 0};
	unsigned asked = 0;
	struct usage_prune p;
	struct state state;
	struct db_txn *txn;
	struct db *db;

	db = usage_image_open(&state);
	usage_entry_make_others(&e);
	expect_ok(db_begin(db, true, &txn));
	expect_ok(usage_database_add(txn, &e));
	expect_ok(db_commit(&txn));
	usage_prune_start(&p, NOW, 10);
	p.known = is_of_a_tenant;
	p.arg = &asked;
	prune_all(db, &p, 100);
	expect_ok(db_begin(db, false, &txn));
	expect_ok(usage_database_each(txn, find, &f));
	ck_assert_uint_eq(f.rows, 0);
	ck_assert_uint_eq(asked, 0);
	db_abort(&txn);
	db_close(&db);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("usage_database");
	TCase *store = state_add_case(suite, "database");

	tcase_add_test(store, database_adds);
	tcase_add_test(store, database_damaged);
	tcase_add_test(store, prune);
	tcase_add_test(store, prune_beside_a_writer);
	tcase_add_test(store, strangers_are_capped);
	tcase_add_test(store, strangers_count_that_is_damaged);
	tcase_add_test(store, prune_forgets_who_is_not_known);
	tcase_add_test(store, prune_spares_who_comes_back);
	tcase_add_test(store, prune_of_others);
	return suite_run(suite);
}
