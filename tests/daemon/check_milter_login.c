/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_login.c - whose login it is: Sendmail's and Postfix's, and bad ones. */
#include "tests/lib/log_line.h"
#include "tests/lib/sample_policy.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_LOGIN = 10000, LONGEST_LOGIN = 320 };

static struct instance instance;

/* setup - only mailboxes that are disabled by name are denied as mailboxes */
static void
setup(void)
{
	sample_policy_open(&instance);
	instance_do(&instance, "mailbox set a+b@open.test --smtp-auth disabled");
	instance_do(&instance, "mailbox set a+2Bb@open.test --smtp-auth disabled");
}

static void
teardown(void)
{
	instance_close(&instance);
}

#define WORDS_PLUS WORDS_DISABLED "mailbox a+b@open.test"
#define WORDS_RAW WORDS_DISABLED "mailbox a+2bb@open.test"

START_TEST(sendmail_login_is_decoded)
{
	struct mail_from user = mail_from_by_sendmail("a+2Bb@open.test");

	instance_start(&instance);
	expect_mail_from_denial(
	    &instance, &user, WORDS_PLUS, "reject", "mailbox-disabled");
	user.version = "8.18.1/8.18.1";
	expect_mail_from_denial(
	    &instance, &user, WORDS_PLUS, "reject", "mailbox-disabled");
}
END_TEST

START_TEST(postfix_login_is_taken_as_it_is)
{
	struct mail_from user = mail_from_by("a+2Bb@open.test");

	instance_start(&instance);
	expect_mail_from_denial(
	    &instance, &user, WORDS_RAW, "reject", "mailbox-disabled");
	user.login = "a+b@open.test";
	expect_mail_from_denial(
	    &instance, &user, WORDS_PLUS, "reject", "mailbox-disabled");
	/* The administrator can give Postfix another name. */
	user.version = "Acme 1.0";
	expect_mail_from_denial(
	    &instance, &user, WORDS_PLUS, "reject", "mailbox-disabled");
	user.login = "a+2Bb@open.test";
	expect_mail_from_denial(
	    &instance, &user, WORDS_RAW, "reject", "mailbox-disabled");
}
END_TEST

START_TEST(bad_xtext_is_an_invalid_login)
{
	static const char *const logins[] = {"a+ZZ@open.test", "a+2@open.test", "a@b+",
	    "a+4", "a+00b@open.test", "a+0Ab@open.test", "a+FF@open.test"};
	size_t i;

	instance_start(&instance);
	for (i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		struct mail_from user = mail_from_by_sendmail(logins[i]);

		expect_mail_from_denial(
		    &instance, &user, WORDS_OTHER, "reject", "invalid-login");
	}
}
END_TEST

START_TEST(unknown_mta_is_a_doubt_and_the_log_names_the_key)
{
	struct mail_from user = mail_from_by("user@open.test");
	struct mail_from nobody = mail_from_by(NULL);
	char *log;

	instance_start(&instance);
	expect_mail_from_pass(&instance, &user);
	log = instance_log(&instance);
	ck_assert_ptr_null(strstr(log, "mta"));
	free(log);
	user.version = NULL;
	expect_mail_from_denial(
	    &instance, &user, WORDS_STORE_ERROR, "tempfail", "store-error");
	ck_assert(log_line_mentions(&instance, "mta"));
	nobody.version = NULL;
	expect_mail_from_pass(&instance, &nobody);
	user.version = "Postfix 3.7.11";
	expect_mail_from_pass(&instance, &user);
}
END_TEST

START_TEST(unknown_mta_is_answered_by_on_error)
{
	struct mail_from user = mail_from_by("user@open.test");

	user.version = NULL;
	instance_configure(&instance, "on-error", "reject");
	instance_start(&instance);
	expect_mail_from_denial(
	    &instance, &user, WORDS_STORE_ERROR_REJECT, "reject", "store-error");
}
END_TEST

START_TEST(unknown_mta_passes_where_errors_pass)
{
	struct mail_from user = mail_from_by("user@shut.test");

	user.version = NULL;
	instance_configure(&instance, "on-error", "accept");
	instance_start(&instance);
	expect_mail_from_pass(&instance, &user);
	user.version = "Postfix 3.7.11";
	expect_mail_from_shut(&instance, &user);
}
END_TEST

START_TEST(configured_sendmail_overrides_the_macro)
{
	struct mail_from user = mail_from_by("a+2Bb@open.test");

	instance_configure(&instance, "mta", "sendmail");
	instance_start(&instance);
	expect_mail_from_denial(
	    &instance, &user, WORDS_PLUS, "reject", "mailbox-disabled");
	user.version = NULL;
	expect_mail_from_denial(
	    &instance, &user, WORDS_PLUS, "reject", "mailbox-disabled");
}
END_TEST

START_TEST(configured_postfix_overrides_the_macro)
{
	struct mail_from user = mail_from_by_sendmail("a+2Bb@open.test");

	instance_configure(&instance, "mta", "postfix");
	instance_start(&instance);
	expect_mail_from_denial(
	    &instance, &user, WORDS_RAW, "reject", "mailbox-disabled");
	user.version = NULL;
	expect_mail_from_denial(
	    &instance, &user, WORDS_RAW, "reject", "mailbox-disabled");
}
END_TEST

START_TEST(login_is_found_in_any_case_and_form)
{
	static const char *const logins[] = {"JÖRG@BÜCHER.test",
	    "jörg@xn--bcher-kva.test", "Jörg@XN--BCHER-KVA.TEST.",
	    "jo\xcc\x88rg@bücher.test"};
	size_t i;

	instance_do(&instance, "domain add open bücher.test");
	instance_do(&instance, "mailbox set jörg@bücher.test --smtp-auth disabled");
	instance_start(&instance);
	expect_denial(
	    &instance, "A+B@OPEN.test.", WORDS_PLUS, "reject", "mailbox-disabled");
	for (i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		struct mta_reply reply = mail_from_send_by(&instance, logins[i]);

		ck_assert_int_eq(reply.kind, MTA_REPLY);
		expect_nothing_wrong(
		    log_not_denial(&instance, &reply, "reject", "mailbox-disabled"));
	}
}
END_TEST

START_TEST(login_without_domain_finds_its_mailbox)
{
	instance_start(&instance);
	expect_pass(&instance, "a+b", "allow", "unknown-tenant");
	instance_do(&instance, "settings set default-domain open.test");
	expect_denial(&instance, "a+b", WORDS_PLUS, "reject", "mailbox-disabled");
	instance_do(&instance, "settings unset default-domain");
	instance_do(&instance, "mailbox alias add a+b@open.test 'OPEN\\ab'");
	expect_denial(&instance, "open\\AB", WORDS_PLUS, "reject", "mailbox-disabled");
	instance_do(&instance, "settings set login-separators '%%'");
	expect_denial(
	    &instance, "a+b%open.test", WORDS_PLUS, "reject", "mailbox-disabled");
}
END_TEST

START_TEST(lone_at_signs_are_invalid)
{
	static const char *const logins[] = {
	    "@", "@@", "user@", "@open.test", "user@@", "user@.", "user@open..test"};
	size_t i;

	instance_start(&instance);
	for (i = 0; i < sizeof(logins) / sizeof(logins[0]); i++)
		expect_denial(
		    &instance, logins[i], WORDS_OTHER, "reject", "invalid-login");
}
END_TEST

START_TEST(broken_utf8_is_invalid)
{
	static const char *const logins[] = {"\xff\xfe@open.test", "a\xc3@open.test",
	    "\xc0\xaf@open.test", "\xed\xa0\x80@open.test", "a@\x80.test",
	    "\xf4\x90\x80\x80@open.test", "\xe2\x82"};
	size_t i;

	instance_start(&instance);
	for (i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		struct mail_from user = mail_from_by(logins[i]);

		expect_mail_from_denial(
		    &instance, &user, WORDS_OTHER, "reject", "invalid-login");
	}
}
END_TEST

START_TEST(control_characters_are_invalid)
{
	static const char *const logins[] = {"\1user@open.test", "us\ter@open.test",
	    "user@open.test\r\n", "user\x7f@open.test", "\x1b[31muser@open.test",
	    "user@open.test\nFORGED id=forged verdict=allow", "us\302\205er@open.test"};
	size_t i;
	char *log;

	instance_start(&instance);
	for (i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		struct mail_from user = mail_from_by(logins[i]);

		expect_mail_from_denial(
		    &instance, &user, WORDS_OTHER, "reject", "invalid-login");
	}
	log = instance_log(&instance);
	ck_assert_ptr_null(strpbrk(log, "\1\r\t\x7f\x1b"));
	ck_assert_ptr_null(strstr(log, "\nFORGED"));
	free(log);
}
END_TEST

/* login_filled - a login of the given size in tenant shut; the caller frees it */
static char *
login_filled(size_t size, char filling)
{
	static const char domain[] = "@shut.test";
	char *login = malloc(size + 1);

	ck_assert_ptr_nonnull(login);
	memset(login, filling, size);
	strcpy(login + size - strlen(domain), domain);
	return login;
}

START_TEST(login_of_10000_bytes_is_invalid)
{
	char *login = login_filled(LONG_LOGIN, 'a');

	instance_start(&instance);
	expect_denial(&instance, login, WORDS_OTHER, "reject", "invalid-login");
	login[LONG_LOGIN - strlen("@shut.test")] = 'a';
	expect_denial(&instance, login, WORDS_OTHER, "reject", "invalid-login");
	free(login);
}
END_TEST

START_TEST(login_of_320_bytes_is_valid_and_one_more_is_not)
{
	char *longest = login_filled(LONGEST_LOGIN, 'a');
	char *longer = login_filled(LONGEST_LOGIN + 1, 'a');

	instance_start(&instance);
	expect_shut(&instance, longest);
	expect_denial(&instance, longer, WORDS_OTHER, "reject", "invalid-login");
	free(longest);
	free(longer);
}
END_TEST

START_TEST(over_long_domains_are_invalid)
{
	char label[80], domain[300] = "";

	instance_start(&instance);
	snprintf(label, sizeof(label), "u@%064d.test", 0);
	expect_denial(&instance, label, WORDS_OTHER, "reject", "invalid-login");
	snprintf(label, sizeof(label), "u@%063d.test", 0);
	expect_pass(&instance, label, "allow", "unknown-tenant");
	snprintf(domain, sizeof(domain), "u@%063d.%063d.%063d.x%061d", 0, 0, 0, 0);
	expect_denial(&instance, domain, WORDS_OTHER, "reject", "invalid-login");
	domain[strlen(domain) - 1] = '\0';
	expect_pass(&instance, domain, "allow", "unknown-tenant");
}
END_TEST

START_TEST(every_macro_may_hold_anything_and_the_log_keeps_its_lines)
{
	static const char poison[] =
	    "x\r\nFORGED id=forged verdict=allow\x1b[2J\xff\"\\";
	struct mail_from user = mail_from_by("user@shut.test");
	char line[LOG_LINE_SIZE], id[64];
	struct mta_reply reply;
	char *log;

	instance_start(&instance);
	user.listener = user.client = user.mechanism = user.sender = poison;
	reply = mail_from_send(&instance, &user);
	expect_nothing_wrong(reply_not_denial(&reply, WORDS_SHUT));
	reply_id(&reply, id, sizeof(id));
	ck_assert(log_line_find(&instance, "id", id, line, sizeof(line)));
	ck_assert(log_line_says(line, "verdict", "reject"));
	ck_assert(log_line_says(line, "id", id));
	log = instance_log(&instance);
	ck_assert_ptr_null(strstr(log, "\nFORGED"));
	ck_assert_ptr_null(strpbrk(log, "\r\x1b"));
	free(log);
}
END_TEST

START_TEST(spaces_in_a_login_forge_no_key_in_the_log)
{
	static const char login[] =
	    "a verdict=allow \" id=forged verdict=allow@shut.test";
	struct mail_from user = mail_from_by(login);
	char line[LOG_LINE_SIZE], value[LOG_LINE_SIZE], id[64];
	struct mta_reply reply;

	instance_start(&instance);
	reply = mail_from_send(&instance, &user);
	expect_nothing_wrong(reply_not_denial(&reply, WORDS_SHUT));
	reply_id(&reply, id, sizeof(id));
	ck_assert(log_line_find(&instance, "id", id, line, sizeof(line)));
	ck_assert_int_eq(log_line_value(line, "verdict", value, sizeof(value)), 1);
	ck_assert_str_eq(value, "reject");
	ck_assert_int_eq(log_line_value(line, "login", value, sizeof(value)), 1);
}
END_TEST

START_TEST(decision_line_has_every_key)
{
	static const char *const keys[] = {"id", "verdict", "reason", "login",
	    "mailbox", "tenant", "client", "mech", "listener", "sender"};
	char line[LOG_LINE_SIZE], value[LOG_LINE_SIZE];
	size_t i;

	instance_start(&instance);
	expect_pass(&instance, "User@OPEN.test", "allow", "tenant-enabled");
	ck_assert(
	    log_line_find(&instance, "login", "User@OPEN.test", line, sizeof(line)));
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ck_assert_msg(log_line_value(line, keys[i], value, sizeof(value)) == 1,
		    "%s in %s", keys[i], line);
	ck_assert(log_line_says(line, "mailbox", "user@open.test"));
	ck_assert(log_line_says(line, "tenant", "open"));
	ck_assert(log_line_says(line, "client", "192.0.2.10"));
	ck_assert(log_line_says(line, "mech", "PLAIN"));
	ck_assert(log_line_says(line, "listener", "ORIGINATING"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter_login");
	TCase *mta = suite_add_case(suite, "mta");
	TCase *login = suite_add_case(suite, "login");

	tcase_add_checked_fixture(mta, setup, teardown);
	tcase_add_test(mta, sendmail_login_is_decoded);
	tcase_add_test(mta, postfix_login_is_taken_as_it_is);
	tcase_add_test(mta, bad_xtext_is_an_invalid_login);
	tcase_add_test(mta, unknown_mta_is_a_doubt_and_the_log_names_the_key);
	tcase_add_test(mta, unknown_mta_is_answered_by_on_error);
	tcase_add_test(mta, unknown_mta_passes_where_errors_pass);
	tcase_add_test(mta, configured_sendmail_overrides_the_macro);
	tcase_add_test(mta, configured_postfix_overrides_the_macro);
	tcase_add_checked_fixture(login, setup, teardown);
	tcase_add_test(login, login_is_found_in_any_case_and_form);
	tcase_add_test(login, login_without_domain_finds_its_mailbox);
	tcase_add_test(login, lone_at_signs_are_invalid);
	tcase_add_test(login, broken_utf8_is_invalid);
	tcase_add_test(login, control_characters_are_invalid);
	tcase_add_test(login, login_of_10000_bytes_is_invalid);
	tcase_add_test(login, login_of_320_bytes_is_valid_and_one_more_is_not);
	tcase_add_test(login, over_long_domains_are_invalid);
	tcase_add_test(
	    login, every_macro_may_hold_anything_and_the_log_keeps_its_lines);
	tcase_add_test(login, spaces_in_a_login_forge_no_key_in_the_log);
	tcase_add_test(login, decision_line_has_every_key);
	return suite_run(suite);
}
