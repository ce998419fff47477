/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_exemption.c - rows 0 to 3 of the decision table, through the milter. */
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

START_TEST(row_0_mail_without_login_passes)
{
	struct mail_from postfix = mail_from_by(NULL);
	struct mail_from sendmail = mail_from_by_sendmail(NULL);

	instance_do(&instance, "settings set unknown-tenant reject");
	expect_mail_from_pass(&instance, &postfix);
	expect_mail_from_pass(&instance, &sendmail);
}
END_TEST

START_TEST(row_1_locked_tenant_is_rejected)
{
	instance_do(&instance, "tenant lock open");
	sample_policy_expect_styles(&instance, "user@open.test",
	    WORDS_LOCKED "tenant open", EXCHANGE_LOCKED, "reject", "locked");
	instance_do(&instance, "tenant unlock open");
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
}
END_TEST

START_TEST(row_1_locked_mailbox_is_rejected)
{
	instance_do(&instance, "mailbox lock user@open.test");
	sample_policy_expect_styles(&instance, "user@open.test",
	    WORDS_LOCKED "mailbox user@open.test", EXCHANGE_LOCKED, "reject", "locked");
	expect_pass(&instance, "other@open.test", "allow", "tenant-enabled");
	instance_do(&instance, "mailbox unlock user@open.test");
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
}
END_TEST

START_TEST(row_1_nothing_exempts_from_a_lock)
{
	instance_do(&instance, "settings set exempt-clients 192.0.2.0/24");
	instance_do(&instance, "settings set exempt-listeners ORIGINATING");
	instance_do(&instance, "settings set enforce no");
	instance_do(&instance, "settings set action report");
	instance_do(&instance, "mailbox set user@open.test --smtp-auth enabled");
	instance_do(&instance, "tenant set open --action report");
	instance_do(&instance, "tenant lock open");
	expect_denial(&instance, "user@open.test", WORDS_LOCKED "tenant open", "reject",
	    "locked");
	instance_do(&instance, "tenant unlock open");
	instance_do(&instance, "mailbox lock user@open.test");
	expect_denial(&instance, "user@open.test",
	    WORDS_LOCKED "mailbox user@open.test", "reject", "locked");
}
END_TEST

START_TEST(row_1_lock_ends_at_its_time)
{
	char until[32];

	sample_policy_time(until, sizeof(until), 2);
	instance_do(&instance, "tenant lock open --until %s", until);
	expect_denial(&instance, "user@open.test", WORDS_LOCKED "tenant open", "reject",
	    "locked");
	ck_assert(sample_policy_await(&instance, "user@open.test", true));
}
END_TEST

START_TEST(row_2_exempt_client_passes)
{
	struct mail_from user = mail_from_by("user@shut.test");

	instance_do(
	    &instance, "settings set exempt-clients 192.0.2.8/30,2001:db8::/32");
	expect_pass(&instance, "user@shut.test", "allow", "exempt-client");
	user.client = "192.0.2.12";
	expect_mail_from_shut(&instance, &user);
	user.client = "2001:db8::7";
	expect_mail_from_pass(&instance, &user);
	user.client = "IPv6:2001:db8::7";
	expect_mail_from_pass(&instance, &user);
	user.client = "2001:db9::7";
	expect_mail_from_shut(&instance, &user);
	user.client = "::ffff:192.0.2.9";
	expect_mail_from_pass(&instance, &user);
	user.client = "IPv6:::ffff:192.0.2.9";
	expect_mail_from_pass(&instance, &user);
}
END_TEST

START_TEST(row_2_missing_client_matches_no_list)
{
	struct mail_from user = mail_from_by("user@shut.test");

	instance_do(&instance, "settings set exempt-clients 0.0.0.0/0,::/0 --force");
	expect_mail_from_pass(&instance, &user);
	user.client = "not an address";
	expect_mail_from_shut(&instance, &user);
	user.client = "";
	expect_mail_from_shut(&instance, &user);
	user.client = NULL;
	expect_mail_from_shut(&instance, &user);
}
END_TEST

START_TEST(row_3_exempt_listener_passes)
{
	struct mail_from user = mail_from_by("user@shut.test");

	instance_do(&instance, "settings set exempt-listeners WEBMAIL,ORIGINATING");
	expect_pass(&instance, "user@shut.test", "allow", "exempt-listener");
	user.listener = "WEBMAIL";
	expect_mail_from_pass(&instance, &user);
	user.listener = "WEB";
	expect_mail_from_shut(&instance, &user);
	user.listener = NULL;
	expect_mail_from_shut(&instance, &user);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter_exemption");
	TCase *rows = suite_add_case(suite, "rows");

	tcase_add_checked_fixture(rows, setup, teardown);
	tcase_add_test(rows, row_0_mail_without_login_passes);
	tcase_add_test(rows, row_1_locked_tenant_is_rejected);
	tcase_add_test(rows, row_1_locked_mailbox_is_rejected);
	tcase_add_test(rows, row_1_nothing_exempts_from_a_lock);
	tcase_add_test(rows, row_1_lock_ends_at_its_time);
	tcase_add_test(rows, row_2_exempt_client_passes);
	tcase_add_test(rows, row_2_missing_client_matches_no_list);
	tcase_add_test(rows, row_3_exempt_listener_passes);
	return suite_run(suite);
}
