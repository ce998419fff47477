/* SPDX-License-Identifier: BSD-2-Clause */
/* check_error.c - every error has words of its own, and a line that is too long ends
 * in dots. */
#include "policy/base/error.h"
#include "tests/lib/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

START_TEST(words_differ)
{
	const char *unknown = error_string(WALK_STOP);

	ck_assert_str_eq(unknown, "unknown error");
	for (int i = OK; i < WALK_STOP; i++) {
		ck_assert_str_ne(error_string((enum error)i), unknown);
		for (int k = OK; k < i; k++)
			ck_assert_str_ne(
			    error_string((enum error)i), error_string((enum error)k));
	}
}
END_TEST

static const struct {
	int from;
	enum error to;
} numbers[] = {
    {0, OK},
    {ENOENT, ERR_MISSING},
    {ENOTDIR, ERR_MISSING},
    {EACCES, ERR_PERMISSION},
    {EPERM, ERR_PERMISSION},
    {EROFS, ERR_PERMISSION},
    {ENOSPC, ERR_FULL},
    {EDQUOT, ERR_FULL},
    {ENOMEM, ERR_MEMORY},
    {EMFILE, ERR_FILES},
    {ENFILE, ERR_FILES},
    {EBUSY, ERR_BUSY},
    {EWOULDBLOCK, ERR_BUSY},
    {EIO, ERR_IO},
    {EINVAL, ERR_IO},
};

START_TEST(numbers_of_the_system)
{
	ck_assert_int_eq(error_from_errno(numbers[_i].from), numbers[_i].to);
}
END_TEST

START_TEST(lines)
{
	char longest[ERROR_TEXT_MAX + 1];
	struct error_text why;

	ck_assert_int_eq(error_about(&why, ERR_IO, "a file"), ERR_IO);
	ck_assert_str_eq(why.text, "input/output error: a file");
	ck_assert_int_eq(error_set(NULL, ERR_DATA, "nobody asks"), ERR_DATA);

	memset(longest, 'x', sizeof longest);
	longest[ERROR_TEXT_MAX] = '\0';
	error_set(&why, ERR_DATA, "%s", longest + 1);
	ck_assert_str_eq(why.text, longest + 1);
	error_set(&why, ERR_DATA, "%s", longest);
	ck_assert_uint_eq(strlen(why.text), ERROR_TEXT_MAX - 1);
	ck_assert_str_eq(why.text + ERROR_TEXT_MAX - 5, "x...");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("error");
	TCase *tcase = suite_add_case(suite, "error");

	tcase_add_test(tcase, words_differ);
	tcase_add_loop_test(
	    tcase, numbers_of_the_system, 0, sizeof numbers / sizeof *numbers);
	tcase_add_test(tcase, lines);
	return suite_run(suite);
}
