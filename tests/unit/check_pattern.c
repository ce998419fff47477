/* SPDX-License-Identifier: BSD-2-Clause */
/* check_pattern.c - patterns of addresses. */
#include "policy/identity/pattern.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct {
	const char *pattern, *address;
	bool matches;
} cases[] = {
    {"*", "jane@a.test", true},
    {"*", "", true},
    {"?", "", false},
    {"jane@a.test", "jane@a.test", true},
    {"jane@a.test", "jane@a.tes", false},
    {"jane@a.tes", "jane@a.test", false},
    {"JANE@A.TEST", "jane@a.test", true},
    {"*@a.test", "jane@a.test", true},
    {"*@a.test", "jane@aa.test", false},
    {"j*n*@*", "jane@a.test", true},
    {"**a**", "jane@a.test", true},
    {"*a.test", "a.test@a.test", true},
    {"*ab", "aab", true},
    {"*aab*aab", "aaabaaab", true},
    {"jane@?.test", "jane@a.test", true},
    {"j?rg@a.test", "j\xC3\xB6rg@a.test", true},
    {"J\xC3\x96RG@a.test", "j\xC3\xB6rg@a.test", true},
    {"jo\xCC\x88rg@a.test", "j\xC3\xB6rg@a.test", true},
    {"*?@a.test", "\xC3\xB6@a.test", true},
    {"*??@a.test", "\xC3\xB6@a.test", false},
    {"*@b\xC3\xBC"
     "cher.example",
	"x@xn--bcher-kva.example", true},
    {"*@*.B\xC3\x9C"
     "cher.*",
	"x@a.xn--bcher-kva.example", true},
    {"*@1.2.example", "x@1.2.example", true},
    {"[j]*", "jane@a.test", false},
    {"\\*", "jane@a.test", false},
};

START_TEST(match_table)
{
	struct pattern p;

	ck_assert_int_eq(pattern_parse(&p, cases[_i].pattern), OK);
	ck_assert_msg(pattern_matches(&p, cases[_i].address) == cases[_i].matches,
	    "%s of %s", cases[_i].pattern, cases[_i].address);
}
END_TEST

START_TEST(limits)
{
	char text[LOGIN_RAW_MAX + 2];
	struct pattern p;

	memset(text, 'x', sizeof text);
	text[LOGIN_RAW_MAX] = '\0';
	ck_assert_int_eq(pattern_parse(&p, text), OK);
	ck_assert(pattern_matches(&p, text));
	text[LOGIN_RAW_MAX] = 'x';
	text[LOGIN_RAW_MAX + 1] = '\0';
	ck_assert_int_eq(pattern_parse(&p, text), ERR_DATA);
	ck_assert_int_eq(pattern_parse(&p, ""), ERR_DATA);
	ck_assert_int_eq(pattern_parse(&p, "\xFF*"), ERR_DATA);
	ck_assert_int_eq(pattern_parse(&p, "*@\xFF*"), ERR_DATA);
}
END_TEST

/* Each label grows as an A-label: what does not fit is refused, not cut. */
START_TEST(labels_that_grow)
{
	char text[LOGIN_RAW_MAX + 1] = "*@";
	struct pattern p;

	while (strlen(text) + 3 < sizeof text)
		strcat(text, "\xC3\xBC.");
	ck_assert_int_eq(pattern_parse(&p, text), ERR_DATA);
}
END_TEST

/* Stars that could be tried in every place are not. */
START_TEST(many_stars)
{
	char text[LOGIN_RAW_MAX + 1] = "", address[LOGIN_MAX + 1];
	struct pattern p;

	for (int i = 0; i < LOGIN_RAW_MAX / 2; i++)
		strcat(text, "*a");
	memset(address, 'a', LOGIN_MAX);
	memcpy(address + LOGIN_MAX - 1, "b", 2);
	ck_assert_int_eq(pattern_parse(&p, text), OK);
	ck_assert(!pattern_matches(&p, address));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pattern");
	TCase *match = suite_add_case(suite, "match");

	tcase_add_loop_test(match, match_table, 0, (int)COUNT(cases));
	tcase_add_test(match, limits);
	tcase_add_test(match, labels_that_grow);
	tcase_add_test(match, many_stars);
	return suite_run(suite);
}
