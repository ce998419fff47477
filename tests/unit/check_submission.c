/* SPDX-License-Identifier: BSD-2-Clause */
/* check_submission.c - who a login is by what the store holds, and what is decided. */
#include "policy/tables/ownership.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/decision/submission.h"
#include "policy/identity/mta.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/tenant_table.h"

#include <stdio.h>
#include <string.h>

enum { NOW = 1000000, STEPS_SIZE = 4096 };

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

/* set_locked - locks a mailbox until UNTIL and gives it a setting */
static void
set_locked(const char *address, enum smtp_auth smtp_auth, instant until)
{
	struct mailbox mailbox = mailbox_make(smtp_auth, "");
	struct login login = login_make(address);

	expect_ok(mailbox_table_put(txn, &login, &mailbox));
	lock_store(txn, address, until);
}

/* judge - by Postfix's rules, or Sendmail's */
static const struct outcome *
judge(const char *login, enum mta mta)
{
	struct submission submission = {
	    login, strlen(login), false, mta, "192.0.2.10", "", "PLAIN", NOW};
	static struct outcome outcome, shown;
	char text[STEPS_SIZE];
	struct text steps;

	txn_commit(&txn);
	txn = txn_begin(store);
	memset(&outcome, 0xA5, sizeof(outcome));
	expect_ok(submission_judge(txn, &submission, &outcome, NULL));
	text_init(&steps, text, sizeof(text));
	expect_ok(submission_judge(txn, &submission, &shown, &steps));
	ck_assert_int_eq(outcome.decision.verdict, shown.decision.verdict);
	ck_assert_int_eq(outcome.decision.reason, shown.decision.reason);
	ck_assert_ptr_nonnull(
	    strstr(text, decision_reason_name(shown.decision.reason)));
	return &outcome;
}

/* outcome_expect - tenant, mailbox ("" for none) and reason in one line */
static void
outcome_expect(const struct outcome *outcome, const char *wanted)
{
	char text[3 * LOGIN_MAX];

	snprintf(text, sizeof(text), "[%s] [%s] %s", submission_tenant(outcome),
	    submission_mailbox(outcome),
	    decision_reason_name(outcome->decision.reason));
	ck_assert_str_eq(text, wanted);
}

static void
expect(const char *login, const char *wanted)
{
	outcome_expect(judge(login, MTA_POSTFIX), wanted);
}

START_TEST(login_is_looked_up_in_normal_form)
{
	mailbox_store(txn, "jane@shut.test", SMTP_AUTH_ENABLED, "");
	expect("jane@shut.test", "[shut] [jane@shut.test] mailbox-enabled");
	expect("JANE@Shut.TEST.", "[shut] [jane@shut.test] mailbox-enabled");
	expect("john@shut.test", "[shut] [john@shut.test] tenant-disabled");
	expect("a@b@shut.test", "[shut] [a@b@shut.test] tenant-disabled");
	expect("john@open.test", "[open] [john@open.test] tenant-enabled");
	expect("jane@sub.shut.test", "[] [jane@sub.shut.test] unknown-tenant");
	expect("jane@shut.tes", "[] [jane@shut.tes] unknown-tenant");
	expect("", "[] [] unauthenticated");
}
END_TEST

START_TEST(invalid_logins_have_no_tenant)
{
	static const char *const logins[] = {"@", "@shut.test", "jane@", "jane@.",
	    "jane@shut..test", "jane@.shut.test", "a\nb@shut.test", "\xC3@shut.test",
	    "a\x7F@shut.test", "jane@shut.test.."};

	for (size_t i = 0; i < sizeof(logins) / sizeof(*logins); i++)
		expect(logins[i], "[] [] invalid-login");
}
END_TEST

START_TEST(nul_in_a_login_is_invalid)
{
	struct submission submission = {
	    "jane@open.test\0@shut.test", 25, false, MTA_POSTFIX, "", "", "", NOW};
	struct outcome outcome;

	txn_commit(&txn);
	txn = txn_begin(store);
	expect_ok(submission_judge(txn, &submission, &outcome, NULL));
	outcome_expect(&outcome, "[] [] invalid-login");
}
END_TEST

START_TEST(long_logins_are_never_cut)
{
	char login[LOGIN_RAW_MAX + 2];

	memset(login, 'a', sizeof(login));
	memcpy(login + LOGIN_RAW_MAX - 10, "@open.test", 11);
	ck_assert_int_eq(
	    judge(login, MTA_POSTFIX)->decision.reason, REASON_TENANT_ENABLED);
	memset(login, 'a', sizeof(login));
	memcpy(login + LOGIN_RAW_MAX - 9, "@open.test", 11);
	expect(login, "[] [] invalid-login");
}
END_TEST

START_TEST(sendmail_sends_xtext)
{
	const struct outcome *outcome = judge("a+2Bb@shut.test", MTA_SENDMAIL);

	outcome_expect(outcome, "[shut] [a+b@shut.test] tenant-disabled");
	outcome = judge("a+2Bb@shut.test", MTA_POSTFIX);
	outcome_expect(outcome, "[shut] [a+2bb@shut.test] tenant-disabled");
	outcome = judge("jane+40shut.test", MTA_SENDMAIL);
	outcome_expect(outcome, "[shut] [jane@shut.test] tenant-disabled");
	outcome = judge("a+b@shut.test", MTA_SENDMAIL);
	outcome_expect(outcome, "[] [] invalid-login");
	outcome = judge("a+00@shut.test", MTA_SENDMAIL);
	outcome_expect(outcome, "[] [] invalid-login");
	outcome = judge("a=b@shut.test", MTA_SENDMAIL);
	outcome_expect(outcome, "[] [] invalid-login");
}
END_TEST

START_TEST(alias_takes_the_place_of_the_login)
{
	mailbox_store(txn, "jane@shut.test", SMTP_AUTH_ENABLED, "");
	alias_store(txn, "jane@shut.test", "jd");
	alias_store(txn, "jane@shut.test", "jane.doe@free.test");
	alias_store(txn, "jane@shut.test", "CORP\\jane");
	alias_store(txn, "john@open.test", "jo");
	expect("jd", "[shut] [jane@shut.test] mailbox-enabled");
	expect("JD", "[shut] [jane@shut.test] mailbox-enabled");
	expect("Jane.Doe@FREE.test", "[shut] [jane@shut.test] mailbox-enabled");
	expect("corp\\JANE", "[shut] [jane@shut.test] mailbox-enabled");
	expect("jo", "[open] [john@open.test] tenant-enabled");
	expect("jdx", "[] [] unknown-tenant");
	expect("j", "[] [] unknown-tenant");
	expect("jane.doe@sub.free.test", "[] [jane.doe@sub.free.test] unknown-tenant");
}
END_TEST

START_TEST(alias_is_followed_once)
{
	/* such a pair cannot be made by ownership_add_alias() */
	struct login inner = login_make("jane@shut.test"), outer = login_make("jd");
	struct key key;
	uint8_t value[LOGIN_MAX + 1] = {1};

	key_login(&key, TABLE_ALIAS, &outer);
	memcpy(value + 1, inner.text, inner.len);
	expect_ok(store_put(txn, &key, (struct bytes){value, inner.len + 1}));
	key_login(&key, TABLE_ALIAS, &inner);
	expect_ok(store_put(txn, &key, (struct bytes){value, inner.len + 1}));
	expect("jd", "[shut] [jane@shut.test] tenant-disabled");
	expect("jane@shut.test", "[shut] [jane@shut.test] tenant-disabled");
}
END_TEST

START_TEST(broken_records_are_no_answer)
{
	struct submission submission = {
	    "jane@shut.test", 14, false, MTA_POSTFIX, "", "", "", NOW};
	static const char tables[] = {
	    TABLE_ALIAS, TABLE_MAILBOX, TABLE_DOMAIN, TABLE_TENANT};
	struct login login = login_make("jane@shut.test");
	struct outcome outcome;
	struct key key;

	if (_i < 2)
		key_login(&key, (enum table)tables[_i], &login);
	else
		key_name(&key, (enum table)tables[_i], _i == 2 ? "shut.test" : "shut");
	expect_ok(store_put(txn, &key, (struct bytes){"\1", 1}));
	expect_error(ERR_DAMAGED, submission_judge(txn, &submission, &outcome, NULL));
	expect_ok(store_put(txn, &key, (struct bytes){"\2\2", 2}));
	expect_error(ERR_NEWER, submission_judge(txn, &submission, &outcome, NULL));
	expect_ok(store_put(txn, &key, (struct bytes){"", 0}));
	expect_error(ERR_DAMAGED, submission_judge(txn, &submission, &outcome, NULL));
	if (tables[_i] == TABLE_DOMAIN) { /* its tenant's name is "" */
		expect_ok(store_put(txn, &key, (struct bytes){"\1\0\0", 3}));
		expect_error(
		    ERR_DAMAGED, submission_judge(txn, &submission, &outcome, NULL));
	}
	if (_i < 3)
		return;
	expect_ok(store_delete(txn, &key));
	expect_error(ERR_DAMAGED, submission_judge(txn, &submission, &outcome, NULL));
}
END_TEST

START_TEST(default_domain_is_for_logins_without_one)
{
	mailbox_store(txn, "jane@shut.test", SMTP_AUTH_ENABLED, "");
	expect("jane", "[] [] unknown-tenant");
	setting_store(txn, "default-domain", "Shut.TEST");
	expect("jane", "[shut] [jane@shut.test] mailbox-enabled");
	expect("Jane", "[shut] [jane@shut.test] mailbox-enabled");
	expect("john", "[shut] [john@shut.test] tenant-disabled");
	expect("jane@free.test", "[] [jane@free.test] unknown-tenant");
	expect("jane@", "[] [] invalid-login");
	alias_store(txn, "john@open.test", "jane"); /* an alias comes first */
	expect("jane", "[open] [john@open.test] tenant-enabled");
}
END_TEST

START_TEST(default_domain_that_makes_it_too_long)
{
	char login[LOGIN_RAW_MAX + 1], domain[DOMAIN_MAX + 1];

	for (int i = 0; i < DOMAIN_MAX; i++)
		domain[i] = i % 64 == 63 ? '.' : 'd';
	domain[DOMAIN_MAX] = '\0';
	setting_store(txn, "default-domain", domain);
	memset(login, 'a', LOGIN_RAW_MAX);
	login[LOGIN_RAW_MAX] = '\0';
	expect(login, "[] [] invalid-login");
}
END_TEST

START_TEST(separators_count_where_there_is_no_at)
{
	mailbox_store(txn, "jane@shut.test", SMTP_AUTH_ENABLED, "");
	expect("jane%shut.test", "[] [] unknown-tenant");
	setting_store(txn, "login-separators", "%/");
	expect("jane%shut.test", "[shut] [jane@shut.test] mailbox-enabled");
	expect("Jane/SHUT.test", "[shut] [jane@shut.test] mailbox-enabled");
	expect("a%b/shut.test", "[shut] [a%b@shut.test] tenant-disabled");
	expect("a/b%shut.test", "[shut] [a/b@shut.test] tenant-disabled");
	expect("jane%open.test@shut.test",
	    "[shut] [jane%open.test@shut.test] tenant-disabled");
	expect("%shut.test", "[] [] invalid-login");
	expect("jane%", "[] [] invalid-login");
	setting_store(txn, "default-domain", "open.test");
	expect("jane%shut.test", "[shut] [jane@shut.test] mailbox-enabled");
	expect("jane", "[open] [jane@open.test] tenant-enabled");
}
END_TEST

START_TEST(subaddress_counts_after_the_exact_mailbox)
{
	mailbox_store(txn, "jane@shut.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "jane+off@shut.test", SMTP_AUTH_DISABLED, "");
	expect("jane+x@shut.test", "[shut] [jane+x@shut.test] tenant-disabled");
	setting_store(txn, "subaddress-delimiter", "+-");
	expect("jane+x@shut.test", "[shut] [jane@shut.test] mailbox-enabled");
	expect("jane-x@shut.test", "[shut] [jane@shut.test] mailbox-enabled");
	expect("jane-x+y@shut.test", "[shut] [jane@shut.test] mailbox-enabled");
	expect("jane+@shut.test", "[shut] [jane@shut.test] mailbox-enabled");
	expect("jane+off@shut.test", "[shut] [jane+off@shut.test] mailbox-disabled");
	expect("+jane@shut.test", "[shut] [+jane@shut.test] tenant-disabled");
	expect("john+x@shut.test", "[shut] [john+x@shut.test] tenant-disabled");
	expect("jane+x@free.test", "[] [jane+x@free.test] unknown-tenant");
}
END_TEST

START_TEST(expired_setting_of_the_exact_mailbox_counts_no_more)
{
	struct login login = login_make("jane+x@shut.test");
	struct mailbox mailbox = mailbox_make(SMTP_AUTH_ENABLED, "");

	setting_store(txn, "subaddress-delimiter", "+");
	mailbox_store(txn, "jane@shut.test", SMTP_AUTH_DISABLED, "");
	mailbox.until = NOW + 1;
	expect_ok(mailbox_table_put(txn, &login, &mailbox));
	expect("jane+x@shut.test", "[shut] [jane+x@shut.test] mailbox-enabled");
	mailbox.until = NOW;
	expect_ok(mailbox_table_put(txn, &login, &mailbox));
	expect("jane+x@shut.test", "[shut] [jane@shut.test] mailbox-disabled");
}
END_TEST

START_TEST(lock_of_the_base_mailbox_holds_for_its_subaddresses)
{
	setting_store(txn, "subaddress-delimiter", "+");
	mailbox_store(txn, "jane+on@open.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "jane+note@open.test", SMTP_AUTH_INHERIT, "a note");
	set_locked("jane@open.test", SMTP_AUTH_ENABLED, INSTANT_NONE);
	ck_assert_int_eq(
	    judge("jane+x@open.test", MTA_POSTFIX)->decision.reason, REASON_LOCKED);
	ck_assert_int_eq(
	    judge("jane+on@open.test", MTA_POSTFIX)->decision.reason, REASON_LOCKED);
	ck_assert_int_eq(
	    judge("jane+note@open.test", MTA_POSTFIX)->decision.reason, REASON_LOCKED);
	ck_assert(judge("jane+on@open.test", MTA_POSTFIX)->decision.login_locked);
	set_locked("jane@open.test", SMTP_AUTH_INHERIT, NOW);
	expect("jane+on@open.test", "[open] [jane+on@open.test] mailbox-enabled");
	expect("jane+x@open.test", "[open] [jane+x@open.test] tenant-enabled");
}
END_TEST

START_TEST(lock_of_a_subaddress_is_its_own)
{
	setting_store(txn, "subaddress-delimiter", "+");
	mailbox_store(txn, "jane@open.test", SMTP_AUTH_ENABLED, "");
	set_locked("jane+x@open.test", SMTP_AUTH_INHERIT, NOW + 1);
	ck_assert_int_eq(
	    judge("jane+x@open.test", MTA_POSTFIX)->decision.reason, REASON_LOCKED);
	expect("jane+y@open.test", "[open] [jane@open.test] mailbox-enabled");
	expect("jane@open.test", "[open] [jane@open.test] mailbox-enabled");
	set_locked("jane@open.test", SMTP_AUTH_INHERIT, NOW);
	ck_assert_int_eq(
	    judge("jane+x@open.test", MTA_POSTFIX)->decision.reason, REASON_LOCKED);
}
END_TEST

/* steps_expect - a step of a judgement at AT is LINE */
static void
steps_expect(const char *login, instant at, const char *line)
{
	struct submission submission = {
	    login, strlen(login), false, MTA_POSTFIX, "", "", "PLAIN", at};
	struct outcome outcome;
	char text[STEPS_SIZE];
	struct text steps;
	const char *found;

	txn_commit(&txn);
	txn = txn_begin(store);
	text_init(&steps, text, sizeof(text));
	expect_ok(submission_judge(txn, &submission, &outcome, &steps));
	found = strstr(text, line);
	ck_assert_msg(found != NULL && found > text && found[-1] == '\n' &&
		found[strlen(line)] == '\n',
	    "no step \"%s\" in:\n%s", line, text);
}

START_TEST(steps_tell_what_is_stored)
{
	struct login login = login_make("jane+x@shut.test");
	struct mailbox mailbox = mailbox_make(SMTP_AUTH_ENABLED, "");
	struct tenant tenant;
	bool found;

	setting_store(txn, "subaddress-delimiter", "+");
	steps_expect(login.text, NOW, "tenant: shut, smtp-auth disabled");
	steps_expect(login.text, NOW, "mailbox setting: none");
	expect_ok(tenant_table_get(txn, "shut", &tenant, &found));
	ck_assert(found);
	tenant.blocks = BLOCKS_PASSWORDS;
	tenant.enforce_from = 0;
	expect_ok(tenant_table_put(txn, &tenant));
	lock_store_tenant(txn, "shut", INSTANT_NONE);
	steps_expect(login.text, NOW,
	    "tenant: shut, smtp-auth disabled, blocks passwords, "
	    "enforce-from 1970-01-01T00:00:00Z, locked");
	mailbox.until = NOW;
	expect_ok(mailbox_table_put(txn, &login, &mailbox));
	set_locked("jane@shut.test", SMTP_AUTH_INHERIT, NOW + 1);
	steps_expect(login.text, NOW - 1,
	    "mailbox setting: smtp-auth enabled, until 1970-01-12T13:46:40Z");
	steps_expect(login.text, NOW,
	    "mailbox setting: smtp-auth enabled, until 1970-01-12T13:46:40Z (expired)");
	steps_expect(
	    login.text, NOW, "locked until 1970-01-12T13:46:41Z: login jane@shut.test");
	steps_expect(login.text, NOW + 1,
	    "lock expired 1970-01-12T13:46:41Z: login jane@shut.test");
}
END_TEST

START_TEST(international_names_have_one_form)
{
	domain_store(txn, "xn--bcher-kva.test", "shut");
	mailbox_store(txn,
	    "j\xC3\xBCrgen@b\xC3\xBC"
	    "cher.test",
	    SMTP_AUTH_ENABLED, "");
	expect("J\xC3\x9CRGEN@B\xC3\x9C"
	       "CHER.TEST",
	    "[shut] [j\xC3\xBCrgen@xn--bcher-kva.test] mailbox-enabled");
	expect("ju\xCC\x88rgen@XN--BCHER-KVA.test",
	    "[shut] [j\xC3\xBCrgen@xn--bcher-kva.test] mailbox-enabled");
	expect("jurgen@b\xC3\xBC"
	       "cher\xE3\x80\x82test",
	    "[shut] [jurgen@xn--bcher-kva.test] tenant-disabled");
	/* no case folding: these are two accounts */
	mailbox_store(txn,
	    "stra\xC3\x9F"
	    "e@shut.test",
	    SMTP_AUTH_ENABLED, "");
	expect("strasse@shut.test", "[shut] [strasse@shut.test] tenant-disabled");
}
END_TEST

START_TEST(catch_all_has_the_rest)
{
	tenant_store_with(txn, "rest", SMTP_AUTH_DISABLED, DOMAIN_ANY);
	mailbox_store(txn, "jane@free.test", SMTP_AUTH_ENABLED, "");
	expect("jane@free.test", "[rest] [jane@free.test] mailbox-enabled");
	expect("john@free.test", "[rest] [john@free.test] tenant-disabled");
	expect("jane", "[rest] [] tenant-disabled");
	expect("jane@open.test", "[open] [jane@open.test] tenant-enabled");
	expect("jane@*", "[] [] invalid-login");
	expect("jane@", "[] [] invalid-login");
}
END_TEST

START_TEST(name_that_no_tenant_could_own_is_invalid)
{
	static const char odd[] = "jane@a\xE2\x80\x8D"
				  "b.test"; /* a joiner out of place */

	tenant_store_with(txn, "rest", SMTP_AUTH_DISABLED, DOMAIN_ANY);
	expect(odd, "[] [] invalid-login");
	expect("jane@\xF0\x9F\x98\x80.test", "[] [] invalid-login");
	expect("jane@192.0.2.1", "[] [] invalid-login");
}
END_TEST

/* What a transaction has written counts in it, before it is committed. */
START_TEST(judged_by_a_transaction_that_writes)
{
	struct submission submission = {
	    "jane@shut.test", 14, false, MTA_POSTFIX, "", "", "PLAIN", NOW};
	struct outcome outcome;

	txn_commit(&txn);
	txn = txn_begin(store);
	expect_ok(submission_judge(txn, &submission, &outcome, NULL));
	outcome_expect(&outcome, "[shut] [jane@shut.test] tenant-disabled");
	mailbox_store(txn, "jane@shut.test", SMTP_AUTH_ENABLED, "");
	expect_ok(submission_judge(txn, &submission, &outcome, NULL));
	outcome_expect(&outcome, "[shut] [jane@shut.test] mailbox-enabled");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("submission");
	TCase *tcase = state_add_case(suite, "submission");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, login_is_looked_up_in_normal_form);
	tcase_add_test(tcase, invalid_logins_have_no_tenant);
	tcase_add_test(tcase, nul_in_a_login_is_invalid);
	tcase_add_test(tcase, long_logins_are_never_cut);
	tcase_add_test(tcase, sendmail_sends_xtext);
	tcase_add_test(tcase, alias_takes_the_place_of_the_login);
	tcase_add_test(tcase, alias_is_followed_once);
	tcase_add_loop_test(tcase, broken_records_are_no_answer, 0, 4);
	tcase_add_test(tcase, default_domain_is_for_logins_without_one);
	tcase_add_test(tcase, default_domain_that_makes_it_too_long);
	tcase_add_test(tcase, separators_count_where_there_is_no_at);
	tcase_add_test(tcase, subaddress_counts_after_the_exact_mailbox);
	tcase_add_test(tcase, expired_setting_of_the_exact_mailbox_counts_no_more);
	tcase_add_test(tcase, lock_of_the_base_mailbox_holds_for_its_subaddresses);
	tcase_add_test(tcase, lock_of_a_subaddress_is_its_own);
	tcase_add_test(tcase, steps_tell_what_is_stored);
	tcase_add_test(tcase, international_names_have_one_form);
	tcase_add_test(tcase, catch_all_has_the_rest);
	tcase_add_test(tcase, judged_by_a_transaction_that_writes);
	tcase_add_test(tcase, name_that_no_tenant_could_own_is_invalid);
	return suite_run(suite);
}
