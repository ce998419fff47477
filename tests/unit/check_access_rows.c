/* SPDX-License-Identifier: BSD-2-Clause */
/* check_access_rows.c - tables for check_sasl_access, as access(5) describes them. */
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/import/access_rows.h"

#include <stdlib.h>
#include <string.h>

#define NOW 1800000000

static struct error_text why;

static const struct {
	const char *text, *name;
	enum smtp_auth smtp_auth;
	const char *note; /* NULL: the row does not say */
	unsigned line;
	bool deferred;
} good[] = {
    {"u@a.test REJECT\n", "u@a.test", SMTP_AUTH_DISABLED, NULL, 1, false},
    {"u@a.test\treject\tgone\n", "u@a.test", SMTP_AUTH_DISABLED, "gone", 1, false},
    {"u@a.test REJECT 5.7.1 a  b \r\n", "u@a.test", SMTP_AUTH_DISABLED, "5.7.1 a  b", 1,
	false},
    {"u@a.test 550 no\n", "u@a.test", SMTP_AUTH_DISABLED, "no", 1, false},
    {"u@a.test 450 later\n", "u@a.test", SMTP_AUTH_DISABLED, "later", 1, true},
    {"u@a.test DEFER", "u@a.test", SMTP_AUTH_DISABLED, NULL, 1, true},
    {"u OK\n", "u", SMTP_AUTH_ENABLED, NULL, 1, false},
    {"u OK text\n", "u", SMTP_AUTH_ENABLED, NULL, 1, false},
    {"u dunno\n", "u", SMTP_AUTH_INHERIT, NULL, 1, false},
    {"# c\n\n  \n\t# d\nu OK\n", "u", SMTP_AUTH_ENABLED, NULL, 5, false},
    {"u\n OK\n", "u", SMTP_AUTH_ENABLED, NULL, 1, false},
    {"u\n# c\n OK\n", "u", SMTP_AUTH_ENABLED, NULL, 1, false},
    {"u REJECT a\n\n\r\n# c\n \n#\n\tb\n\n# e\n", "u", SMTP_AUTH_DISABLED, "a b", 1,
	false},
    {"u OK\n# c", "u", SMTP_AUTH_ENABLED, NULL, 1, false},
    {"u\tREJECT\ta\tb\r\n\tc\r\n", "u", SMTP_AUTH_DISABLED, "a b  c", 1, false},
    {"u REJECT a\n b\n  # d\n  \n c\n", "u", SMTP_AUTH_DISABLED, "a b c", 1, false},
};

START_TEST(rows_are_read)
{
	struct access_rows *a = malloc(sizeof *a);
	FILE *in = file_of(good[_i].text, strlen(good[_i].text));
	struct row row = {0};
	bool found;

	access_rows_start(a, in, 1, NOW);
	expect_ok(access_rows_next(a, &row, &found, &why));
	ck_assert(found);
	ck_assert_str_eq(row.name, good[_i].name);
	ck_assert_int_eq(row.mailbox.smtp_auth, good[_i].smtp_auth);
	ck_assert_uint_eq(row.says, good[_i].note != NULL ? ROW_NOTE : 0);
	if (good[_i].note != NULL)
		ck_assert_str_eq(row.mailbox.note, good[_i].note);
	ck_assert_uint_eq(row.line, good[_i].line);
	ck_assert_int_eq(a->deferred, good[_i].deferred);
	expect_ok(access_rows_next(a, &row, &found, &why));
	ck_assert(!found);
	access_rows_end(a);
	fclose(in);
	free(a);
}
END_TEST

START_TEST(comments_end_no_row)
{
	static const char text[] = "u OK\n# c\n\nv OK\n# d\n REJECT\nw OK\n";
	static const struct {
		const char *name;
		unsigned line;
	} rows[] = {{"u", 1}, {"v", 4}, {"w", 7}};
	struct access_rows *a = malloc(sizeof *a);
	FILE *in = file_of(text, sizeof text - 1);
	struct row row = {0};
	bool found;

	access_rows_start(a, in, 1, NOW);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		expect_ok(access_rows_next(a, &row, &found, &why));
		ck_assert(found);
		ck_assert_str_eq(row.name, rows[i].name);
		ck_assert_uint_eq(row.line, rows[i].line);
	}
	expect_ok(access_rows_next(a, &row, &found, &why));
	ck_assert(!found);
	access_rows_end(a);
	fclose(in);
	free(a);
}
END_TEST

#define BYTES(s) s, sizeof s - 1

static const struct {
	const char *text;
	size_t n;
	const char *word;
} bad[] = {
    {BYTES("u\nok OK\n"), "no action"},
    {BYTES("u FILTER x\nok OK\n"), "bad action \"FILTER x\""},
    {BYTES("u 550\nok OK\n"), "bad action"}, /* Postfix: digits alone are OK */
    {BYTES("u a\0b\nok OK\n"), "NUL"},
    {BYTES(" x\nok OK\n"), "begins with a blank"},
    {BYTES("u REJECT a\x01z\nok OK\n"), "control"},
};

START_TEST(bad_rows_are_told_and_left_behind)
{
	struct access_rows *a = malloc(sizeof *a);
	FILE *in = file_of(bad[_i].text, bad[_i].n);
	struct row row = {0};
	bool found;

	access_rows_start(a, in, 1, NOW);
	expect_error(ERR_DATA, access_rows_next(a, &row, &found, &why));
	ck_assert_msg(strstr(why.text, bad[_i].word) != NULL, "%s", why.text);
	ck_assert_uint_eq(row.line, 1);
	expect_ok(access_rows_next(a, &row, &found, &why));
	ck_assert_str_eq(row.name, "ok");
	access_rows_end(a);
	fclose(in);
	free(a);
}
END_TEST

/* The NUL byte is no blank: the line does not spoil the one before. */
START_TEST(line_that_begins_with_a_nul)
{
	static const char text[] = "u OK\n\0 OK\nok OK\n";
	struct access_rows *a = malloc(sizeof *a);
	FILE *in = file_of(text, sizeof text - 1);
	struct row row = {0};
	bool found;

	access_rows_start(a, in, 1, NOW);
	expect_ok(access_rows_next(a, &row, &found, &why));
	ck_assert_str_eq(row.name, "u");
	expect_error(ERR_DATA, access_rows_next(a, &row, &found, &why));
	ck_assert_uint_eq(row.line, 2);
	expect_ok(access_rows_next(a, &row, &found, &why));
	ck_assert_str_eq(row.name, "ok");
	access_rows_end(a);
	fclose(in);
	free(a);
}
END_TEST

/* long_table - one line of N bytes, in two if CONTINUED, then "ok OK" */
static FILE *
long_table(size_t n, bool continued)
{
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	fputs(continued ? "u\n REJECT" : "u REJECT ", f);
	for (size_t i = strlen("u REJECT "); i < n; i++)
		putc(' ', f);
	fputs(continued ? " \nok OK\n" : "\nok OK\n", f);
	rewind(f);
	return f;
}

START_TEST(lines_have_a_limit)
{
	struct access_rows *a = malloc(sizeof *a);
	struct row row = {0};
	bool found;

	for (size_t n = ACCESS_LINE_MAX; n <= ACCESS_LINE_MAX + 1; n++) {
		FILE *in = long_table(n, _i);

		access_rows_start(a, in, 1, NOW);
		expect_error(n > ACCESS_LINE_MAX ? ERR_DATA : OK,
		    access_rows_next(a, &row, &found, &why));
		expect_ok(access_rows_next(a, &row, &found, &why));
		ck_assert_str_eq(row.name, "ok");
		access_rows_end(a);
		fclose(in);
	}
	free(a);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("access_rows");
	TCase *tcase = suite_add_case(suite, "access_rows");

	tcase_add_loop_test(tcase, rows_are_read, 0, sizeof good / sizeof *good);
	tcase_add_test(tcase, comments_end_no_row);
	tcase_add_loop_test(
	    tcase, bad_rows_are_told_and_left_behind, 0, sizeof bad / sizeof *bad);
	tcase_add_test(tcase, line_that_begins_with_a_nul);
	tcase_add_loop_test(tcase, lines_have_a_limit, 0, 2);
	return suite_run(suite);
}
