/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_decision.c - rows 4 to 12 of the decision table, through the milter. */
#include "tests/lib/sample.h"
#include "tests/lib/suite.h"

static struct site site;

static void
setup(void)
{
	sample_open(&site);
	site_start(&site);
}

static void
teardown(void)
{
	site_close(&site);
}

START_TEST(row_4_invalid_login)
{
	sample_expect_styles(
	    &site, "@", WORDS_OTHER, EXCHANGE_OTHER, "reject", "invalid-login");
	site_do(&site, "settings set invalid-login tempfail");
	sample_expect_styles(&site, "user@", WORDS_OTHER_FOR_NOW,
	    EXCHANGE_OTHER_FOR_NOW, "tempfail", "invalid-login");
	site_do(&site, "settings set invalid-login accept");
	expect_pass(&site, "@open.test", "allow", "invalid-login");
}
END_TEST

START_TEST(row_5_unknown_tenant)
{
	expect_pass(&site, "user@unknown.test", "allow", "unknown-tenant");
	expect_pass(&site, "user", "allow", "unknown-tenant");
	site_do(&site, "settings set unknown-tenant tempfail");
	sample_expect_styles(&site, "user@unknown.test", WORDS_OTHER_FOR_NOW,
	    EXCHANGE_OTHER_FOR_NOW, "tempfail", "unknown-tenant");
	site_do(&site, "settings set unknown-tenant reject");
	sample_expect_styles(&site, "user@unknown.test", WORDS_OTHER, EXCHANGE_OTHER,
	    "reject", "unknown-tenant");
	expect_denial(&site, "user", WORDS_OTHER, "reject", "unknown-tenant");
	expect_pass(&site, "user@open.test", "allow", "tenant-enabled");
}
END_TEST

START_TEST(row_6_disabled_mailbox_of_an_enabled_tenant)
{
	site_do(&site, "mailbox set user@open.test --smtp-auth disabled");
	sample_expect_styles(&site, "user@open.test",
	    WORDS_DISABLED "mailbox user@open.test",
	    EXCHANGE_UNSUCCESSFUL EXCHANGE_MAILBOX, "reject", "mailbox-disabled");
	expect_pass(&site, "other@open.test", "allow", "tenant-enabled");
	site_do(&site, "tenant set open --action tempfail");
	sample_expect_styles(&site, "user@open.test",
	    WORDS_DISABLED_FOR_NOW "mailbox user@open.test",
	    EXCHANGE_FOR_NOW EXCHANGE_MAILBOX, "tempfail", "mailbox-disabled");
	site_do(&site, "mailbox set user@open.test --smtp-auth inherit");
	expect_pass(&site, "user@open.test", "allow", "tenant-enabled");
}
END_TEST

START_TEST(row_6_disabled_mailbox_is_enforced_where_its_tenant_only_reports)
{
	site_do(&site, "mailbox set user@open.test --smtp-auth disabled");
	site_do(&site, "tenant set open --action report");
	expect_denial(&site, "user@open.test", WORDS_DISABLED "mailbox user@open.test",
	    "reject", "mailbox-disabled");
	site_do(&site, "settings set action tempfail");
	expect_denial(&site, "user@open.test",
	    WORDS_DISABLED_FOR_NOW "mailbox user@open.test", "tempfail",
	    "mailbox-disabled");
	site_do(&site, "settings set action report");
	expect_denial(&site, "user@open.test", WORDS_DISABLED "mailbox user@open.test",
	    "reject", "mailbox-disabled");
	site_do(&site, "tenant set open --action default");
	expect_denial(&site, "user@open.test", WORDS_DISABLED "mailbox user@open.test",
	    "reject", "mailbox-disabled");
}
END_TEST

START_TEST(row_6_disabled_mailbox_ends_at_its_time)
{
	char until[32];

	sample_time(until, sizeof(until), 2);
	site_do(
	    &site, "mailbox set user@open.test --smtp-auth disabled --until %s", until);
	expect_denial(&site, "user@open.test", WORDS_DISABLED "mailbox user@open.test",
	    "reject", "mailbox-disabled");
	ck_assert(sample_await(&site, "user@open.test", true));
	expect_pass(&site, "user@open.test", "allow", "tenant-enabled");
}
END_TEST

START_TEST(row_7_enabled_mailbox_of_a_disabled_tenant)
{
	site_do(&site, "mailbox set user@shut.test --smtp-auth enabled");
	expect_pass(&site, "user@shut.test", "allow", "mailbox-enabled");
	expect_shut(&site, "other@shut.test");
}
END_TEST

START_TEST(row_7_enabled_mailbox_holds_only_from_its_clients)
{
	struct submission user = submission_by("user@shut.test");

	site_do(&site,
	    "mailbox set user@shut.test --smtp-auth enabled "
	    "--clients 192.0.2.10,2001:db8:1::/48");
	expect_submission_pass(&site, &user);
	user.client = "IPv6:2001:db8:1::9";
	expect_submission_pass(&site, &user);
	user.client = "192.0.2.11";
	expect_submission_shut(&site, &user);
	user.client = NULL;
	expect_submission_shut(&site, &user);
}
END_TEST

START_TEST(row_7_enabled_mailbox_ends_at_its_time)
{
	char until[32];

	sample_time(until, sizeof(until), 2);
	site_do(
	    &site, "mailbox set user@shut.test --smtp-auth enabled --until %s", until);
	expect_pass(&site, "user@shut.test", "allow", "mailbox-enabled");
	ck_assert(sample_await(&site, "user@shut.test", false));
	expect_shut(&site, "user@shut.test");
}
END_TEST

START_TEST(row_8_enabled_tenant)
{
	expect_pass(&site, "user@open.test", "allow", "tenant-enabled");
	site_do(&site, "tenant set open --smtp-auth disabled");
	expect_denial(&site, "user@open.test", WORDS_DISABLED "tenant open", "reject",
	    "tenant-disabled");
}
END_TEST

START_TEST(row_9_modern_mechanisms_pass_where_passwords_are_blocked)
{
	static const char *const modern[] = {
	    "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "GSSAPI", "GSS-SPNEGO"};
	static const char *const passwords[] = {
	    "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "NTLM", "", NULL};
	struct submission user = submission_by("user@shut.test");
	size_t i;

	user.mechanism = modern[0];
	expect_submission_shut(&site, &user);
	site_do(&site, "tenant set shut --blocks passwords");
	for (i = 0; i < sizeof(modern) / sizeof(modern[0]); i++) {
		user.mechanism = modern[i];
		expect_submission_pass(&site, &user);
	}
	expect_nothing_wrong(
	    log_not_decision(&site, "user@shut.test", "allow", "modern-auth"));
	for (i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		user.mechanism = passwords[i];
		expect_submission_shut(&site, &user);
	}
}
END_TEST

START_TEST(row_10_scheduled_tenant_passes_before_its_time)
{
	site_do(&site, "tenant set shut --enforce-from +1h");
	expect_pass(&site, "user@shut.test", "allow", "scheduled");
	site_do(&site, "tenant set shut --enforce-from 2020-01-01");
	expect_shut(&site, "user@shut.test");
	site_do(&site, "tenant set shut --enforce-from none");
	expect_shut(&site, "user@shut.test");
}
END_TEST

START_TEST(row_11_tenant_tempfails_before_its_time)
{
	site_do(&site, "tenant set shut --tempfail-until +1h");
	sample_expect_styles(&site, "user@shut.test",
	    WORDS_DISABLED_FOR_NOW "tenant shut", EXCHANGE_FOR_NOW EXCHANGE_TENANT,
	    "tempfail", "tenant-disabled");
	site_do(&site, "tenant set shut --enforce-from +30m");
	expect_pass(&site, "user@shut.test", "allow", "scheduled");
	site_do(&site, "tenant set shut --enforce-from none --action report");
	expect_pass(&site, "user@shut.test", "report", "tenant-disabled");
}
END_TEST

START_TEST(row_12_disabled_tenant_takes_the_action_of_its_layer)
{
	sample_expect_styles(&site, "user@shut.test", WORDS_SHUT,
	    EXCHANGE_UNSUCCESSFUL EXCHANGE_TENANT, "reject", "tenant-disabled");
	site_do(&site, "settings set action tempfail");
	sample_expect_styles(&site, "user@shut.test",
	    WORDS_DISABLED_FOR_NOW "tenant shut", EXCHANGE_FOR_NOW EXCHANGE_TENANT,
	    "tempfail", "tenant-disabled");
	site_do(&site, "settings set action report");
	expect_pass(&site, "user@shut.test", "report", "tenant-disabled");
	site_do(&site, "tenant set shut --action reject");
	expect_shut(&site, "user@shut.test");
	site_do(&site, "tenant set shut --action tempfail");
	expect_denial(&site, "user@shut.test", WORDS_DISABLED_FOR_NOW "tenant shut",
	    "tempfail", "tenant-disabled");
	site_do(&site, "settings set action reject");
	site_do(&site, "tenant set shut --action report");
	expect_pass(&site, "user@shut.test", "report", "tenant-disabled");
}
END_TEST

START_TEST(dry_run_lets_every_denial_pass_as_a_report)
{
	site_do(&site, "settings set enforce no");
	site_do(&site, "settings set unknown-tenant reject");
	site_do(&site, "mailbox set off@open.test --smtp-auth disabled");
	site_do(&site,
	    "tenant add later --domain later.test --smtp-auth disabled "
	    "--tempfail-until +1h");
	expect_pass(&site, "@", "report", "invalid-login");
	expect_pass(&site, "user@unknown.test", "report", "unknown-tenant");
	expect_pass(&site, "off@open.test", "report", "mailbox-disabled");
	expect_pass(&site, "user@later.test", "report", "tenant-disabled");
	expect_pass(&site, "user@shut.test", "report", "tenant-disabled");
	expect_pass(&site, "user@open.test", "allow", "tenant-enabled");
	site_do(&site, "settings set enforce yes");
	expect_shut(&site, "user@shut.test");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter_decision");
	TCase *rows = suite_add_case(suite, "rows");

	tcase_add_checked_fixture(rows, setup, teardown);
	tcase_add_test(rows, row_4_invalid_login);
	tcase_add_test(rows, row_5_unknown_tenant);
	tcase_add_test(rows, row_6_disabled_mailbox_of_an_enabled_tenant);
	tcase_add_test(
	    rows, row_6_disabled_mailbox_is_enforced_where_its_tenant_only_reports);
	tcase_add_test(rows, row_6_disabled_mailbox_ends_at_its_time);
	tcase_add_test(rows, row_7_enabled_mailbox_of_a_disabled_tenant);
	tcase_add_test(rows, row_7_enabled_mailbox_holds_only_from_its_clients);
	tcase_add_test(rows, row_7_enabled_mailbox_ends_at_its_time);
	tcase_add_test(rows, row_8_enabled_tenant);
	tcase_add_test(rows, row_9_modern_mechanisms_pass_where_passwords_are_blocked);
	tcase_add_test(rows, row_10_scheduled_tenant_passes_before_its_time);
	tcase_add_test(rows, row_11_tenant_tempfails_before_its_time);
	tcase_add_test(rows, row_12_disabled_tenant_takes_the_action_of_its_layer);
	tcase_add_test(rows, dry_run_lets_every_denial_pass_as_a_report);
	return suite_run(suite);
}
