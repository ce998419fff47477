/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usage_dump.c - prints the usage database of a state folder, for tests: a line for
 * each login, "LOGIN DAYS ALLOWED DENIED WOULD-DENY EXEMPT", with the sums of its days;
 * where AUTH refused it, "auth" and how often follow.
 */
#include "policy/db/guard.h"
#include "policy/usage/auth_denied.h"
#include "policy/usage/usage_database.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum error
print(void *arg, const struct usage_row *row)
{
	uint64_t sum[USAGE_KINDS] = {0};

	(void)arg;
	for (size_t i = 0; i < row->days; i++)
		for (int k = 0; k < USAGE_KINDS; k++)
			sum[k] += row->day[i].count[k];
	printf("%s %zu", row->login.text, row->days);
	for (int k = 0; k < USAGE_KINDS; k++)
		printf(" %" PRIu64, sum[k]);
	if (row->auth_denied != NULL)
		printf(" auth %" PRIu64, auth_denied_count(row->auth_denied, 0));
	putchar('\n');
	return OK;
}

int
main(int argc, char **argv)
{
	struct error_text why;
	struct db_txn *txn;
	struct db *db;
	enum error e;

	guard_install();
	e = usage_database_open(&db, argc == 2 ? argv[1] : "", false, &why);
	if (e == OK)
		e = db_begin(db, false, &txn);
	if (e == OK) {
		e = usage_database_each(txn, print, NULL);
		db_abort(&txn);
	}
	db_close(&db);
	if (e != OK)
		fprintf(stderr, "usage_dump: %s\n", error_string(e));
	return e != OK;
}
