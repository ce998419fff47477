/* SPDX-License-Identifier: BSD-2-Clause */
/* check_enforcement.c - what is denied at present, and what only seems to be. */
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/decision/enforcement.h"
#include "policy/tables/tenant_table.h"

#include <string.h>

#define NOW 1800000000

static struct state state;
static struct store *store;
static struct store_txn *txn;

static void
setup(void)
{
	state_begin(&state, &store, &txn);
}

static void
teardown(void)
{
	state_abandon(&store, &txn);
}

static void
add(const char *name, enum smtp_auth smtp_auth, enum action action, instant from)
{
	struct tenant t;
	bool found;

	tenant_store(txn, name, smtp_auth);
	expect_ok(tenant_table_get(txn, name, &t, &found));
	ck_assert(found);
	t.action = action;
	t.enforce_from = from;
	expect_ok(tenant_table_put(txn, &t));
}

/* add_all - one of each, and two that are denied */
static void
add_all(void)
{
	add("a", SMTP_AUTH_ENABLED, ACTION_DEFAULT, INSTANT_NONE);
	add("b", SMTP_AUTH_DISABLED, ACTION_DEFAULT, INSTANT_NONE);
	add("c", SMTP_AUTH_DISABLED, ACTION_TEMPFAIL, NOW);
	add("d", SMTP_AUTH_DISABLED, ACTION_REPORT, INSTANT_NONE);
	add("e", SMTP_AUTH_DISABLED, ACTION_DEFAULT, NOW + 1);
}

static void
described(const char *line)
{
	char buf[ENFORCEMENT_TEXT_MAX];
	struct enforcement n;
	struct text t;

	expect_ok(enforcement_count(txn, NOW, &n));
	text_init(&t, buf, sizeof buf);
	enforcement_describe(store_settings(txn), &n, &t);
	ck_assert_str_eq(buf, line);
	ck_assert_uint_eq(n.walked, n.enabled + n.scheduled + n.reported + n.denied);
}

START_TEST(nothing_to_enforce)
{
	described("enforcing: 0 of 0 tenants denied");
}
END_TEST

START_TEST(each_tenant_counts_once)
{
	add_all();
	described("enforcing: 2 of 5 tenants denied, 1 reported only, 1 scheduled, "
		  "1 enabled");
	setting_store(txn, "exempt-clients", "192.0.2.0/24");
	described("enforcing: 2 of 5 tenants denied, 1 reported only, 1 scheduled, "
		  "1 enabled, with exemptions");
}
END_TEST

START_TEST(report_for_all_that_have_no_action)
{
	add_all();
	setting_store(txn, "action", "report");
	described("enforcing: 1 of 5 tenants denied, 2 reported only, 1 scheduled, "
		  "1 enabled");
	expect_ok(tenant_table_remove(txn, "c"));
	described("NO TENANT IS DENIED: 0 of 4 tenants denied, 2 reported only, "
		  "1 scheduled, 1 enabled");
}
END_TEST

START_TEST(dry_run)
{
	struct enforcement n;

	add_all();
	setting_store(txn, "enforce", "no");
	described("DRY RUN (enforce no): nothing is denied but what is locked");
	setting_store(txn, "exempt-listeners", "webmail");
	described("DRY RUN (enforce no): nothing is denied but what is locked, with "
		  "exemptions");
	expect_ok(enforcement_count(txn, NOW, &n));
	ck_assert_uint_eq(n.denied, 0);
	ck_assert_uint_eq(n.reported, 3);
}
END_TEST

START_TEST(longest_line_fits)
{
	const struct enforcement n = {.walked = UINT64_MAX,
	    .denied = UINT64_MAX,
	    .reported = UINT64_MAX,
	    .scheduled = UINT64_MAX,
	    .enabled = UINT64_MAX};
	struct settings s = *store_settings(txn);
	char buf[ENFORCEMENT_TEXT_MAX];
	struct text t;

	strcpy(s.exempt_listeners, "x");
	text_init(&t, buf, sizeof buf);
	enforcement_describe(&s, &n, &t);
	ck_assert(!t.cut);
	ck_assert_ptr_nonnull(strstr(buf, ", with exemptions"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("enforcement");
	TCase *tcase = state_add_case(suite, "enforcement");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, nothing_to_enforce);
	tcase_add_test(tcase, each_tenant_counts_once);
	tcase_add_test(tcase, report_for_all_that_have_no_action);
	tcase_add_test(tcase, dry_run);
	tcase_add_test(tcase, longest_line_fits);
	return suite_run(suite);
}
