/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_decision.c - rows 4 to 12 of the decision table, through the milter. */
#include "tests/lib/sample_policy.h"
#include "tests/lib/suite.h"

static struct instance instance;

static void
setup(void)
{
	sample_policy_open(&instance);
	instance_start(&instance);
}

static void
teardown(void)
{
	instance_close(&instance);
}

START_TEST(row_4_invalid_login)
{
	sample_policy_expect_styles(
	    &instance, "@", WORDS_OTHER, EXCHANGE_OTHER, "reject", "invalid-login");
	instance_do(&instance, "settings set invalid-login tempfail");
	sample_policy_expect_styles(&instance, "user@", WORDS_OTHER_FOR_NOW,
	    EXCHANGE_OTHER_FOR_NOW, "tempfail", "invalid-login");
	instance_do(&instance, "settings set invalid-login accept");
	expect_pass(&instance, "@open.test", "allow", "invalid-login");
}
END_TEST

START_TEST(row_5_unknown_tenant)
{
	expect_pass(&instance, "user@unknown.test", "allow", "unknown-tenant");
	expect_pass(&instance, "user", "allow", "unknown-tenant");
	instance_do(&instance, "settings set unknown-tenant tempfail");
	sample_policy_expect_styles(&instance, "user@unknown.test", WORDS_OTHER_FOR_NOW,
	    EXCHANGE_OTHER_FOR_NOW, "tempfail", "unknown-tenant");
	instance_do(&instance, "settings set unknown-tenant reject");
	sample_policy_expect_styles(&instance, "user@unknown.test", WORDS_OTHER,
	    EXCHANGE_OTHER, "reject", "unknown-tenant");
	expect_denial(&instance, "user", WORDS_OTHER, "reject", "unknown-tenant");
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
}
END_TEST

START_TEST(row_6_disabled_mailbox_of_an_enabled_tenant)
{
	instance_do(&instance, "mailbox set user@open.test --smtp-auth disabled");
	sample_policy_expect_styles(&instance, "user@open.test",
	    WORDS_DISABLED "mailbox user@open.test",
	    EXCHANGE_UNSUCCESSFUL EXCHANGE_MAILBOX, "reject", "mailbox-disabled");
	expect_pass(&instance, "other@open.test", "allow", "tenant-enabled");
	instance_do(&instance, "tenant set open --action tempfail");
	sample_policy_expect_styles(&instance, "user@open.test",
	    WORDS_DISABLED_FOR_NOW "mailbox user@open.test",
	    EXCHANGE_FOR_NOW EXCHANGE_MAILBOX, "tempfail", "mailbox-disabled");
	instance_do(&instance, "mailbox set user@open.test --smtp-auth inherit");
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
}
END_TEST

START_TEST(row_6_disabled_mailbox_is_enforced_where_its_tenant_only_reports)
{
	instance_do(&instance, "mailbox set user@open.test --smtp-auth disabled");
	instance_do(&instance, "tenant set open --action report");
	expect_denial(&instance, "user@open.test",
	    WORDS_DISABLED "mailbox user@open.test", "reject", "mailbox-disabled");
	instance_do(&instance, "settings set action tempfail");
	expect_denial(&instance, "user@open.test",
	    WORDS_DISABLED_FOR_NOW "mailbox user@open.test", "tempfail",
	    "mailbox-disabled");
	instance_do(&instance, "settings set action report");
	expect_denial(&instance, "user@open.test",
	    WORDS_DISABLED "mailbox user@open.test", "reject", "mailbox-disabled");
	instance_do(&instance, "tenant set open --action default");
	expect_denial(&instance, "user@open.test",
	    WORDS_DISABLED "mailbox user@open.test", "reject", "mailbox-disabled");
}
END_TEST

START_TEST(row_6_disabled_mailbox_ends_at_its_time)
{
	char until[32];

	sample_policy_time(until, sizeof(until), 2);
	instance_do(&instance,
	    "mailbox set user@open.test --smtp-auth disabled --until %s", until);
	expect_denial(&instance, "user@open.test",
	    WORDS_DISABLED "mailbox user@open.test", "reject", "mailbox-disabled");
	ck_assert(sample_policy_await(&instance, "user@open.test", true));
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
}
END_TEST

START_TEST(row_7_enabled_mailbox_of_a_disabled_tenant)
{
	instance_do(&instance, "mailbox set user@shut.test --smtp-auth enabled");
	expect_pass(&instance, "user@shut.test", "allow", "mailbox-enabled");
	expect_shut(&instance, "other@shut.test");
}
END_TEST

START_TEST(row_7_enabled_mailbox_holds_only_from_its_clients)
{
	struct mail_from user = mail_from_by("user@shut.test");

	instance_do(&instance,
	    "mailbox set user@shut.test --smtp-auth enabled "
	    "--clients 192.0.2.10,2001:db8:1::/48");
	expect_mail_from_pass(&instance, &user);
	user.client = "IPv6:2001:db8:1::9";
	expect_mail_from_pass(&instance, &user);
	user.client = "192.0.2.11";
	expect_mail_from_shut(&instance, &user);
	user.client = NULL;
	expect_mail_from_shut(&instance, &user);
}
END_TEST

START_TEST(row_7_enabled_mailbox_ends_at_its_time)
{
	char until[32];

	sample_policy_time(until, sizeof(until), 2);
	instance_do(&instance,
	    "mailbox set user@shut.test --smtp-auth enabled --until %s", until);
	expect_pass(&instance, "user@shut.test", "allow", "mailbox-enabled");
	ck_assert(sample_policy_await(&instance, "user@shut.test", false));
	expect_shut(&instance, "user@shut.test");
}
END_TEST

START_TEST(row_8_enabled_tenant)
{
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
	instance_do(&instance, "tenant set open --smtp-auth disabled");
	expect_denial(&instance, "user@open.test", WORDS_DISABLED "tenant open",
	    "reject", "tenant-disabled");
}
END_TEST

START_TEST(row_9_modern_mechanisms_pass_where_passwords_are_blocked)
{
	static const char *const modern[] = {
	    "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "GSSAPI", "GSS-SPNEGO"};
	static const char *const passwords[] = {
	    "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "NTLM", "", NULL};
	struct mail_from user = mail_from_by("user@shut.test");
	size_t i;

	user.mechanism = modern[0];
	expect_mail_from_shut(&instance, &user);
	instance_do(&instance, "tenant set shut --blocks passwords");
	for (i = 0; i < sizeof(modern) / sizeof(modern[0]); i++) {
		user.mechanism = modern[i];
		expect_mail_from_pass(&instance, &user);
	}
	expect_nothing_wrong(
	    log_not_decision(&instance, "user@shut.test", "allow", "modern-auth"));
	for (i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		user.mechanism = passwords[i];
		expect_mail_from_shut(&instance, &user);
	}
}
END_TEST

START_TEST(row_10_scheduled_tenant_passes_before_its_time)
{
	instance_do(&instance, "tenant set shut --enforce-from +1h");
	expect_pass(&instance, "user@shut.test", "allow", "scheduled");
	instance_do(&instance, "tenant set shut --enforce-from 2020-01-01");
	expect_shut(&instance, "user@shut.test");
	instance_do(&instance, "tenant set shut --enforce-from none");
	expect_shut(&instance, "user@shut.test");
}
END_TEST

START_TEST(row_11_tenant_tempfails_before_its_time)
{
	instance_do(&instance, "tenant set shut --tempfail-until +1h");
	sample_policy_expect_styles(&instance, "user@shut.test",
	    WORDS_DISABLED_FOR_NOW "tenant shut", EXCHANGE_FOR_NOW EXCHANGE_TENANT,
	    "tempfail", "tenant-disabled");
	instance_do(&instance, "tenant set shut --enforce-from +30m");
	expect_pass(&instance, "user@shut.test", "allow", "scheduled");
	instance_do(&instance, "tenant set shut --enforce-from none --action report");
	expect_pass(&instance, "user@shut.test", "report", "tenant-disabled");
}
END_TEST

START_TEST(row_12_disabled_tenant_takes_the_action_of_its_layer)
{
	sample_policy_expect_styles(&instance, "user@shut.test", WORDS_SHUT,
	    EXCHANGE_UNSUCCESSFUL EXCHANGE_TENANT, "reject", "tenant-disabled");
	instance_do(&instance, "settings set action tempfail");
	sample_policy_expect_styles(&instance, "user@shut.test",
	    WORDS_DISABLED_FOR_NOW "tenant shut", EXCHANGE_FOR_NOW EXCHANGE_TENANT,
	    "tempfail", "tenant-disabled");
	instance_do(&instance, "settings set action report");
	expect_pass(&instance, "user@shut.test", "report", "tenant-disabled");
	instance_do(&instance, "tenant set shut --action reject");
	expect_shut(&instance, "user@shut.test");
	instance_do(&instance, "tenant set shut --action tempfail");
	expect_denial(&instance, "user@shut.test", WORDS_DISABLED_FOR_NOW "tenant shut",
	    "tempfail", "tenant-disabled");
	instance_do(&instance, "settings set action reject");
	instance_do(&instance, "tenant set shut --action report");
	expect_pass(&instance, "user@shut.test", "report", "tenant-disabled");
}
END_TEST

START_TEST(dry_run_lets_every_denial_pass_as_a_report)
{
	instance_do(&instance, "settings set enforce no");
	instance_do(&instance, "settings set unknown-tenant reject");
	instance_do(&instance, "mailbox set off@open.test --smtp-auth disabled");
	instance_do(&instance,
	    "tenant add later --domain later.test --smtp-auth disabled "
	    "--tempfail-until +1h");
	expect_pass(&instance, "@", "report", "invalid-login");
	expect_pass(&instance, "user@unknown.test", "report", "unknown-tenant");
	expect_pass(&instance, "off@open.test", "report", "mailbox-disabled");
	expect_pass(&instance, "user@later.test", "report", "tenant-disabled");
	expect_pass(&instance, "user@shut.test", "report", "tenant-disabled");
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
	instance_do(&instance, "settings set enforce yes");
	expect_shut(&instance, "user@shut.test");
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
