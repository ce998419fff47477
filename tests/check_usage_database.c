/* SPDX-License-Identifier: BSD-2-Clause */
/* check_usage_database.c - the usage database: what is added, what is damage, and what
 * is forgotten. */
#include "policy/db/db.h"
#include "policy/usage/database.h"
#include "state.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DAY INT64_C(86400)
#define NOW (INT64_C(20000) * DAY + 3600)

static struct usage
seen(instant t, const char *client, const char *mechanism)
{
	struct usage u;

	usage_init(&u);
	u.first_seen = u.last_seen = u.last_use = t;
	u.has_client = address_parse(client, &u.client);
	u.mechanism = mechanism_code(mechanism);
	return u;
}

/* A usage database of its own. */
static struct db *
open_usage(const struct state *state)
{
	struct error_text why = {.text = ""};
	char path[STATE_PATH];
	struct db *db;

	snprintf(path, sizeof path, "%s/usage", state->dir);
	mkdir(path, 0770);
	expect_ok(usage_database_open(&db, state->dir, true, &why));
	return db;
}

static void
add_one(struct db_txn *txn, const char *login, instant t, uint32_t n)
{
	struct usage_entry e = {.login = login_make(login),
	    .usage = seen(t, "192.0.2.1", "PLAIN"),
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
	struct usage_node node;
	struct state state;
	struct db_txn *txn;
	struct db *db;

	state_open(&state);
	db = open_usage(&state);
	expect_ok(db_begin(db, true, &txn));
	expect_error(ERR_NOTFOUND, usage_database_get_node(txn, &node));
	add_one(txn, "b@x", 3 * DAY, 1);
	add_one(txn, "b@x", DAY, 1);
	add_one(txn, "b@x", 3 * DAY + 5, 4);
	add_one(txn, "b", 256 * DAY, 1);
	add_one(txn, "b", 255 * DAY, 1);
	expect_ok(node_init(&node, NOW));
	expect_ok(usage_database_put_node(txn, &node));
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
		struct usage_node node;
		struct state state;
		struct db_txn *txn;
		struct key k = {.len = bad[i].n};
		struct db *db;
		enum error e;

		state_open(&state);
		db = open_usage(&state);
		memcpy(k.at, bad[i].key, k.len);
		expect_ok(db_begin(db, true, &txn));
		add_one(txn, "a@x", DAY, 1);
		expect_ok(
		    db_put(txn, &k, (struct bytes){bad[i].value, bad[i].value_n}));
		e = usage_database_each(txn, find, &f);
		if (e == OK)
			e = usage_database_get_node(txn, &node);
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

		state_open(&state);
		db = open_usage(&state);
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

	state_open(&state);
	db = open_usage(&state);
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

int
main(void)
{
	Suite *suite = suite_create("usage_database");
	TCase *store = state_add_case(suite, "database");

	tcase_add_test(store, database_adds);
	tcase_add_test(store, database_damaged);
	tcase_add_test(store, prune);
	tcase_add_test(store, prune_beside_a_writer);
	return suite_run(suite);
}
