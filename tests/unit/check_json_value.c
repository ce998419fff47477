/* SPDX-License-Identifier: BSD-2-Clause */
/* check_json_value.c - JSON as it is read; what is strict about it. */
#include "policy/json/json_value.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BYTES(s) (s), sizeof(s) - 1

static struct error_text why;

START_TEST(text_is_json_or_not)
{
	static const struct {
		const char *text;
		size_t n;
		enum error e;
	} cases[] = {{BYTES("{}"), OK}, {BYTES("[]"), OK}, {BYTES(" [1] "), OK},
	    {BYTES("{\"a\":{\"b\":[null]}}"), OK}, {BYTES("{\"a\":1,\"A\":2}"), OK},
	    {BYTES(""), ERR_DATA}, {BYTES("1"), ERR_DATA}, {BYTES("null"), ERR_DATA},
	    {BYTES("\"a\""), ERR_DATA}, {BYTES("{}{}"), ERR_DATA},
	    {BYTES("{} x"), ERR_DATA}, {BYTES("{\"a\":1,}"), ERR_DATA},
	    {BYTES("{\"a\":1,\"a\":1}"), ERR_DATA},
	    {BYTES("[{\"a\":1,\"a\":2}]"), ERR_DATA},
	    {BYTES("[\"\\u0000\"]"), ERR_DATA}, {BYTES("[\"\xFF\"]"), ERR_DATA},
	    {BYTES("[\"\0\"]"), ERR_DATA}, {BYTES("[01]"), ERR_DATA},
	    {BYTES("[NaN]"), ERR_DATA}, {BYTES("[1e999]"), ERR_DATA}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_value *v = NULL;
		enum error e;

		why.text[0] = '\0';
		e = json_value_parse(cases[i].text, cases[i].n, &v, &why);
		ck_assert_msg(e == cases[i].e, "%s: %d", cases[i].text, (int)e);
		ck_assert_int_eq(v != NULL, e == OK);
		ck_assert_int_eq(why.text[0] != '\0', e != OK);
		json_value_free(v);
	}
}
END_TEST

START_TEST(members_have_types)
{
	static const char text[] =
	    "{\"s\":\"\xC3\xA4\",\"i\":-7,\"r\":1.5,\"n\":null,\"a\":[1,2],\"o\":{},\"t\":true}";
	static const char *const keys[] = {"s", "i", "r", "n", "a", "o", "t", "x"};
	json_value *v;

	ck_assert_int_eq(json_value_parse(BYTES(text), &v, &why), OK);
	ck_assert(json_value_is_object(v) && !json_value_is_array(v));
	ck_assert_uint_eq(json_value_size(v), 7);
	for (size_t i = 0; i < COUNT(keys); i++) {
		const json_value *m = json_value_member(v, keys[i]);
		char kind = keys[i][0];

		ck_assert_int_eq(m == NULL, kind == 'x');
		ck_assert_int_eq(json_value_is_integer(m), kind == 'i');
		ck_assert_int_eq(json_value_integer(m), kind == 'i' ? -7 : 0);
		ck_assert_int_eq(json_value_is_null(m), kind == 'n');
		ck_assert_int_eq(json_value_is_array(m), kind == 'a');
		ck_assert_int_eq(json_value_is_object(m), kind == 'o');
		ck_assert_int_eq(json_value_string(m) != NULL, kind == 's');
		ck_assert_uint_eq(json_value_size(m), kind == 'a' ? 2 : 0);
		ck_assert_ptr_null(json_value_member(m, "s"));
	}
	ck_assert_str_eq(json_value_string(json_value_member(v, "s")), "\xC3\xA4");
	ck_assert_int_eq(
	    json_value_integer(json_value_item(json_value_member(v, "a"), 1)), 2);
	ck_assert_ptr_null(json_value_item(json_value_member(v, "a"), 2));
	ck_assert_ptr_null(json_value_item(v, 0));
	json_value_free(v);
	json_value_free(NULL);
}
END_TEST

START_TEST(members_are_walked)
{
	char seen[4] = "";
	json_value *v;

	ck_assert_int_eq(
	    json_value_parse(BYTES("{\"b\":1,\"a\":0,\"c\":2}"), &v, &why), OK);
	for (void *at = NULL; (at = json_value_next(v, at)) != NULL;) {
		const char *key = json_value_key(at);

		ck_assert_int_eq(json_value_integer(json_value_at(at)), key[0] - 'a');
		ck_assert_ptr_null(strchr(seen, key[0]));
		strcat(seen, key);
	}
	ck_assert_uint_eq(strlen(seen), 3);
	json_value_free(v);
}
END_TEST

/* nested - N brackets that open, and as many that close */
static enum error
nested(size_t n)
{
	char *text = malloc(2 * n);
	json_value *v = NULL;
	enum error e;

	ck_assert_ptr_nonnull(text);
	memset(text, '[', n);
	memset(text + n, ']', n);
	e = json_value_parse(text, 2 * n, &v, &why);
	json_value_free(v);
	free(text);
	return e;
}

START_TEST(nesting_has_an_end)
{
	ck_assert_int_eq(nested(500), OK);
	ck_assert_int_eq(nested(100000), ERR_DATA);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("json_value");
	TCase *t = suite_add_case(suite, "json_value");

	tcase_add_test(t, text_is_json_or_not);
	tcase_add_test(t, members_have_types);
	tcase_add_test(t, members_are_walked);
	tcase_add_test(t, nesting_has_an_end);
	return suite_run(suite);
}
