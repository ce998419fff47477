/* SPDX-License-Identifier: BSD-2-Clause */
/* check_auth_question.c - what a mail server asks at AUTH, well or badly. */
#include "milter/auth/auth_question.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BYTES(s) (s), sizeof(s) - 1

/* What is read of a body; an invalid one has what could be read of it. */
static const struct {
	const char *body;
	size_t n;
	bool valid;
	const char *login, *client, *listener, *mechanism;
} cases[] = {
    {BYTES(
	 "{\"device_id\":\"\",\"login\":\"alice@acme.test\",\"protocol\":\"smtp\","
	 "\"pwhash\":\"07ce\",\"remote\":\"127.0.0.1\",\"session_id\":\"\",\"tls\":false}"),
	true, "alice@acme.test", "127.0.0.1", "smtp", ""},
    {BYTES("{\"login\":\"x@off.test\",\"mechanism\":\"PLAIN\",\"protocol\":\"smtp\","
	   "\"remote\":\"192.0.2.5\",\"tls\":false}"),
	true, "x@off.test", "192.0.2.5", "smtp", "PLAIN"},
    {BYTES(" {\"login\" : \"a\" }\r\n"), true, "a", "", "", ""},
    {BYTES("{\"login\":\"\\u0061\\u00e4\\\"\\\\\"}"), true, "a\xC3\xA4\"\\", "", "",
	""},
    {BYTES("{\"login\":\"\\ud83d\\ude00\"}"), true, "\xF0\x9F\x98\x80", "", "", ""},
    {BYTES("{\"login\":\"a\",\"x\":{\"login\":\"b\"}}"), true, "a", "", "", ""},
    {BYTES("{\"login\":\"a\",\"Login\":\"b\"}"), true, "a", "", "", ""},
    /* of another type is not there */
    {BYTES(
	 "{\"login\":\"a\",\"remote\":1,\"protocol\":null,\"mechanism\":[\"PLAIN\"]}"),
	true, "a", "", "", ""},
    {BYTES("{\"login\":1}"), false, "", "", "", ""},
    {BYTES("{\"login\":null,\"remote\":\"192.0.2.5\"}"), false, "", "192.0.2.5", "",
	""},
    {BYTES("{\"login\":[\"a\"]}"), false, "", "", "", ""},
    {BYTES("{\"login\":true}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"\"}"), false, "", "", "", ""},
    {BYTES("{\"Login\":\"a\"}"), false, "", "", "", ""},
    {BYTES("{}"), false, "", "", "", ""},
    {BYTES("[\"login\",\"a\"]"), false, "", "", "", ""},
    /* Dovecot puts U+FFFD for what is no UTF-8 */
    {BYTES("{\"login\":\"a\xEF\xBF\xBD@acme.test\",\"remote\":\"192.0.2.5\"}"), false,
	"a\xEF\xBF\xBD@acme.test", "192.0.2.5", "", ""},
    {BYTES("{\"login\":\"a\\ufffd\"}"), false, "a\xEF\xBF\xBD", "", "", ""},
    {BYTES("{\"login\":\"a\",\"remote\":\"\\ufffd\"}"), true, "a", "\xEF\xBF\xBD", "",
	""},
    /* no JSON at all: nothing is read of it */
    {BYTES(""), false, "", "", "", ""},
    {BYTES(" "), false, "", "", "", ""},
    {BYTES("null"), false, "", "", "", ""},
    {BYTES("\"a\""), false, "", "", "", ""},
    {BYTES("login=a"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\""), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\"}x"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\"}{\"login\":\"b\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\",}"), false, "", "", "", ""},
    {BYTES("{'login':'a'}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\",\"login\":\"b\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\",\"\\u006cogin\":\"b\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\",\"x\":1,\"x\":1}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\\u0000b\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\0b\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\"}\0"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\",\"x\":\"\\u0000\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"a\n\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"\xFF\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"\xC0\x80\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"\xED\xA0\x80\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"\\ud83d\"}"), false, "", "", "", ""},
    {BYTES("{\"login\":\"\\x61\"}"), false, "", "", "", ""},
    {BYTES("\xEF\xBB\xBF{\"login\":\"a\"}"), false, "", "", "", ""},
};

START_TEST(body_is_read_or_not)
{
	struct auth_question q;
	char *body = malloc(cases[_i].n + 1);

	ck_assert_ptr_nonnull(body);
	memcpy(body, cases[_i].body, cases[_i].n);
	memset(&q, 0xA5, sizeof q);
	auth_question_read(&q, body, cases[_i].n);
	ck_assert_msg(q.valid == cases[_i].valid, "%s", cases[_i].body);
	ck_assert_str_eq(q.login, cases[_i].login);
	ck_assert_str_eq(q.client, cases[_i].client);
	ck_assert_str_eq(q.listener, cases[_i].listener);
	ck_assert_str_eq(q.mechanism, cases[_i].mechanism);
	auth_question_end(&q);
	free(body);
}
END_TEST

START_TEST(too_long_is_invalid)
{
	struct auth_question q;

	auth_question_read(&q, NULL, 0);
	ck_assert(!q.valid);
	ck_assert_str_eq(q.login, "");
	ck_assert_str_eq(q.client, "");
	auth_question_end(&q);
	auth_question_end(&q);
}
END_TEST

/* read_nested - a login beside DEPTH brackets */
static bool
read_nested(size_t depth)
{
	static const char before[] = "{\"login\":\"a\",\"x\":";
	size_t n = sizeof before - 1;
	char *body = malloc(n + 2 * depth + 1);
	struct auth_question q;
	bool valid;

	ck_assert_ptr_nonnull(body);
	memcpy(body, before, n);
	memset(body + n, '[', depth);
	memset(body + n + depth, ']', depth);
	body[n + 2 * depth] = '}';
	auth_question_read(&q, body, n + 2 * depth + 1);
	valid = q.valid;
	auth_question_end(&q);
	free(body);
	return valid;
}

START_TEST(nesting_has_an_end)
{
	ck_assert(read_nested(1));
	ck_assert(read_nested(100));
	ck_assert(!read_nested(16000)); /* as deep as a body can be */
	ck_assert(!read_nested(1000000));
}
END_TEST

START_TEST(long_login_comes_whole)
{
	enum { LONG = 10000 };
	static char body[LONG + 100];
	struct auth_question q;
	int n = snprintf(body, sizeof body, "{\"login\":\"%0*d\"}", LONG, 7);

	auth_question_read(&q, body, (size_t)n);
	ck_assert(q.valid);
	ck_assert_uint_eq(strlen(q.login), LONG);
	auth_question_end(&q);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auth_question");
	TCase *t = suite_add_case(suite, "auth_question");

	tcase_add_loop_test(t, body_is_read_or_not, 0, (int)COUNT(cases));
	tcase_add_test(t, too_long_is_invalid);
	tcase_add_test(t, nesting_has_an_end);
	tcase_add_test(t, long_login_comes_whole);
	return suite_run(suite);
}
