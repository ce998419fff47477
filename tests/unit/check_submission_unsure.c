/* SPDX-License-Identifier: BSD-2-Clause */
/* check_submission_unsure.c - denials that an unknown client or listener could undo. */
#include "policy/decision/submission.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/tenant_table.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <string.h>

enum { NOW = 1000000 };

/* An address of the networks that are exempt, or that are the mailbox's own. */
#define INSIDE "198.51.100.7"
#define NETWORK "198.51.100.0/24"
#define OUTSIDE "203.0.113.9"
#define LOGIN "jane@shut.test"

static struct state state;
static struct store *store;
static struct store_txn *txn;

/* setup - shut.test's tenant is disabled, open.test's is enabled */
static void
setup(void)
{
	state_begin(&state, &store, &txn);
	tenant_store_with(txn, "shut", SMTP_AUTH_DISABLED, "shut.test");
	tenant_store_with(txn, "open", SMTP_AUTH_ENABLED, "open.test");
}

static void
teardown(void)
{
	state_abandon(&store, &txn);
}

/* expect - WANTED is the verdict, with a '?' where it is unsure */
static void
expect(const char *login, const char *client, const char *listener, const char *wanted)
{
	struct submission submission = {
	    login, strlen(login), false, MTA_POSTFIX, client, listener, "PLAIN", NOW};
	struct outcome outcome;
	char got[40];

	txn_commit(&txn);
	txn = txn_begin(store);
	memset(&outcome, 0xA5, sizeof outcome);
	expect_ok(submission_judge(txn, &submission, &outcome, NULL));
	snprintf(got, sizeof got, "%s%s",
	    decision_verdict_name(outcome.decision.verdict), outcome.unsure ? "?" : "");
	ck_assert_msg(strcmp(got, wanted) == 0, "%s from \"%s\" by \"%s\": %s, not %s",
	    login, client, listener, got, wanted);
}

/* set_clients - a mailbox's setting, with its own networks, which has an end */
static void
set_clients(const char *address, enum smtp_auth smtp_auth, instant until)
{
	struct mailbox m = mailbox_make(smtp_auth, "");
	struct login login = login_make(address);
	struct error_text why;

	m.until = until;
	expect_ok(cidr_list_parse(NETWORK, &m.clients, &why));
	expect_ok(mailbox_table_put(txn, &login, &m));
}

START_TEST(without_exemptions_all_is_sure)
{
	static const char *const clients[] = {"", "unknown", INSIDE, OUTSIDE};

	mailbox_store(txn, "off@open.test", SMTP_AUTH_DISABLED, "");
	for (size_t i = 0; i < 4; i++) {
		expect(LOGIN, clients[i], "", "reject");
		expect(LOGIN, clients[i], "smtp", "reject");
		expect("off@open.test", clients[i], "", "reject");
		expect("jane@open.test", clients[i], "", "allow");
		expect("jane@", clients[i], "", "reject");
		expect("", clients[i], "", "pass");
	}
}
END_TEST

START_TEST(exempt_clients_need_a_client)
{
	setting_store(txn, "exempt-clients", NETWORK);
	setting_store(txn, "unknown-tenant", "reject");
	for (int i = 0; i < 2; i++) {
		const char *listener = i == 0 ? "" : "smtp";

		expect(LOGIN, "", listener, "reject?");
		expect(LOGIN, "unknown", listener, "reject?");
		expect(LOGIN, "\xEF\xBF\xBD", listener, "reject?");
		expect(LOGIN, OUTSIDE, listener, "reject");
		expect(LOGIN, "2001:db8::1", listener, "reject");
		expect(LOGIN, INSIDE, listener, "allow");
		expect(LOGIN, "::ffff:" INSIDE, listener, "allow");
		expect("jane@free.test", "", listener, "reject?");
		expect("jane@free.test", OUTSIDE, listener, "reject");
		expect("jane@", "", listener, "reject?");
		expect("jane@", OUTSIDE, listener, "reject");
	}
}
END_TEST

START_TEST(exempt_listeners_need_a_listener)
{
	setting_store(txn, "exempt-listeners", "webmail");
	for (int i = 0; i < 2; i++) {
		const char *client = i == 0 ? "" : OUTSIDE;

		expect(LOGIN, client, "", "reject?");
		expect(LOGIN, client, "smtp", "reject");
		expect(LOGIN, client, "WebMail", "allow");
		expect("jane@", client, "", "reject?");
		expect("jane@", client, "smtp", "reject");
	}
}
END_TEST

START_TEST(both_exemptions_need_both)
{
	setting_store(txn, "exempt-clients", NETWORK);
	setting_store(txn, "exempt-listeners", "webmail");
	expect(LOGIN, "", "", "reject?");
	expect(LOGIN, OUTSIDE, "", "reject?");
	expect(LOGIN, "", "smtp", "reject?");
	expect(LOGIN, OUTSIDE, "smtp", "reject");
	expect(LOGIN, INSIDE, "", "allow");
	expect(LOGIN, "", "webmail", "allow");
}
END_TEST

START_TEST(networks_of_a_mailbox_need_a_client)
{
	set_clients(LOGIN, SMTP_AUTH_ENABLED, INSTANT_NONE);
	set_clients("tmp@shut.test", SMTP_AUTH_ENABLED, NOW + 1);
	expect(LOGIN, "", "", "reject?");
	expect(LOGIN, "unknown", "smtp", "reject?");
	expect(LOGIN, OUTSIDE, "", "reject");
	expect(LOGIN, INSIDE, "", "allow");
	expect("tmp@shut.test", "", "", "reject?");
	expect("jim@shut.test", "", "", "reject"); /* another mailbox */
}
END_TEST

/* Networks that no answer depends on. */
START_TEST(networks_that_do_not_count)
{
	set_clients("off@shut.test", SMTP_AUTH_DISABLED, INSTANT_NONE);
	set_clients("old@shut.test", SMTP_AUTH_ENABLED, NOW);
	set_clients("jane@open.test", SMTP_AUTH_ENABLED, INSTANT_NONE);
	expect("off@shut.test", "", "", "reject");
	expect("old@shut.test", "", "", "reject");
	expect("jane@open.test", "", "", "allow");
	setting_store(txn, "subaddress-delimiter", "+");
	set_clients("sub@shut.test", SMTP_AUTH_ENABLED, INSTANT_NONE);
	expect("sub+x@shut.test", "", "", "reject?");
	expect("sub+x@shut.test", OUTSIDE, "", "reject");
}
END_TEST

START_TEST(locks_hold_for_everybody)
{
	setting_store(txn, "exempt-clients", NETWORK);
	setting_store(txn, "exempt-listeners", "webmail");
	set_clients(LOGIN, SMTP_AUTH_ENABLED, INSTANT_NONE);
	lock_store(txn, LOGIN, INSTANT_NONE);
	lock_store(txn, "old@shut.test", NOW);
	expect(LOGIN, "", "", "reject");
	expect(LOGIN, INSIDE, "webmail", "reject");
	expect("jim@shut.test", "", "", "reject?");
	expect("old@shut.test", "", "", "reject?");
	lock_store_tenant(txn, "open", INSTANT_NONE);
	expect("jane@open.test", "", "", "reject");
}
END_TEST

START_TEST(what_passes_is_sure)
{
	setting_store(txn, "exempt-clients", NETWORK);
	setting_store(txn, "exempt-listeners", "webmail");
	mailbox_store(txn, "on@shut.test", SMTP_AUTH_ENABLED, "");
	expect("on@shut.test", "", "", "allow");
	expect("jane@open.test", "", "", "allow");
	expect("jane@free.test", "", "", "allow");
	expect("", "", "", "pass");
	setting_store(txn, "invalid-login", "accept");
	expect("jane@", "", "", "allow");
	setting_store(txn, "enforce", "no");
	expect(LOGIN, "", "", "report");
}
END_TEST

START_TEST(tempfail_is_unsure_as_well)
{
	setting_store(txn, "exempt-clients", NETWORK);
	setting_store(txn, "action", "tempfail");
	expect(LOGIN, "", "", "tempfail?");
	expect(LOGIN, OUTSIDE, "", "tempfail");
}
END_TEST

/* The reading that holds says whether it is sure: here the one of the loose form. */
START_TEST(looser_reading_is_unsure)
{
	static const char wide[] = "\xEF\xBD\x8A"
				   "ane@shut.test"; /* a wide j */

	mailbox_store(txn, wide, SMTP_AUTH_ENABLED, "");
	expect(wide, "", "", "reject");
	setting_store(txn, "exempt-clients", NETWORK);
	expect(wide, "", "", "reject?");
	expect(wide, OUTSIDE, "", "reject");
	lock_store(txn, LOGIN, INSTANT_NONE);
	expect(wide, "", "", "reject");
}
END_TEST

/* One reading may pass somewhere, another one nowhere. */
START_TEST(any_sure_reading_is_sure)
{
	static const char wide[] = "\xEF\xBD\x8A"
				   "ane@shut.test";

	setting_store(txn, "exempt-clients", NETWORK);
	expect(wide, "", "", "reject?");
	lock_store(txn, LOGIN, INSTANT_NONE);
	expect(wide, "", "", "reject");
	expect(wide, INSIDE, "", "reject");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("submission_unsure");
	TCase *t = state_add_case(suite, "submission_unsure");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, without_exemptions_all_is_sure);
	tcase_add_test(t, exempt_clients_need_a_client);
	tcase_add_test(t, exempt_listeners_need_a_listener);
	tcase_add_test(t, both_exemptions_need_both);
	tcase_add_test(t, networks_of_a_mailbox_need_a_client);
	tcase_add_test(t, networks_that_do_not_count);
	tcase_add_test(t, locks_hold_for_everybody);
	tcase_add_test(t, what_passes_is_sure);
	tcase_add_test(t, tempfail_is_unsure_as_well);
	tcase_add_test(t, looser_reading_is_unsure);
	tcase_add_test(t, any_sure_reading_is_sure);
	return suite_run(suite);
}
