/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tenant.c - tenants: names, words, and their records. */
#include "policy/model/tenant.h"
#include "tests/lib/record_case.h"
#include "tests/lib/suite.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

START_TEST(name_good)
{
	static const char *const cases[][2] = {{"a", "a"}, {"0", "0"}, {"acme", "acme"},
	    {"ACME", "acme"}, {"Acme.Corp_1-x", "acme.corp_1-x"}, {"9lives", "9lives"},
	    {"a..b--c__", "a..b--c__"},
	    {"a23456789b123456789c123456789d123456789e123456789f123456789g123",
		"a23456789b123456789c123456789d123456789e123456789f123456789g123"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[TENANT_NAME_MAX + 1];
		struct error_text why;

		ck_assert_msg(
		    tenant_name_parse(cases[i][0], out, &why) == OK, "%s", cases[i][0]);
		ck_assert_str_eq(out, cases[i][1]);
	}
}
END_TEST

START_TEST(name_bad)
{
	static const char *const cases[] = {"", ".a", "_a", "-a", "a b", " a", "a ",
	    "a/b", "a@b", "*", "a*", "a\nb", "a\\b", "a,b", "a:b", "b\xC3\xBC",
	    "\xC3\xBC", "\xE2\x84\xAA",
	    "a23456789b123456789c123456789d123456789e123456789f123456789g1234"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[TENANT_NAME_MAX + 1];
		struct error_text why = {""};

		ck_assert_msg(tenant_name_parse(cases[i], out, &why) == ERR_DATA,
		    "\"%s\" was taken", cases[i]);
		ck_assert_msg(why.text[0] != '\0', "\"%s\": no words", cases[i]);
		ck_assert_int_eq(tenant_name_parse(cases[i], out, NULL), ERR_DATA);
	}
}
END_TEST

START_TEST(name_of_every_byte)
{
	for (int byte = 1; byte < 256; byte++) {
		bool word = (byte >= 'a' && byte <= 'z') ||
		    (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
		bool inner = word || byte == '.' || byte == '_' || byte == '-';
		char first[] = {(char)byte, 'x', '\0'},
		     second[] = {'x', (char)byte, '\0'};
		char out[TENANT_NAME_MAX + 1];

		ck_assert_msg((tenant_name_parse(first, out, NULL) == OK) == word,
		    "%02X first", (unsigned)byte);
		ck_assert_msg((tenant_name_parse(second, out, NULL) == OK) == inner,
		    "%02X second", (unsigned)byte);
	}
}
END_TEST

START_TEST(words)
{
	static const char *const auth[] = {"inherit", "enabled", "disabled"};
	static const char *const actions[] = {
	    "default", "reject", "tempfail", "report", "accept"};
	static const char *const block[] = {"all", "passwords"};
	static const char *const bad[] = {"", "Enabled", "enable", "enabled ", "REJECT",
	    "rejected", "passwordss", "al", "none", "0", "1"};
	enum smtp_auth a;
	enum action c;
	enum blocks b;

	for (size_t i = 0; i < COUNT(auth); i++)
		ck_assert_msg(word_to_smtp_auth(auth[i], &a) &&
			strcmp(word_of_smtp_auth(a), auth[i]) == 0,
		    "%s", auth[i]);
	for (size_t i = 0; i < COUNT(actions); i++)
		ck_assert_msg(word_to_action(actions[i], &c) &&
			strcmp(word_of_action(c), actions[i]) == 0,
		    "%s", actions[i]);
	for (size_t i = 0; i < COUNT(block); i++)
		ck_assert_msg(word_to_blocks(block[i], &b) &&
			strcmp(word_of_blocks(b), block[i]) == 0,
		    "%s", block[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!word_to_smtp_auth(bad[i], &a) &&
			!word_to_action(bad[i], &c) && !word_to_blocks(bad[i], &b),
		    "\"%s\" was taken", bad[i]);
	ck_assert(word_to_smtp_auth("disabled", &a) && a == SMTP_AUTH_DISABLED);
	ck_assert(word_to_smtp_auth("enabled", &a) && a == SMTP_AUTH_ENABLED);
	ck_assert(word_to_action("report", &c) && c == ACTION_REPORT);
	ck_assert(word_to_action("tempfail", &c) && c == ACTION_TEMPFAIL);
	ck_assert(word_to_blocks("passwords", &b) && b == BLOCKS_PASSWORDS);
}
END_TEST

/* init - what a new tenant is: disabled, and nothing else */
START_TEST(init)
{
	struct tenant t;

	memset(&t, 0xA5, sizeof t);
	tenant_init(&t);
	ck_assert_int_eq(t.smtp_auth, SMTP_AUTH_DISABLED);
	ck_assert_int_eq(t.action, ACTION_DEFAULT);
	ck_assert_int_eq(t.blocks, BLOCKS_ALL);
	ck_assert(t.enforce_from == INSTANT_NONE && t.tempfail_until == INSTANT_NONE);
	ck_assert_str_eq(t.name, "");
	ck_assert_str_eq(t.contact, "");
	ck_assert_str_eq(t.reply, "");
	ck_assert_str_eq(t.note, "");
}
END_TEST

/* full - a tenant with all set; KIND varies the words */
static struct tenant
full(unsigned kind)
{
	struct tenant t;

	tenant_init(&t);
	t.smtp_auth = kind % 2 ? SMTP_AUTH_ENABLED : SMTP_AUTH_DISABLED;
	t.action = (enum action)(kind % 4);
	t.blocks = kind % 3 ? BLOCKS_ALL : BLOCKS_PASSWORDS;
	t.enforce_from = 1796083200;
	t.tempfail_until = kind == 0 ? INSTANT_NONE : 1;
	strcpy(t.contact, "postmaster@example.org");
	strcpy(t.reply, kind % 2 ? "" : "ask {tenant}");
	strcpy(t.note, "ticket 4711");
	return t;
}

static bool
same(const void *one, const void *other)
{
	const struct tenant *a = one, *b = other;

	return a->smtp_auth == b->smtp_auth && a->action == b->action &&
	    a->blocks == b->blocks && a->enforce_from == b->enforce_from &&
	    a->tempfail_until == b->tempfail_until &&
	    strcmp(a->contact, b->contact) == 0 && strcmp(a->reply, b->reply) == 0 &&
	    strcmp(a->note, b->note) == 0;
}

/* valid - what a decoded tenant may be */
static bool
valid(const void *object)
{
	const struct tenant *t = object;

	return (t->smtp_auth == SMTP_AUTH_ENABLED ||
		   t->smtp_auth == SMTP_AUTH_DISABLED) &&
	    t->action != ACTION_ACCEPT && (unsigned)t->action < ACTION_ACCEPT &&
	    (t->blocks == BLOCKS_ALL || t->blocks == BLOCKS_PASSWORDS) &&
	    memchr(t->contact, '\0', sizeof t->contact) != NULL &&
	    memchr(t->reply, '\0', sizeof t->reply) != NULL &&
	    memchr(t->note, '\0', sizeof t->note) != NULL;
}

static void
encode(const void *object, struct record_writer *w)
{
	tenant_encode(object, w);
}

static enum error
decode(struct bytes from, void *object_r)
{
	return tenant_decode(from, object_r);
}

static const struct record_case records = {
    sizeof(struct tenant), encode, decode, valid, same};

START_TEST(round_trip)
{
	for (unsigned kind = 0; kind < 60; kind++) {
		struct tenant t = full(kind);

		record_case_expect_return(&records, &t);
	}
}
END_TEST

START_TEST(round_trip_of_the_longest)
{
	struct tenant t = full(0);

	memset(t.contact, 'c', CONTACT_MAX);
	memset(t.reply, 'r', REPLY_TEXT_MAX);
	memset(t.note, 'n', NOTE_MAX);
	t.contact[CONTACT_MAX] = t.reply[REPLY_TEXT_MAX] = t.note[NOTE_MAX] = '\0';
	t.enforce_from = INT64_MAX;
	t.tempfail_until = -1;
	record_case_expect_return(&records, &t);
}
END_TEST

START_TEST(cut_or_extended)
{
	struct tenant t = full(0);

	record_case_expect_length(&records, &t);
}
END_TEST

START_TEST(every_changed_byte)
{
	struct tenant t = full(0);

	record_case_expect_bytes(&records, &t);
}
END_TEST

START_TEST(newer_version)
{
	struct tenant t = full(0);

	record_case_expect_version(&records, &t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tenant");
	TCase *name = suite_add_case(suite, "name");
	TCase *value = suite_add_case(suite, "value");
	TCase *record = suite_add_case(suite, "record");

	tcase_add_test(name, name_good);
	tcase_add_test(name, name_bad);
	tcase_add_test(name, name_of_every_byte);
	tcase_add_test(value, words);
	tcase_add_test(value, init);
	tcase_add_test(record, round_trip);
	tcase_add_test(record, round_trip_of_the_longest);
	tcase_add_test(record, cut_or_extended);
	tcase_add_test(record, every_changed_byte);
	tcase_add_test(record, newer_version);
	return suite_run(suite);
}
