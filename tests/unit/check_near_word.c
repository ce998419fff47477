/* SPDX-License-Identifier: BSD-2-Clause */
/* check_near_word.c - the distance of words, and which misspelt one is which. */
#include "tests/lib/suite.h"

#include "policy/base/near_word.h"

#include <string.h>

static const struct {
	const char *a, *b;
	unsigned distance;
} pairs[] = {
    {"", "", 0}, {"until", "until", 0}, {"UNTIL", "until", 0}, {"until", "untill", 1},
    {"until", "unti", 1}, {"until", "untal", 1}, {"until", "utnil", 1},
    {"clients", "client", 1}, {"clients", "Clint", 2}, {"note", "name", 2},
    {"abc", "", 3}, {"", "abc", 3}, {"ca", "abc", 3}, /* no letter is changed twice */
};

START_TEST(distance)
{
	ck_assert_uint_eq(
	    near_word_distance(pairs[_i].a, pairs[_i].b), pairs[_i].distance);
	ck_assert_uint_eq(
	    near_word_distance(pairs[_i].b, pairs[_i].a), pairs[_i].distance);
}
END_TEST

START_TEST(length_has_a_limit)
{
	char word[NEAR_WORD_MAX + 2];

	memset(word, 'x', sizeof word);
	word[NEAR_WORD_MAX] = '\0';
	ck_assert_uint_eq(near_word_distance(word, ""), NEAR_WORD_MAX);
	ck_assert_uint_eq(near_word_distance("", word), NEAR_WORD_MAX);
	word[NEAR_WORD_MAX] = 'x';
	word[NEAR_WORD_MAX + 1] = '\0';
	ck_assert_uint_eq(near_word_distance(word, word), NEAR_WORD_MAX + 1);
}
END_TEST

static const struct {
	const char *word, *found;
} words[] = {
    {"Untill", "until"},
    {"client", "clients"},
    {"Notes", "note"},
    {"Name", NULL}, /* short words are near only by one letter */
    {"DisplayName", NULL},
    {"", NULL},
};

START_TEST(nearest)
{
	static const char *const known[] = {"until", "clients", "note"};
	const char *found = near_word_find(words[_i].word, known, 3);

	if (words[_i].found == NULL)
		ck_assert_ptr_null(found);
	else
		ck_assert_pstr_eq(found, words[_i].found);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("near_word");
	TCase *tcase = suite_add_case(suite, "near_word");

	tcase_add_loop_test(tcase, distance, 0, sizeof pairs / sizeof *pairs);
	tcase_add_test(tcase, length_has_a_limit);
	tcase_add_loop_test(tcase, nearest, 0, sizeof words / sizeof *words);
	return suite_run(suite);
}
