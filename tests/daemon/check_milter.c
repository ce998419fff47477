/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter.c - the milter's part in the protocol: steps, macros, sessions */
#include "tests/lib/sample_policy.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

enum { MACROS_A_STAGE = 6, STAGES_ASKED = 2, TURNS = 10, LONGEST_PACKET = 65535 };

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

/* answers_expect - expects both right answers */
static void
answers_expect(void)
{
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
	expect_shut(&instance, "user@shut.test");
}

/* mta_negotiated - connects and negotiates as a current MTA */
static struct mta *
mta_negotiated(void)
{
	struct mta *mta = mta_open(instance.socket);

	ck_assert_ptr_nonnull(mta);
	ck_assert(mta_negotiate(mta));
	return mta;
}

/* macros_count - the number of names in a list */
static int
macros_count(const char *list)
{
	int count = 0;

	while (*(list += strspn(list, " ,")) != '\0') {
		list += strcspn(list, " ,");
		count++;
	}
	return count;
}

START_TEST(every_step_but_mail_is_negotiated_away)
{
	const uint32_t unwanted = MTA_NOCONNECT | MTA_NOHELO | MTA_NORCPT | MTA_NOBODY |
	    MTA_NOHDRS | MTA_NOEOH | MTA_NOUNKNOWN | MTA_NODATA;
	struct mta *mta = mta_negotiated();

	ck_assert_uint_eq(mta_steps(mta) & unwanted, unwanted);
	ck_assert_uint_eq(mta_steps(mta) & (MTA_NOMAIL | MTA_NR_MAIL), 0);
	mta_close(&mta);
}
END_TEST

START_TEST(no_message_modification_is_asked_for)
{
	struct mta *mta = mta_negotiated();

	ck_assert_uint_eq(mta_actions(mta) & ~(uint32_t)MTA_SETSYMLIST, 0);
	mta_close(&mta);
}
END_TEST

START_TEST(macros_of_mail_are_asked_for)
{
	struct mta *mta = mta_negotiated();
	const char *list = mta_macros_wanted(mta, MTA_AT_MAIL);

	ck_assert_ptr_nonnull(list);
	ck_assert_ptr_nonnull(strstr(list, "{auth_authen}"));
	ck_assert_ptr_nonnull(strstr(list, "{auth_type}"));
	/* Always there, so that the login of the message before cannot stay behind. */
	ck_assert_ptr_nonnull(strstr(list, "{client_addr}"));
	mta_close(&mta);
}
END_TEST

START_TEST(few_macros_are_asked_for_at_each_stage)
{
	struct mta *mta = mta_negotiated();
	int stage, lists = 0;

	for (stage = 0; stage < MTA_STAGES; stage++) {
		const char *list = mta_macros_wanted(mta, (enum mta_stage)stage);

		ck_assert_msg(list == NULL || macros_count(list) <= MACROS_A_STAGE,
		    "stage %d: %s", stage, list);
		lists += list != NULL;
	}
	ck_assert_int_ge(lists, STAGES_ASKED);
	mta_close(&mta);
}
END_TEST

/* expect_shut_by - by an MTA of that VERSION and these STEPS, which takes no lists */
static void
expect_shut_by(uint32_t version, uint32_t steps)
{
	struct mail_from shut = mail_from_by("user@shut.test");
	const char *const connect[] = {
	    "v", shut.version, "{daemon_name}", shut.listener, NULL};
	const char *const mail[] = {
	    "{auth_type}", "PLAIN", "{auth_authen}", shut.login, NULL};
	struct mta *mta = mta_open(instance.socket);
	struct mta_reply reply;

	ck_assert_ptr_nonnull(mta);
	ck_assert(mta_negotiate_as(mta, version, 0x3f, steps));
	ck_assert(mta_macros(mta, 'C', connect));
	ck_assert(mta_macros(mta, 'M', mail));
	reply = mta_mail(mta, "<a@b.test>");
	expect_nothing_wrong(reply_not_denial(&reply, WORDS_SHUT));
	mta_close(&mta);
}

START_TEST(mta_without_macro_lists_gets_no_wrong_accept)
{
	expect_shut_by(6, MTA_ALL_STEPS);
}
END_TEST

START_TEST(mta_of_protocol_version_2_gets_no_wrong_accept)
{
	expect_shut_by(2, 0x7f);
}
END_TEST

START_TEST(allowed_mail_is_accepted_at_mail)
{
	expect_pass(&instance, "user@open.test", "allow", "tenant-enabled");
}
END_TEST

START_TEST(login_does_not_outlive_its_message)
{
	struct mail_from alice = mail_from_by("alice@shut.test");
	const char *const client_only[] = {"{client_addr}", alice.client, NULL};
	struct mta *mta = mail_from_connect(&instance, &alice);
	struct mta_reply reply = mail_from_ask(mta, &alice);

	expect_nothing_wrong(reply_not_denial(&reply, WORDS_SHUT));
	/* Bob is not authenticated: the MTA has one macro for him. */
	ck_assert(mta_macros(mta, 'M', client_only));
	reply = mta_mail(mta, "<bob@example.test>");
	expect_nothing_wrong(reply_not_accept(&reply));
	mta_close(&mta);
}
END_TEST

START_TEST(login_does_not_outlive_its_smtp_session)
{
	struct mail_from alice = mail_from_by("alice@shut.test");
	const char *const connect[] = {
	    "v", alice.version, "{daemon_name}", alice.listener, NULL};
	const char *const client_only[] = {"{client_addr}", alice.client, NULL};
	struct mta *mta = mail_from_connect(&instance, &alice);
	struct mta_reply reply = mail_from_ask(mta, &alice);

	expect_nothing_wrong(reply_not_denial(&reply, WORDS_SHUT));
	ck_assert(mta_quit_nc(mta));
	ck_assert(mta_macros(mta, 'C', connect));
	ck_assert(mta_macros(mta, 'M', client_only));
	reply = mta_mail(mta, "<bob@example.test>");
	expect_nothing_wrong(reply_not_accept(&reply));
	mta_close(&mta);
}
END_TEST

START_TEST(second_session_on_a_connection_is_judged_by_its_own_login)
{
	struct mail_from alice = mail_from_by("alice@open.test");
	struct mail_from bob = mail_from_by("bob@shut.test");
	struct mta *mta = mail_from_connect(&instance, &alice);
	struct mta_reply reply = mail_from_ask(mta, &alice);

	expect_nothing_wrong(reply_not_accept(&reply));
	ck_assert(mta_quit_nc(mta));
	reply = mail_from_ask(mta, &bob);
	/* Without a new v packet the milter may doubt, but it must not let bob pass. */
	ck_assert_int_eq(reply.kind, MTA_REPLY);
	mta_close(&mta);
}
END_TEST

START_TEST(messages_of_one_session_are_judged_one_by_one)
{
	struct mail_from open = mail_from_by("user@open.test");
	struct mail_from shut = mail_from_by("user@shut.test");
	struct mta *mta = mail_from_connect(&instance, &open);
	int i;

	for (i = 0; i < TURNS; i++) {
		struct mta_reply reply = mail_from_ask(mta, i % 2 ? &shut : &open);

		if (i % 2)
			expect_nothing_wrong(reply_not_denial(&reply, WORDS_SHUT));
		else
			expect_nothing_wrong(reply_not_accept(&reply));
	}
	mta_close(&mta);
}
END_TEST

/* author_check - asks with a login of its own kind and an {auth_author} of another */
static void
author_check(const char *login, const char *author, const char *denial)
{
	struct mail_from mail = mail_from_by(login);
	const char *const pairs[] = {"{auth_authen}", login, "{auth_author}", author,
	    "{client_addr}", mail.client, NULL};
	struct mta *mta = mail_from_connect(&instance, &mail);
	struct mta_reply reply;

	/* Sent although it was not asked for: it must make no difference. */
	ck_assert(mta_macros(mta, 'M', pairs));
	reply = mta_mail(mta, "<a@b.test> AUTH=<user@open.test>");
	if (denial != NULL)
		expect_nothing_wrong(reply_not_denial(&reply, denial));
	else
		expect_nothing_wrong(reply_not_accept(&reply));
	mta_close(&mta);
}

START_TEST(author_given_by_the_client_decides_nothing)
{
	author_check("user@shut.test", "user@open.test", WORDS_SHUT);
	author_check("user@open.test", "user@shut.test", NULL);
	author_check(NULL, "user@shut.test", NULL);
}
END_TEST

START_TEST(mechanism_alone_is_not_a_login)
{
	struct mail_from mail = mail_from_by(NULL);

	instance_do(&instance, "settings set unknown-tenant reject");
	instance_do(&instance, "settings set invalid-login reject");
	mail.mechanism = "PLAIN";
	expect_mail_from_pass(&instance, &mail);
	mail.login = "";
	expect_mail_from_pass(&instance, &mail);
}
END_TEST

START_TEST(change_is_obeyed_at_the_next_mail_of_an_open_session)
{
	struct mail_from user = mail_from_by("user@open.test");
	struct mta *mta = mail_from_connect(&instance, &user);
	struct mta_reply reply;
	int i;

	for (i = 0; i < TURNS; i++) {
		instance_do(&instance, "mailbox set user@open.test --smtp-auth %s",
		    i % 2 ? "enabled" : "disabled");
		reply = mail_from_ask(mta, &user);
		if (i % 2)
			expect_nothing_wrong(reply_not_accept(&reply));
		else
			expect_nothing_wrong(reply_not_denial(&reply,
			    "550 5.7.1 SMTP AUTH is disabled for mailbox "
			    "user@open.test"));
	}
	instance_do(&instance, "mailbox remove user@open.test");
	instance_do(&instance, "tenant set open --smtp-auth disabled");
	reply = mail_from_ask(mta, &user);
	expect_nothing_wrong(reply_not_denial(&reply, WORDS_DISABLED "tenant open"));
	mta_close(&mta);
}
END_TEST

START_TEST(half_sent_packet_holds_nobody_up)
{
	static const char *const parts[] = {
	    "", "\0\0\0", "\0\0\0\x0dO", "\0\0\0\x20M<a@b", "\0\0\0\0"};
	static const size_t sizes[] = {0, 3, 5, 9, 4};
	size_t i;

	/* One at a time: two at once can hold up libmilter's own pool of threads. */
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct mta *held = mta_open(instance.socket);

		ck_assert_ptr_nonnull(held);
		ck_assert(mta_raw(held, parts[i], sizes[i]));
		answers_expect();
		mta_close(&held);
		answers_expect();
	}
	ck_assert(instance_runs(&instance));
}
END_TEST

START_TEST(longest_packet_is_answered)
{
	struct mail_from user = mail_from_by("user@shut.test");
	char *sender = malloc(LONGEST_PACKET);
	struct mta *mta;
	struct mta_reply reply;

	ck_assert_ptr_nonnull(sender);
	memset(sender, 's', LONGEST_PACKET);
	sender[LONGEST_PACKET - 1] = '\0';
	mta = mail_from_connect(&instance, &user);
	reply = mail_from_ask(mta, &user);
	expect_nothing_wrong(reply_not_denial(&reply, WORDS_SHUT));
	/* The macros of the message before are still there. */
	reply = mta_mail(mta, sender);
	expect_nothing_wrong(reply_not_denial(&reply, WORDS_SHUT));
	mta_close(&mta);
	free(sender);
	answers_expect();
}
END_TEST

START_TEST(packets_that_break_the_protocol_end_only_their_connection)
{
	static const char *const packets[] = {"\xff\xff\xff\xffM", "\x7f\xff\xff\xffO",
	    "\0\1\0\1Maaaa", "\0\0\0\1Z", "\0\0\0\1M", "\0\0\0\2DM", "\0\0\0\5DMa\0b"};
	static const size_t sizes[] = {5, 5, 9, 5, 5, 6, 9};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct mta *raw = mta_open(instance.socket);
		struct mta *negotiated = mta_open(instance.socket);

		ck_assert_ptr_nonnull(raw);
		ck_assert_ptr_nonnull(negotiated);
		ck_assert(mta_negotiate(negotiated));
		mta_raw(raw, packets[i], sizes[i]);
		mta_raw(negotiated, packets[i], sizes[i]);
		answers_expect();
		mta_close(&raw);
		mta_close(&negotiated);
	}
	ck_assert(instance_runs(&instance));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter");
	TCase *negotiation = suite_add_case(suite, "negotiation");
	TCase *session = suite_add_case(suite, "session");
	TCase *abuse = suite_add_case(suite, "abuse");

	tcase_add_checked_fixture(negotiation, setup, teardown);
	tcase_add_test(negotiation, every_step_but_mail_is_negotiated_away);
	tcase_add_test(negotiation, no_message_modification_is_asked_for);
	tcase_add_test(negotiation, macros_of_mail_are_asked_for);
	tcase_add_test(negotiation, few_macros_are_asked_for_at_each_stage);
	tcase_add_test(negotiation, mta_without_macro_lists_gets_no_wrong_accept);
	tcase_add_test(negotiation, mta_of_protocol_version_2_gets_no_wrong_accept);
	tcase_add_checked_fixture(session, setup, teardown);
	tcase_add_test(session, allowed_mail_is_accepted_at_mail);
	tcase_add_test(session, login_does_not_outlive_its_message);
	tcase_add_test(session, login_does_not_outlive_its_smtp_session);
	tcase_add_test(
	    session, second_session_on_a_connection_is_judged_by_its_own_login);
	tcase_add_test(session, messages_of_one_session_are_judged_one_by_one);
	tcase_add_test(session, author_given_by_the_client_decides_nothing);
	tcase_add_test(session, mechanism_alone_is_not_a_login);
	tcase_add_test(session, change_is_obeyed_at_the_next_mail_of_an_open_session);
	tcase_add_checked_fixture(abuse, setup, teardown);
	tcase_add_test(abuse, half_sent_packet_holds_nobody_up);
	tcase_add_test(abuse, longest_packet_is_answered);
	tcase_add_test(
	    abuse, packets_that_break_the_protocol_end_only_their_connection);
	return suite_run(suite);
}
