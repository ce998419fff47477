/* SPDX-License-Identifier: BSD-2-Clause */
/* recorded_usage.c - the usage database of a state folder, in plain words. */
#include "tests/lib/recorded_usage.h"

#include <check.h>
#include <string.h>

#include "policy/usage/usage_database.h"

struct visit {
	void (*fn)(void *arg, const struct recorded_login *row);
	void *arg;
};

static int64_t
seconds(instant t)
{
	return t == INSTANT_NONE ? 0 : t;
}

static void
days_add(struct recorded_login *to, const struct usage_row *row)
{
	uint32_t mechanisms = 0;

	to->days = row->days;
	for (size_t i = 0; i < row->days; i++) {
		mechanisms |= row->day[i].mechanisms;
		for (int kind = 0; kind < USAGE_KINDS; kind++) {
			to->count[kind] += row->day[i].count[kind];
			to->all += row->day[i].count[kind];
		}
	}
	usage_mechanisms_print(mechanisms, to->mechanisms);
}

static enum error
row_visit(void *arg, const struct usage_row *row)
{
	struct visit *visit = arg;
	struct recorded_login to;

	memset(&to, 0, sizeof(to));
	strcpy(to.login, row->login.text);
	to.first_seen = seconds(row->usage.first_seen);
	to.last_seen = seconds(row->usage.last_seen);
	to.last_use = seconds(row->usage.last_use);
	to.last_exempt = seconds(row->usage.last_exempt);
	if (row->usage.has_client)
		cidr_ip_print(&row->usage.client, to.client);
	to.mechanism = usage_mechanism_name(row->usage.mechanism);
	to.tls = usage_tls_name(row->usage.tls);
	days_add(&to, row);
	visit->fn(visit->arg, &to);
	return OK;
}

uint64_t
recorded_usage_read(
    const char *dir, void (*fn)(void *arg, const struct recorded_login *row), void *arg)
{
	struct visit visit = {fn, arg};
	struct recording_host host;
	struct error_text why;
	struct db_txn *txn;
	struct db *db;
	bool found;

	ck_assert_msg(usage_database_open(&db, dir, false, &why) == OK, "%s", why.text);
	ck_assert_int_eq(db_begin(db, false, &txn), OK);
	ck_assert_int_eq(usage_database_each(txn, row_visit, &visit), OK);
	ck_assert_int_eq(usage_database_get_host(txn, &host, &found), OK);
	ck_assert(found);
	db_abort(&txn);
	db_close(&db);
	return host.dropped;
}
