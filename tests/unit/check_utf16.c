/* SPDX-License-Identifier: BSD-2-Clause */
/* check_utf16.c - UTF-16 is seen, and read; half of it is not. */
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/import/utf16.h"

#include <string.h>

#define TEXT(s) s, sizeof s - 1

static const struct {
	const char *bytes;
	size_t n;
	enum utf16_order order;
	const char *utf8; /* NULL: it is not UTF-16 to the end */
} files[] = {
    {TEXT("\xFF\xFE"
	  "a\0b\0"),
	UTF16_LITTLE, "ab"},
    {TEXT("\xFE\xFF"
	  "\0a\0b"),
	UTF16_BIG, "ab"},
    {TEXT("\xFF\xFE"), UTF16_LITTLE, ""},
    {TEXT("a\0b\0"), UTF16_LITTLE, "ab"},
    {TEXT("\0a\0b"), UTF16_BIG, "ab"},
    {TEXT("a\0\xFC\0"), UTF16_LITTLE, "a\xC3\xBC"},
    {TEXT("\xFF\xFE\x3D\xD8\x00\xDE"), UTF16_LITTLE, "\xF0\x9F\x98\x80"},
    {TEXT("\xFF\xFE\xFF\xFE"), UTF16_LITTLE, "\xEF\xBB\xBF"}, /* one is the mark */
    {TEXT("\xFF\xFE"
	  "a"),
	UTF16_LITTLE, NULL},
    {TEXT("\xFF\xFE\x3D\xD8"), UTF16_LITTLE, NULL},
    {TEXT("\xFF\xFE\x3D\xD8"
	  "a\0"),
	UTF16_LITTLE, NULL},
    {TEXT("\xFF\xFE\x00\xDE"), UTF16_LITTLE, NULL},
    {TEXT(""), UTF16_NOT, ""},
    {TEXT("ab\0c"), UTF16_NOT, ""},
    {TEXT("a\0"), UTF16_NOT, ""},
    {TEXT("\xEF\xBB\xBF"
	  "ab"),
	UTF16_NOT, ""},
};

START_TEST(is_seen_and_read)
{
	FILE *in = file_of(files[_i].bytes, files[_i].n), *out = tmpfile();
	enum utf16_order order;
	char text[100];

	expect_ok(utf16_find(in, &order));
	ck_assert_int_eq(order, files[_i].order);
	ck_assert_int_eq(ftell(in), 0);
	if (order != UTF16_NOT) {
		expect_error(files[_i].utf8 != NULL ? OK : ERR_DATA,
		    utf16_to_utf8(in, order, out));
		rewind(out);
		text[fread(text, 1, sizeof text - 1, out)] = '\0';
		if (files[_i].utf8 != NULL)
			ck_assert_str_eq(text, files[_i].utf8);
	}
	fclose(in);
	fclose(out);
}
END_TEST

START_TEST(full_disk_is_an_error)
{
	FILE *in = file_of(TEXT("a\0b\0")), *out = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(out);
	expect_error(ERR_FULL, utf16_to_utf8(in, UTF16_LITTLE, out));
	fclose(in);
	fclose(out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("utf16");
	TCase *tcase = suite_add_case(suite, "utf16");

	tcase_add_loop_test(tcase, is_seen_and_read, 0, sizeof files / sizeof *files);
	tcase_add_test(tcase, full_disk_is_an_error);
	return suite_run(suite);
}
