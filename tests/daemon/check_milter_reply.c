/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_reply.c - the words of denials as they go over the wire. */
#include "tests/lib/sample_policy.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <string.h>

enum { REPLY_SIZE = 512, LONGEST_LOGIN = 320 };

#define URL "https://help.example.test/smtp"

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

/* text_percents_doubled - says whether every % has its twin, as libmilter wants it */
static bool
text_percents_doubled(const char *text)
{
	for (; (text = strchr(text, '%')) != NULL; text += 2) {
		if (text[1] != '%')
			return false;
	}
	return true;
}

START_TEST(help_url_follows_the_words)
{
	instance_do(&instance, "settings set help-url " URL);
	sample_policy_expect_styles(&instance, "user@shut.test",
	    WORDS_SHUT "; see " URL,
	    EXCHANGE_UNSUCCESSFUL EXCHANGE_TENANT " Visit " URL
						  " for more information.",
	    "reject", "tenant-disabled");
	instance_do(&instance, "mailbox set user@open.test --smtp-auth disabled");
	sample_policy_expect_styles(&instance, "user@open.test",
	    WORDS_DISABLED "mailbox user@open.test; see " URL,
	    EXCHANGE_UNSUCCESSFUL EXCHANGE_MAILBOX " Visit " URL
						   " for more information.",
	    "reject", "mailbox-disabled");
}
END_TEST

START_TEST(own_text_of_the_settings_replaces_the_words)
{
	instance_do(
	    &instance, "settings set reply-tenant 'No: {tenant}, {mailbox}, {client}'");
	instance_do(&instance, "settings set reply-mailbox 'Not you, {mailbox}'");
	instance_do(&instance, "mailbox set user@open.test --smtp-auth disabled");
	sample_policy_expect_styles(&instance, "user@shut.test",
	    "550 5.7.1 No: shut, user@shut.test, 192.0.2.10",
	    "535 5.7.139 No: shut, user@shut.test, 192.0.2.10", "reject",
	    "tenant-disabled");
	sample_policy_expect_styles(&instance, "user@open.test",
	    "550 5.7.1 Not you, user@open.test", "535 5.7.139 Not you, user@open.test",
	    "reject", "mailbox-disabled");
	instance_do(&instance, "settings set action tempfail");
	sample_policy_expect_styles(&instance, "user@open.test",
	    "450 4.7.1 Not you, user@open.test", "454 4.7.0 Not you, user@open.test",
	    "tempfail", "mailbox-disabled");
}
END_TEST

START_TEST(own_text_of_a_tenant_comes_first)
{
	instance_do(&instance, "settings set reply-tenant 'All: {tenant}'");
	instance_do(&instance, "tenant set shut --reply 'Ours: {tenant}'");
	instance_do(&instance, "tenant set open --smtp-auth disabled");
	expect_denial(&instance, "user@shut.test", "550 5.7.1 Ours: shut", "reject",
	    "tenant-disabled");
	expect_denial(&instance, "user@open.test", "550 5.7.1 All: open", "reject",
	    "tenant-disabled");
}
END_TEST

START_TEST(own_text_can_hold_the_url_and_the_id)
{
	struct mta_reply reply;
	char id[64], text[128];

	instance_do(&instance, "settings set help-url " URL);
	instance_do(&instance, "settings set reply-tenant 'See {url} about {id}'");
	reply = mail_from_send_by(&instance, "user@shut.test");
	ck_assert_int_eq(reply.kind, MTA_REPLY);
	reply_id(&reply, id, sizeof(id));
	snprintf(text, sizeof(text), "550 5.7.1 See " URL " about %s", id);
	ck_assert_msg(strncmp(reply.text, text, strlen(text)) == 0, "%s", reply.text);
	expect_nothing_wrong(
	    log_not_denial(&instance, &reply, "reject", "tenant-disabled"));
}
END_TEST

START_TEST(percent_signs_are_doubled)
{
	instance_do(
	    &instance, "mailbox set '%%a%%n%%s%%%%d@open.test' --smtp-auth disabled");
	expect_denial(&instance, "%a%n%s%%d@open.test",
	    WORDS_DISABLED "mailbox %%a%%n%%s%%%%d@open.test", "reject",
	    "mailbox-disabled");
	instance_do(&instance, "settings set reply-tenant '100%% no, {client}'");
	expect_denial(&instance, "user@shut.test", "550 5.7.1 100%% no, 192.0.2.10",
	    "reject", "tenant-disabled");
}
END_TEST

START_TEST(words_from_the_client_are_one_printable_line)
{
	struct mail_from user = mail_from_by("user@shut.test");
	struct mta_reply reply;

	instance_do(
	    &instance, "settings set reply-tenant 'Not {mailbox} from {client}.'");
	user.client = "1\r\n250 2.1.0 Ok\xff%s";
	reply = mail_from_send(&instance, &user);
	ck_assert_int_eq(reply.kind, MTA_REPLY);
	ck_assert(strncmp(reply.text, "550 5.7.1 Not user@shut.test from ", 34) == 0);
	ck_assert_ptr_null(strpbrk(reply.text, "\r\n\xff"));
	ck_assert(text_percents_doubled(reply.text));
}
END_TEST

START_TEST(non_ascii_becomes_question_marks)
{
	struct mta_reply reply;

	instance_do(&instance, "mailbox set jörg@open.test --smtp-auth disabled");
	reply = mail_from_send_by(&instance, "JÖRG@open.test");
	ck_assert_int_eq(reply.kind, MTA_REPLY);
	/* One for the character or one for each byte of it. */
	ck_assert_msg(strstr(reply.text, "mailbox j?rg@open.test [") != NULL ||
		strstr(reply.text, "mailbox j\?\?rg@open.test [") != NULL,
	    "%s", reply.text);
	expect_nothing_wrong(
	    log_not_denial(&instance, &reply, "reject", "mailbox-disabled"));
}
END_TEST

START_TEST(longest_reply_is_cut_and_keeps_its_id)
{
	static const char domain[] = "@open.test";
	char login[LONGEST_LOGIN + 1];
	struct mta_reply reply;
	size_t i, percents = 0;

	memset(login, '%', sizeof(login));
	strcpy(login + LONGEST_LOGIN - strlen(domain), domain);
	instance_do(
	    &instance, "settings set reply-mailbox '{mailbox} and {mailbox} %s'", URL);
	instance_do(&instance, "mailbox set '%s' --smtp-auth disabled", login);
	reply = mail_from_send_by(&instance, login);
	ck_assert_int_eq(reply.kind, MTA_REPLY);
	ck_assert(strncmp(reply.text, "550 5.7.1 %%%%", 14) == 0);
	ck_assert(text_percents_doubled(reply.text));
	for (i = 0; i < reply.size; i++)
		percents += reply.text[i] == '%';
	/* What the client gets: the MTA takes one % of each pair away. */
	ck_assert_uint_le(reply.size - percents / 2, REPLY_SIZE);
	expect_nothing_wrong(
	    log_not_denial(&instance, &reply, "reject", "mailbox-disabled"));
}
END_TEST

START_TEST(ids_differ)
{
	char first[64], second[64];
	struct mta_reply reply = mail_from_send_by(&instance, "user@shut.test");

	reply_id(&reply, first, sizeof(first));
	reply = mail_from_send_by(&instance, "user@shut.test");
	reply_id(&reply, second, sizeof(second));
	ck_assert_str_ne(first, "");
	ck_assert_str_ne(first, second);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter_reply");
	TCase *words = suite_add_case(suite, "words");

	tcase_add_checked_fixture(words, setup, teardown);
	tcase_add_test(words, help_url_follows_the_words);
	tcase_add_test(words, own_text_of_the_settings_replaces_the_words);
	tcase_add_test(words, own_text_of_a_tenant_comes_first);
	tcase_add_test(words, own_text_can_hold_the_url_and_the_id);
	tcase_add_test(words, percent_signs_are_doubled);
	tcase_add_test(words, words_from_the_client_are_one_printable_line);
	tcase_add_test(words, non_ascii_becomes_question_marks);
	tcase_add_test(words, longest_reply_is_cut_and_keeps_its_id);
	tcase_add_test(words, ids_differ);
	return suite_run(suite);
}
