/* SPDX-License-Identifier: BSD-2-Clause */
/* check_lock_lookup.c - a lock holds whatever name of the login the client brings. */
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/decision/lock_lookup.h"
#include "policy/decision/submission.h"
#include "policy/identity/mta.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/lock_table.h"

#include <stdio.h>
#include <string.h>

enum { NOW = 1000000 };

static struct state state;
static struct store *store;
static struct store_txn *txn;

/* setup - tenant open lets everybody in, and so does no tenant at all */
static void
setup(void)
{
	state_begin(&state, &store, &txn);
	tenant_store_with(txn, "open", SMTP_AUTH_ENABLED, "open.test");
}

static void
teardown(void)
{
	state_end(&store, &txn);
}

/* judge - as Postfix hands the login over */
static struct decision
judge(const char *login, instant now)
{
	struct submission submission = {
	    login, strlen(login), false, MTA_POSTFIX, "192.0.2.10", "", "PLAIN", now};
	struct outcome outcome;

	memset(&outcome, 0xA5, sizeof outcome);
	expect_ok(submission_judge(txn, &submission, &outcome, NULL));
	return outcome.decision;
}

/* expect - whether the login is locked; else it passes, as all do here */
static void
expect(const char *login, bool locked)
{
	struct decision d = judge(login, NOW);

	ck_assert_msg(d.reason == REASON_LOCKED ? locked : !locked, "%s: %s", login,
	    decision_reason_name(d.reason));
	ck_assert_msg(decision_passes(d.verdict) == !locked, "%s: %s, %s", login,
	    decision_verdict_name(d.verdict), decision_reason_name(d.reason));
}

START_TEST(login_of_no_tenant_and_without_domain)
{
	lock_store(txn, "x@nobody.test", INSTANT_NONE);
	lock_store(txn, "jane", INSTANT_NONE);
	lock_store(txn, "domain\\user", INSTANT_NONE);
	expect("X@Nobody.test.", true);
	expect("y@nobody.test", false);
	expect("Jane", true);
	expect("jane@open.test", false);
	expect("DOMAIN\\user", true);
}
END_TEST

START_TEST(until_the_end)
{
	lock_store(txn, "jane@open.test", NOW);
	ck_assert_int_eq(judge("jane@open.test", NOW - 1).reason, REASON_LOCKED);
	expect("jane@open.test", false);
	lock_store_tenant(txn, "open", NOW + 1);
	expect("jane@open.test", true);
	ck_assert(!judge("jane@open.test", NOW).login_locked);
	ck_assert_int_eq(
	    judge("jane@open.test", NOW + 1).reason, REASON_TENANT_ENABLED);
}
END_TEST

START_TEST(both_are_looked_at)
{
	lock_store_tenant(txn, "open", NOW);
	lock_store(txn, "jane@open.test", NOW + 1);
	ck_assert(judge("jane@open.test", NOW).login_locked);
	ck_assert(!judge("jane@open.test", NOW - 1).login_locked);
	expect("john@open.test", false);
}
END_TEST

START_TEST(of_an_alias_and_its_mailbox)
{
	alias_store(txn, "jane@open.test", "js");
	alias_store(txn, "jane@open.test", "upn@open.test");
	lock_store(txn, "jane@open.test", INSTANT_NONE);
	expect("js", true);
	expect("upn@open.test", true);
	expect("jane@open.test", true);
}
END_TEST

/* A lock that was made before the alias was is not passed by it. */
START_TEST(of_the_alias_itself)
{
	lock_store(txn, "js", INSTANT_NONE);
	alias_store(txn, "jane@open.test", "js");
	expect("js", true);
	expect("jane@open.test", false);
}
END_TEST

START_TEST(with_and_without_default_domain)
{
	setting_store(txn, "default-domain", "open.test");
	lock_store(txn, "jane@open.test", INSTANT_NONE);
	lock_store(txn, "john", INSTANT_NONE);
	expect("jane", true);
	expect("john", true);
	expect("john@open.test", true);
	expect("john@other.test", false);
	setting_store(txn, "login-domain", "default");
	expect("jane@elsewhere.test", true);
	expect("john@elsewhere.test", true);
	expect("ann@elsewhere.test", false);
}
END_TEST

/* The domain that is dropped is in the name under which it was locked. */
START_TEST(as_given_where_domains_do_not_count)
{
	setting_store(txn, "default-domain", "open.test");
	lock_store(txn, "jane@elsewhere.test", INSTANT_NONE);
	setting_store(txn, "login-domain", "default");
	expect("jane@elsewhere.test", true);
	expect("jane@open.test", false);
}
END_TEST

START_TEST(without_its_subaddress)
{
	setting_store(txn, "subaddress-delimiter", "+");
	alias_store(txn, "ann@open.test", "ann2@open.test");
	lock_store(txn, "jane@open.test", INSTANT_NONE);
	lock_store(txn, "ann@open.test", INSTANT_NONE);
	lock_store(txn, "bob", INSTANT_NONE);
	lock_store(txn, "eve+x@open.test", INSTANT_NONE);
	mailbox_store(txn, "jane+on@open.test", SMTP_AUTH_ENABLED, "");
	expect("jane+x@open.test", true);
	expect("jane+on@open.test", true);
	expect("ann2+x@open.test", true);
	expect("bob+x", true);
	expect("eve+x@open.test", true);
	expect("eve@open.test", false);
	expect("eve+y@open.test", false);
}
END_TEST

START_TEST(looser_form)
{
	lock_store(txn, "alice", INSTANT_NONE);
	expect("\xEF\xBD\x81lice", true); /* a wide a */
	expect("\xEF\xBD\x82lice", false);
}
END_TEST

START_TEST(nothing_exempts)
{
	lock_store(txn, "jane", INSTANT_NONE);
	setting_store(txn, "exempt-clients", "192.0.2.10");
	setting_store(txn, "enforce", "no");
	expect("jane", true);
}
END_TEST

/* A lock that was brought holds as one that was made here does. */
START_TEST(brought)
{
	const struct login jane = login_make("jane");
	struct lock_subject s;
	struct lock lock;

	lock_init(&lock);
	lock_table_subject_login(&s, &jane);
	expect_ok(lock_table_put(txn, LOCK_BROUGHT, &s, &lock));
	expect("jane", true);
	lock_table_subject_tenant(&s, "open");
	expect_ok(lock_table_put(txn, LOCK_BROUGHT, &s, &lock));
	expect("ann@open.test", true);
}
END_TEST

/* A name so long that default-domain does not fit behind it can still be locked. */
START_TEST(too_long_for_a_mailbox)
{
	char login[LOGIN_RAW_MAX + 1], domain[DOMAIN_MAX];

	for (size_t i = 0; i + 1 < 240; i++)
		domain[i] = i % 40 == 39 ? '.' : 'd';
	domain[239] = '\0';
	setting_store(txn, "default-domain", domain);
	memset(login, 'x', LOGIN_RAW_MAX);
	login[LOGIN_RAW_MAX] = '\0';
	ck_assert_int_eq(judge(login, NOW).reason, REASON_INVALID_LOGIN);
	lock_store(txn, login, INSTANT_NONE);
	expect(login, true);
}
END_TEST

struct names {
	char text[8 * LOGIN_MAX];
};

static enum error
name_add(void *arg, const struct login *name)
{
	struct names *names = arg;
	size_t n = strlen(names->text);

	snprintf(names->text + n, sizeof names->text - n, " %s", name->text);
	return OK;
}

START_TEST(names_of_a_login_end_no_lock_of_another)
{
	struct names names = {""};
	const struct login login = login_make("js+x");

	setting_store(txn, "subaddress-delimiter", "+");
	setting_store(txn, "default-domain", "open.test");
	expect_ok(lock_lookup_names(txn, &login, name_add, &names));
	ck_assert_str_eq(names.text, " js+x js+x@open.test js+x@open.test");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lock_lookup");
	TCase *tcase = state_add_case(suite, "lookup");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, login_of_no_tenant_and_without_domain);
	tcase_add_test(tcase, until_the_end);
	tcase_add_test(tcase, both_are_looked_at);
	tcase_add_test(tcase, of_an_alias_and_its_mailbox);
	tcase_add_test(tcase, of_the_alias_itself);
	tcase_add_test(tcase, with_and_without_default_domain);
	tcase_add_test(tcase, as_given_where_domains_do_not_count);
	tcase_add_test(tcase, without_its_subaddress);
	tcase_add_test(tcase, looser_form);
	tcase_add_test(tcase, nothing_exempts);
	tcase_add_test(tcase, brought);
	tcase_add_test(tcase, too_long_for_a_mailbox);
	tcase_add_test(tcase, names_of_a_login_end_no_lock_of_another);
	return suite_run(suite);
}
