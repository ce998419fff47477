/* SPDX-License-Identifier: BSD-2-Clause */
/* check_login.c - logins: what is invalid, and the one normal form of the others. */
#include "policy/identity/login.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

enum { PLAIN_MAX = 400, PLAIN_ROUNDS = 200000 };

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BYTES(s) (s), sizeof(s) - 1
#define U_E "b\xC3\xBC.example" /* and its A-label: */
#define A_E "xn--b-eha.example"

static const struct {
	const char *name, *in, *separators, *out;
	size_t local;
	bool has_domain;
} good[] = {
    {"plain", "user@example.org", "", "user@example.org", 4, true},
    {"capitals", "USER@EXAMPLE.ORG", "", "user@example.org", 4, true},
    {"trailing dot", "user@example.org.", "", "user@example.org", 4, true},
    {"no domain", "User", "", "user", 4, false},
    {"no domain, dot", "first.last.", "", "first.last.", 11, false},
    {"one letter each", "a@b", "", "a@b", 1, true},
    {"last at sign", "a@b@example.org", "", "a@b@example.org", 3, true},
    {"blank stays", "a b@example.org", "", "a b@example.org", 3, true},
    {"quotes stay", "\"A B\"@example.org", "", "\"a b\"@example.org", 5, true},
    {"backslash stays", "DOM\\User", "", "dom\\user", 8, false},
    {"plus stays", "A+B@example.org", "", "a+b@example.org", 3, true},
    {"A-label", "u@XN--B-EHA.example", "", "u@" A_E, 1, true},
    {"U-label", "u@" U_E, "", "u@" A_E, 1, true},
    {"underscore", "u@my_host", "", "u@my_host", 1, true},
    {"local in NFC", "Ju\xCC\x88rgen@example.org", "", "j\xC3\xBCrgen@example.org", 7,
	true},
    {"no case folding",
	"Stra\xC3\x9F"
	"e@example.org",
	"",
	"stra\xC3\x9F"
	"e@example.org",
	7, true},
    {"capital sharp s", "\xE1\xBA\x9E@example.org", "", "\xC3\x9F@example.org", 2,
	true},
    {"dotted I", "\xC4\xB0@example.org", "", "i\xCC\x87@example.org", 3, true},
    {"sigma before the at sign", "\xCE\x9F\xCE\xA3@example.org", "",
	"\xCE\xBF\xCF\x82@example.org", 4, true},
    {"Hangul", "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB@example.org", "",
	"\xED\x95\x9C@example.org", 3, true},
    {"separator", "User%Example.org", "%", "user@example.org", 4, true},
    {"last separator", "a%b%example.org", "%", "a%b@example.org", 3, true},
    {"last of several", "a%b!example.org", "!%", "a%b@example.org", 3, true},
    {"at sign before separator", "a%b@example.org", "%", "a%b@example.org", 3, true},
    {"not a separator", "a%example.org", "!", "a%example.org", 13, false},
    {"no separators", "a%example.org", "", "a%example.org", 13, false},
};

START_TEST(normalize_good)
{
	struct error_text why;
	struct login login;

	ck_assert_msg(login_normalize(good[_i].in, strlen(good[_i].in),
			  good[_i].separators, &login, &why) == OK,
	    "%s: %s", good[_i].name, why.text);
	ck_assert_str_eq(login.text, good[_i].out);
	ck_assert_uint_eq(login.len, strlen(good[_i].out));
	ck_assert_uint_eq(login.local, good[_i].local);
	ck_assert(login.has_domain == good[_i].has_domain);
	ck_assert_str_eq(login_domain(&login),
	    good[_i].has_domain ? good[_i].out + good[_i].local + 1 : "");
}
END_TEST

static const struct {
	const char *in;
	size_t n;
	const char *separators;
} bad[] = {{BYTES(""), ""}, {BYTES("@"), ""}, {BYTES("@@"), ""},
    {BYTES("a@@example.org"), ""}, {BYTES("@a@example.org"), ""}, {BYTES("a@b@"), ""},
    {BYTES("user@"), ""}, {BYTES("@example.org"), ""}, {BYTES("user@."), ""},
    {BYTES("user@.example.org"), ""}, {BYTES("user@example..org"), ""},
    {BYTES("user@example.org.."), ""}, {BYTES("us\0er@example.org"), ""},
    {BYTES("user@example.org\0"), ""}, {BYTES("\0"), ""},
    {BYTES("user\n@example.org"), ""}, {BYTES("user@example.org\r\n"), ""},
    {BYTES("us\ter@example.org"), ""}, {BYTES("user\x7F@example.org"), ""},
    {BYTES("\x1Buser"), ""}, {BYTES("user@exa\x01mple.org"), ""},
    {BYTES("us\xC2\x85"
	   "er@example.org"),
	""},
    {BYTES("us\xFF"
	   "er@example.org"),
	""},
    {BYTES("us\xC3@example.org"), ""}, {BYTES("user@ex\x80.org"), ""},
    {BYTES("us\xC0\x80"
	   "er"),
	""},
    {BYTES("us\xED\xA0\x80"
	   "er"),
	""},
    {BYTES("user@\xC2\xAD"), ""}, {BYTES("user@a.\xC2\xAD.b"), ""}, {BYTES("%"), "%"},
    {BYTES("user%"), "%"}, {BYTES("%example.org"), "%"}, {BYTES("user%a..b"), "%"},
    {BYTES("user@"), "%"}, {BYTES("user%x@"), "%"}, {BYTES("a@b%c"), "%"},
    /* domains that no tenant could own */
    {BYTES("u@192.0.2.1"), ""}, {BYTES("u@[192.0.2.1]"), ""}, {BYTES("u@*"), ""},
    {BYTES("u@example.1"), ""}, {BYTES("u@a/b"), ""}, {BYTES("u@a b"), ""},
    {BYTES("u@\xF0\x9F\x98\x80.test"), ""}, {BYTES("u@\xCC\x88.test"), ""},
    /* blanks that a password database may overlook */
    {BYTES(" user@example.org"), ""}, {BYTES("user@example.org "), ""},
    {BYTES("user @example.org"), ""}, {BYTES("user@ example.org"), ""},
    {BYTES("us  er@example.org"), ""}, {BYTES("user "), ""}, {BYTES(" user"), ""},
    {BYTES(" "), ""}, {BYTES("a @b@example.org"), ""}, {BYTES("a@ b@example.org"), ""},
    {BYTES("user %example.org"), "%"}, {BYTES("user@example.org\xC2\xA0"), ""},
    {BYTES("us\xC2\xA0 er"), ""}, {BYTES("user@example.org\xE3\x80\x80"), ""},
    {BYTES("\xE2\x80\x89user"), ""},
    /* what cannot be seen */
    {BYTES("us\xE2\x80\x8B"
	   "er@example.org"),
	""},
    {BYTES("us\xC2\xAD"
	   "er"),
	""},
    {BYTES("user@exa\xE2\x80\x8Dmple.org"), ""}, {BYTES("\xE2\x80\xAEuser"), ""},
    {BYTES("us\xEF\xBF\xBD"
	   "er@example.org"),
	""},
    {BYTES("user\xEF\xBB\xBF"), ""},
    {BYTES("us\xCD\x8F"
	   "er"),
	""},
    {BYTES("user\xE3\x85\xA4"), ""},
    {BYTES("us\xEF\xB8\x8F"
	   "er"),
	""},
    {BYTES("us\xF3\xA0\x81\x81"
	   "er"),
	""}};

START_TEST(normalize_bad)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct error_text why = {""};
		struct login login;

		ck_assert_msg(login_normalize(bad[i].in, bad[i].n, bad[i].separators,
				  &login, &why) == ERR_DATA,
		    "case %zu, \"%s\", was taken", i, bad[i].in);
		ck_assert_msg(why.text[0] != '\0', "case %zu: no words", i);
		ck_assert_int_eq(login_normalize(bad[i].in, bad[i].n, bad[i].separators,
				     &login, NULL),
		    ERR_DATA);
	}
}
END_TEST

START_TEST(every_control_character_is_invalid)
{
	for (unsigned c = 0; c < 0xA0; c++) {
		bool control = c < 0x20 || c == 0x7F || c >= 0x80;
		char in[] = "user@example.org";
		struct login login;
		enum error e;

		if (c == '@' || c == ' ')
			continue;
		in[1] = in[2] = (char)c;
		if (c >= 0x80)
			in[1] = '\xC2';
		e = login_normalize(in, sizeof in - 1, "", &login, NULL);
		ck_assert_msg(e == (control ? ERR_DATA : OK), "U+%04X: %d", c, (int)e);
	}
}
END_TEST

/* fill - N bytes of S again and again, at the start of IN; returns their number */
static size_t
fill(char *in, const char *s, size_t times)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < times; i++)
		memcpy(in + i * n, s, n);
	return n * times;
}

START_TEST(limit_before_normalisation)
{
	char in[512];

	for (size_t n = 318; n <= 322; n++) {
		struct login login;

		fill(in, "x", n);
		ck_assert_msg((login_normalize(in, n, "", &login, NULL) == OK) ==
			(n <= LOGIN_RAW_MAX),
		    "%zu bytes without a domain", n);
		memcpy(in + n - 2, "@y", 2);
		ck_assert_msg((login_normalize(in, n, "", &login, NULL) == OK) ==
			(n <= LOGIN_RAW_MAX),
		    "%zu bytes with a domain", n);
		ck_assert_msg(n > LOGIN_RAW_MAX || login.len == n, "%zu bytes: cut", n);
	}
}
END_TEST

/* U+1D160 takes 4 bytes, and 12 in NFC: 40 of them are 480 bytes. */
START_TEST(limit_after_normalisation)
{
	for (size_t pad = 0; pad <= 30; pad++)
		for (int domain = 0; domain <= 1; domain++) {
			size_t want = 480 + pad + (domain ? 2 : 0), n;
			struct login login;
			enum error e;
			char in[512];

			n = fill(in, "\xF0\x9D\x85\xA0", 40);
			n += fill(in + n, "x", pad);
			if (domain)
				n += fill(in + n, "@y", 1);
			e = login_normalize(in, n, "", &login, NULL);
			ck_assert_msg(e == (want > LOGIN_MAX ? ERR_DATA : OK),
			    "%zu bytes: %d", want, (int)e);
			ck_assert_msg(
			    e != OK || login.len == want, "%zu bytes: cut", want);
		}
}
END_TEST

START_TEST(limit_of_the_domain)
{
	for (size_t n = 240; n <= 260; n++) {
		char in[320] = "u@";
		struct login login;

		fill(in + 2, "x", n);
		for (size_t i = 60; i < n; i += 60)
			in[2 + i] = '.';
		ck_assert_msg(
		    (login_normalize(in, n + 2, "", &login, NULL) == OK) == (n <= 253),
		    "a domain of %zu bytes", n);
	}
	for (size_t n = 60; n <= 66; n++) {
		char in[320] = "u@";
		struct login login;

		fill(in + 2, "x", n);
		ck_assert_msg(
		    (login_normalize(in, n + 2, "", &login, NULL) == OK) == (n <= 63),
		    "a label of %zu bytes", n);
	}
}
END_TEST

/* settles - whether the normal form of a login is its own normal form */
static bool
settles(const struct login *once)
{
	struct login twice;

	return login_normalize(once->text, once->len, "", &twice, NULL) == OK &&
	    login_equal(once, &twice) && once->local == twice.local;
}

START_TEST(normal_form_is_final)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		struct login once;

		ck_assert_int_eq(login_normalize(good[i].in, strlen(good[i].in),
				     good[i].separators, &once, NULL),
		    OK);
		ck_assert_msg(settles(&once), "%s: %s", good[i].name, once.text);
	}
}
END_TEST

START_TEST(random_logins_settle)
{
	static const char *const pool[] = {"a", "Z", "@", ".", "%", "+", "1", "-", "_",
	    " ", "\xC3\x9C", "u\xCC\x88", "\xCE\xA3", "\xCF\x82", "\xC4\xB0",
	    "\xE1\xBA\x9E", "\xC3\x9F", "\xE1\x84\x92", "\xE1\x85\xA1", "\xEF\xBC\xA0",
	    "\xEF\xB9\xAB", "\xE3\x80\x82", "\xEF\xBC\xA1", "\xE2\x80\x8D", "\xC2\xAD",
	    "\xF0\x9F\x98\x80", "xn--", "\xD7\x90", "\xE2\x84\xAB", "@b."};
	unsigned short seed[3] = {1, 6, 1};
	unsigned taken = 0;

	for (int round = 0; round < 50000; round++) {
		size_t n = 0, count = 1 + (size_t)nrand48(seed) % 10;
		struct login once;
		char in[128];

		for (size_t i = 0; i < count; i++) {
			const char *part = pool[(size_t)nrand48(seed) % COUNT(pool)];

			n += fill(in + n, part, 1);
		}
		if (login_normalize(in, n, "%", &once, NULL) != OK)
			continue;
		taken++;
		if (!settles(&once))
			ck_abort_msg(
			    "round %d: %.*s becomes %s", round, (int)n, in, once.text);
	}
	ck_assert_uint_gt(taken, 10000);
}
END_TEST

START_TEST(same_login_however_typed)
{
	static const char *const same[][2] = {{"USER@EXAMPLE.ORG", "user@example.org."},
	    {"J\xC3\x9CRGEN@" U_E, "ju\xCC\x88rgen@" A_E}, {"\xE2\x84\xAA@x", "k@X"},
	    {"\xED\x95\x9C@x", "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB@x"}};
	static const char *const other[][2] = {{"user@a", "user@b"}, {"a@x", "b@x"},
	    {"stra\xC3\x9F"
	     "e@x",
		"strasse@x"},
	    {"\xC4\xB1@x", "i@x"}, {"user", "user@x"}, {"a+b@x", "a@x"},
	    {"a.b@x", "ab@x"}};
	struct login a, b;

	for (size_t i = 0; i < COUNT(same); i++) {
		ck_assert_int_eq(
		    login_normalize(same[i][0], strlen(same[i][0]), "", &a, NULL), OK);
		ck_assert_int_eq(
		    login_normalize(same[i][1], strlen(same[i][1]), "", &b, NULL), OK);
		ck_assert_msg(login_equal(&a, &b), "%s, %s", a.text, b.text);
	}
	for (size_t i = 0; i < COUNT(other); i++) {
		ck_assert_int_eq(
		    login_normalize(other[i][0], strlen(other[i][0]), "", &a, NULL),
		    OK);
		ck_assert_int_eq(
		    login_normalize(other[i][1], strlen(other[i][1]), "", &b, NULL),
		    OK);
		ck_assert_msg(!login_equal(&a, &b), "%s, %s", a.text, b.text);
	}
}
END_TEST

/* plain_random - letters, digits and what may be between them, at random */
static size_t
plain_random(char *out, unsigned *seed)
{
	static const char alphabet[] = "aaabcz0159...-@@_/+";
	size_t n = 1 + (size_t)rand_r(seed) % PLAIN_MAX;

	out[0] = 'a';
	for (size_t i = 1; i < n; i++)
		out[i] = alphabet[(size_t)rand_r(seed) % (sizeof(alphabet) - 1)];
	if (rand_r(seed) % 4 == 0) /* some with long labels, and long domains */
		memset(out + n / 2, 'b', n / 2);
	return n;
}

/* Plain logins are taken as they are; with a capital they go through all the rules. */
START_TEST(plain_logins_are_what_the_rules_make_of_them)
{
	unsigned seed = 1, good_ones = 0;

	for (int i = 0; i < PLAIN_ROUNDS; i++) {
		char text[PLAIN_MAX + 1];
		struct login plain, ruled;
		size_t n = plain_random(text, &seed);
		enum error e = login_normalize(text, n, "%", &plain, NULL);

		text[0] = 'A';
		ck_assert_msg(login_normalize(text, n, "%", &ruled, NULL) == e, "%.*s",
		    (int)n, text);
		if (e != OK)
			continue;
		good_ones++;
		ck_assert_msg(login_equal(&plain, &ruled), "%.*s", (int)n, text);
		ck_assert_int_eq(plain.text[plain.len], '\0');
	}
	ck_assert_uint_gt(good_ones, PLAIN_ROUNDS / 20);
	ck_assert_uint_lt(good_ones, PLAIN_ROUNDS);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("login");
	TCase *normalize = suite_add_case(suite, "normalize");
	TCase *limit = suite_add_case(suite, "limit");
	TCase *property = suite_add_case(suite, "property");

	tcase_add_loop_test(normalize, normalize_good, 0, (int)COUNT(good));
	tcase_add_test(normalize, normalize_bad);
	tcase_add_test(normalize, every_control_character_is_invalid);
	tcase_add_test(limit, limit_before_normalisation);
	tcase_add_test(limit, limit_after_normalisation);
	tcase_add_test(limit, limit_of_the_domain);
	tcase_add_test(property, normal_form_is_final);
	tcase_add_test(property, random_logins_settle);
	tcase_add_test(property, same_login_however_typed);
	tcase_add_test(property, plain_logins_are_what_the_rules_make_of_them);
	return suite_run(suite);
}
