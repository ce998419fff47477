/* SPDX-License-Identifier: BSD-2-Clause */
/* check_login_parts.c - default domain, subaddress, and stored normal forms. */
#include "policy/identity/login.h"
#include "tests/lib/suite.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct login
login_of(const char *s)
{
	struct login login;

	ck_assert_msg(login_normalize(s, strlen(s), "", &login, NULL) == OK, "%s", s);
	return login;
}

START_TEST(append_domain)
{
	struct login login = login_of("User"), same = login_of("user@example.org");

	ck_assert_int_eq(login_append_domain(&login, "example.org"), OK);
	ck_assert_str_eq(login.text, "user@example.org");
	ck_assert_str_eq(login_domain(&login), "example.org");
	ck_assert(login_equal(&login, &same));
	ck_assert_uint_eq(login.len, strlen("user@example.org"));
	ck_assert_uint_eq(login.local, 4);
	ck_assert(login.has_domain);
}
END_TEST

START_TEST(append_domain_at_the_limit)
{
	for (size_t n = LOGIN_MAX - 6; n <= LOGIN_MAX; n++) {
		struct login login = {.len = n, .local = n};
		bool fits = n + 4 <= LOGIN_MAX;
		enum error e;

		memset(login.text, 'x', n);
		e = login_append_domain(&login, "b.c");
		ck_assert_msg(e == (fits ? OK : ERR_LIMIT), "%zu bytes: %d", n, (int)e);
		ck_assert_msg(login.len == (fits ? n + 4 : n), "%zu bytes: length", n);
		ck_assert_msg(strlen(login.text) == login.len, "%zu bytes: NUL", n);
	}
}
END_TEST

static const struct {
	const char *in, *delimiters, *out; /* NULL: no subaddress */
} strips[] = {
    {"user+tag@example.org", "+", "user@example.org"},
    {"user+a+b@example.org", "+", "user@example.org"},
    {"user+@example.org", "+", "user@example.org"},
    {"user-tag+x@example.org", "+-", "user@example.org"},
    {"user+tag-x@example.org", "+-", "user@example.org"},
    {"user+tag", "+", "user"},
    {"+tag@example.org", "+", NULL},
    {"+@example.org", "+", NULL},
    {"+a+b@example.org", "+", "+a@example.org"},
    {"++b@example.org", "+", "+@example.org"},
    {"user@example.org", "+", NULL},
    {"user@exam-ple.org", "-", NULL},
    {"user+tag@example.org", "-", NULL},
    {"user+tag@example.org", "", NULL},
    {"user", "+", NULL},
    {"j\xC3\xBCrgen+x@example.org", "+", "j\xC3\xBCrgen@example.org"},
};

START_TEST(strip_subaddress)
{
	struct login in = login_of(strips[_i].in), out = login_of("untouched");
	bool has = strips[_i].out != NULL;

	ck_assert_msg(login_strip_subaddress(&in, strips[_i].delimiters, &out) == has,
	    "%s", strips[_i].in);
	ck_assert_str_eq(out.text, has ? strips[_i].out : "untouched");
	ck_assert_int_eq(strcmp(in.text, login_of(strips[_i].in).text), 0);
	if (has) {
		struct login want = login_of(strips[_i].out);

		ck_assert(login_equal(&out, &want));
		ck_assert_uint_eq(out.local, want.local);
		ck_assert_uint_eq(out.len, want.len);
		ck_assert(out.has_domain == want.has_domain);
		ck_assert_str_eq(login_domain(&out), login_domain(&want));
	}
}
END_TEST

START_TEST(from_normal)
{
	static const char *const cases[] = {"user@example.org", "user",
	    "a@b@example.org", "a@xn--b-eha.example", "j\xC3\xBCrgen@example.org",
	    "dom\\user", "a"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct login want = login_of(cases[i]), have;

		ck_assert_msg(
		    login_from_normal(cases[i], strlen(cases[i]), &have) == OK, "%s",
		    cases[i]);
		ck_assert_msg(login_equal(&want, &have), "%s: %s", cases[i], have.text);
		ck_assert_msg(have.local == want.local && have.len == want.len &&
			strlen(have.text) == have.len,
		    "%s: parts", cases[i]);
	}
}
END_TEST

START_TEST(from_normal_damaged)
{
	static const char *const cases[] = {"", "@", "user@", "@example.org", "a@b@"};
	char in[LOGIN_MAX + 2];
	struct login login;

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(login_from_normal(cases[i], strlen(cases[i]), &login) ==
			ERR_DAMAGED,
		    "\"%s\" was taken", cases[i]);
	memset(in, 'x', sizeof in);
	ck_assert_int_eq(login_from_normal(in, LOGIN_MAX, &login), OK);
	ck_assert_uint_eq(strlen(login.text), LOGIN_MAX);
	ck_assert_int_eq(login_from_normal(in, LOGIN_MAX + 1, &login), ERR_DAMAGED);
}
END_TEST

/* A login and a login that looks the same, but whose parts differ, are two. */
START_TEST(equal_means_all_parts)
{
	struct login whole = login_of("user@x"), local = whole;

	ck_assert(login_equal(&whole, &local));
	local.has_domain = false;
	local.local = local.len;
	ck_assert(!login_equal(&whole, &local));
	ck_assert(!login_equal(&local, &whole));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("login_parts");
	TCase *domain = suite_add_case(suite, "domain");
	TCase *subaddress = suite_add_case(suite, "subaddress");
	TCase *stored = suite_add_case(suite, "stored");

	tcase_add_test(domain, append_domain);
	tcase_add_test(domain, append_domain_at_the_limit);
	tcase_add_loop_test(subaddress, strip_subaddress, 0, (int)COUNT(strips));
	tcase_add_test(stored, from_normal);
	tcase_add_test(stored, from_normal_damaged);
	tcase_add_test(stored, equal_means_all_parts);
	return suite_run(suite);
}
