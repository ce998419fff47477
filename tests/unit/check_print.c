/* SPDX-License-Identifier: BSD-2-Clause */
/* check_print.c - one description of an object, printed in every form. */
#include "policy/ctl/frame/print.h"
#include "tests/lib/failing_allocation.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

static const struct print_column columns[] = {
    {"words", "WORDS"}, {"name", "NAME"}, {"count", "COUNT"}, {NULL, NULL}};

static struct printer p;
static char *printed;
static size_t length;
static FILE *out;

static void
start(bool json)
{
	out = open_memstream(&printed, &length);
	ck_assert_ptr_nonnull(out);
	print_open(&p, out, json);
}

/* expect - all that was printed; the printer holds nothing any more */
static void
expect(const char *text)
{
	print_finish(&p);
	print_close(&p);
	fclose(out);
	ck_assert_str_eq(printed, text);
	free(printed);
}

/* describe - an object with a field of each kind; columns take three of them */
static void
describe(const char *name, const char *const *words, uint64_t count)
{
	print_object_start(&p, NULL);
	print_name(&p, "name", name);
	print_number_if(&p, "count", count > 0, count);
	print_array_start(&p, "words");
	for (; *words != NULL; words++)
		print_item(&p, *words, strlen(*words));
	print_array_end(&p);
	print_object_start(&p, "within");
	print_text(&p, "name", "not a cell");
	print_bool(&p, "yes", true);
	print_object_end(&p);
	print_string(&p, "empty", "");
	print_text(&p, "none", "");
	print_time(&p, "at", 0);
	print_object_end(&p);
}

START_TEST(json_has_all_fields_in_order)
{
	start(true);
	print_table(&p, columns, "-");
	print_line(&p, "for people");
	describe("u\n", (const char *const[]){"a", "b", NULL}, 2);
	expect("{\"name\":\"u\\u000a\",\"count\":2,\"words\":[\"a\",\"b\"],"
	       "\"within\":{\"name\":\"not a cell\",\"yes\":true},\"empty\":\"\","
	       "\"none\":null,\"at\":\"1970-01-01T00:00:00Z\"}\n");
}
END_TEST

/* row - of the table; NULL is an empty cell */
static void
row(const char *words, const char *name, uint64_t count)
{
	print_object_start(&p, NULL);
	print_text(&p, "words", words);
	print_text(&p, "name", name);
	print_number_if(&p, "count", count > 0, count);
	print_object_end(&p);
}

START_TEST(table_leaves_out_empty_columns)
{
	start(false);
	print_table(&p, columns, "");
	row("a", "", 1);
	row("b", NULL, 20);
	expect("WORDS  COUNT\na      1\nb      20\n");
	start(false);
	print_table(&p, columns, "");
	row("a", "n", 0);
	expect("WORDS  NAME\na      n\n");
	start(false);
	print_table(&p, columns, "-"); /* a mark in every empty cell */
	row("a", "", 1);
	expect("WORDS  NAME  COUNT\na      -     1\n");
}
END_TEST

START_TEST(table_has_all_columns_for_rows_to_come)
{
	const char *at;

	start(false);
	print_table(&p, columns, "");
	for (int i = 0; i < 200; i++)
		row("a", "", 1);
	row("b", "name", 1);
	print_finish(&p);
	fflush(out);
	ck_assert_ptr_nonnull(at = strchr(printed, '\n'));
	ck_assert_int_eq(strncmp(printed, "WORDS  NAME  COUNT\n", 19), 0);
	ck_assert_ptr_nonnull(strstr(at, "b      name  1\n"));
	print_close(&p);
	fclose(out);
	free(printed);
}
END_TEST

START_TEST(table_after_a_line_has_all_columns)
{
	start(false);
	print_table(&p, columns, "");
	row("a", "", 1);
	print_line(&p, "line");
	row("b", "name", 1);
	expect("WORDS  COUNT\na      1\nline\nb      name  1\n");
}
END_TEST

START_TEST(long_cell_moves_its_own_row_only)
{
	start(false);
	print_table(&p, columns, "");
	row("a2345678901234567890123456789012345678901234", "x", 1);
	row("b", "y", 2);
	expect("WORDS                                     NAME  COUNT\n"
	       "a2345678901234567890123456789012345678901234  x     1\n"
	       "b                                         y     2\n");
}
END_TEST

START_TEST(empty_table_is_known)
{
	start(false);
	ck_assert(!print_is_empty(&p));
	print_table(&p, columns, "");
	ck_assert(print_is_empty(&p));
	row("a", "", 1);
	ck_assert(!print_is_empty(&p));
	print_table(&p, columns, "");
	ck_assert(print_is_empty(&p));
	print_line(&p, "0 objects");
	ck_assert(!print_is_empty(&p));
	print_close(&p);
	fclose(out);
	free(printed);
}
END_TEST

START_TEST(empty_json_is_not_for_people)
{
	start(true);
	print_table(&p, columns, "");
	ck_assert(!print_is_empty(&p));
	expect("");
}
END_TEST

START_TEST(numbers_have_all_their_digits)
{
	static const uint64_t numbers[] = {
	    0, 1, UINT64_C(4294967296), INT64_MAX, UINT64_MAX};

	start(true);
	print_object_start(&p, NULL);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		print_number(&p, "n", numbers[i]);
	print_object_end(&p);
	expect("{\"n\":0,\"n\":1,\"n\":4294967296,\"n\":9223372036854775807,"
	       "\"n\":18446744073709551615}\n");
}
END_TEST

START_TEST(table_has_its_columns_in_their_order)
{
	start(false);
	print_table(&p, columns, "-");
	describe("long\tname", (const char *const[]){"a", "bc", NULL}, 1234567);
	describe("\xC3\xBC", (const char *const[]){NULL}, 0);
	print_line(&p, "%d\tlines", 2);
	expect("WORDS  NAME          COUNT\n"
	       "a bc   long\\x09name  1234567\n"
	       "-      \xC3\xBC             -\n"
	       "2\\x09lines\n");
}
END_TEST

START_TEST(table_without_rows_is_silent)
{
	start(false);
	print_table(&p, columns, "");
	expect("");
}
END_TEST

/* The first rows decide on the widths; later ones are printed at once. */
START_TEST(long_table_is_printed_as_it_comes)
{
	const char *const none[] = {NULL};

	start(false);
	print_table(&p, columns, "");
	for (int i = 0; i < 200; i++)
		describe("u", none, 1);
	fflush(out);
	ck_assert_uint_eq(length, 0);
	describe("wider", none, 1);
	fflush(out);
	ck_assert_ptr_nonnull(strstr(printed, "WORDS  NAME  COUNT\n       u     1\n"));
	ck_assert_ptr_nonnull(strstr(printed, "\n       wider  1\n"));
	print_close(&p);
	fclose(out);
	free(printed);
}
END_TEST

START_TEST(csv_is_safe_for_a_spreadsheet)
{
	const char *const none[] = {NULL}, *const two[] = {"a,b", "c\"d", NULL};

	start(false);
	print_csv(&p, columns);
	describe("=1+1", two, 3);
	describe("'quoted", none, 0);
	describe("a\nb", none, 0);
	expect("words,name,count\r\n"
	       "\"a,b c\"\"d\",'=1+1,3\r\n"
	       ",''quoted,\r\n"
	       ",a\\x0Ab,\r\n");
}
END_TEST

START_TEST(properties_leave_empty_ones_out)
{
	start(false);
	print_properties(&p, columns);
	describe("u", (const char *const[]){NULL}, 7);
	print_property(&p, "more", "");
	print_property(&p, "last", "x");
	expect("NAME             u\nCOUNT            7\nlast             x\n");
}
END_TEST

/* As of a tenant with very many domains: a copy of all for each would take minutes. */
START_TEST(array_may_have_very_many_items)
{
	start(false);
	print_properties(&p, columns);
	print_object_start(&p, NULL);
	print_array_start(&p, "words");
	for (int i = 0; i < 200000; i++)
		print_item(&p, "customer.example", 16);
	print_array_end(&p);
	print_object_end(&p);
	print_close(&p);
	fclose(out);
	ck_assert_uint_eq(length, 17 + 17 * 200000);
	free(printed);
}
END_TEST

/* A text for which there is no memory is not shown as an empty one. */
START_TEST(missing_memory_is_shown)
{
	unsigned n = 0;
	bool failed = true;

	for (; failed; n++) {
		start(false);
		failing_allocation_begin(n);
		print_table(&p, columns, "-");
		describe("u", (const char *const[]){"a", "a.example", NULL}, 3);
		print_finish(&p);
		print_close(&p);
		failed = failing_allocation_end();
		fclose(out);
		ck_assert_ptr_null(strchr(printed, '-'));
		ck_assert_ptr_eq(strstr(printed, "WORDS"), printed);
		if (failed && n > 0) /* the first is that of the table */
			ck_assert_ptr_nonnull(strstr(printed, "(out of memory)"));
		free(printed);
	}
	ck_assert_uint_gt(n, 5);
}
END_TEST

/* What people see instead of a field; an array replaces it only if it has items. */
START_TEST(people_may_see_something_else)
{
	start(false);
	print_table(&p, columns, "");
	print_object_start(&p, NULL);
	print_words(&p, "words", "(none)");
	print_array_start(&p, "words");
	print_array_end(&p);
	print_text(&p, "name", "u");
	print_shown(&p, "name", "a\\b");
	print_plain(&p, "count", "c\\x");
	print_object_end(&p);
	expect("WORDS   NAME    COUNT\n(none)  a\\x5Cb  c\\x\n");
}
END_TEST

START_TEST(words_are_lines_of_key_and_value)
{
	start(false);
	p.form = PRINT_WORDS;
	print_object_start(&p, NULL);
	print_text(&p, "smtp_auth", "enabled");
	print_text(&p, "none", "");
	print_text(&p, "note", "a\nb");
	print_object_end(&p);
	expect("smtp-auth=enabled\nnote=a\\x0Ab\n");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("print");
	TCase *tc = suite_add_case(suite, "print");

	tcase_add_test(tc, json_has_all_fields_in_order);
	tcase_add_test(tc, table_leaves_out_empty_columns);
	tcase_add_test(tc, table_has_all_columns_for_rows_to_come);
	tcase_add_test(tc, table_after_a_line_has_all_columns);
	tcase_add_test(tc, long_cell_moves_its_own_row_only);
	tcase_add_test(tc, empty_table_is_known);
	tcase_add_test(tc, empty_json_is_not_for_people);
	tcase_add_test(tc, numbers_have_all_their_digits);
	tcase_add_test(tc, table_has_its_columns_in_their_order);
	tcase_add_test(tc, table_without_rows_is_silent);
	tcase_add_test(tc, long_table_is_printed_as_it_comes);
	tcase_add_test(tc, csv_is_safe_for_a_spreadsheet);
	tcase_add_test(tc, properties_leave_empty_ones_out);
	tcase_add_test(tc, array_may_have_very_many_items);
	tcase_add_test(tc, missing_memory_is_shown);
	tcase_add_test(tc, people_may_see_something_else);
	tcase_add_test(tc, words_are_lines_of_key_and_value);
	return suite_run(suite);
}
