/* SPDX-License-Identifier: BSD-2-Clause */
/* check_json.c - the JSON writer: structure, escaping, and what is null. */
#include "policy/base/json.h"
#include "tests/lib/suite.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct sink {
	char at[4096];
	size_t len;
};

static void
sink_put(void *arg, const char *s, size_t n)
{
	struct sink *sink = arg;

	ck_assert_uint_lt(sink->len + n, sizeof sink->at);
	memcpy(sink->at + sink->len, s, n);
	sink->len += n;
	sink->at[sink->len] = '\0';
}

static void
sink_start(struct sink *sink, struct json *j)
{
	sink->len = 0;
	sink->at[0] = '\0';
	json_start(j, sink_put, sink);
}

START_TEST(commas_and_nesting)
{
	struct sink sink;
	struct json j;

	sink_start(&sink, &j);
	json_open(&j, NULL, "{");
	json_quoted(&j, "a", "x");
	json_open(&j, "b", "[");
	json_close(&j, "]");
	json_open(&j, "c", "[");
	json_quoted(&j, NULL, "y");
	json_open(&j, NULL, "{");
	json_close(&j, "}");
	json_literal(&j, NULL, "1");
	json_literal(&j, NULL, "null");
	json_close(&j, "]");
	json_open(&j, "d", "{");
	json_literal(&j, "e", "null");
	json_literal(&j, "f", "2");
	json_close(&j, "}");
	json_quoted(&j, "g", "");
	json_close(&j, "}");
	ck_assert_str_eq(sink.at,
	    "{\"a\":\"x\",\"b\":[],\"c\":[\"y\",{},1,null],"
	    "\"d\":{\"e\":null,\"f\":2},\"g\":\"\"}");
}
END_TEST

START_TEST(start_forgets_the_last_value)
{
	struct sink sink;
	struct json j;

	sink_start(&sink, &j);
	json_open(&j, NULL, "{");
	json_close(&j, "}");
	sink_start(&sink, &j);
	json_open(&j, NULL, "[");
	json_close(&j, "]");
	ck_assert_str_eq(sink.at, "[]");
}
END_TEST

START_TEST(null_or_text)
{
	struct sink sink;
	struct json j;

	sink_start(&sink, &j);
	json_open(&j, NULL, "{");
	json_text(&j, "a", NULL);
	json_text(&j, "b", "");
	json_text(&j, "c", "x");
	json_instant(&j, "d", INSTANT_NONE);
	json_instant(&j, "e", 0);
	json_instant(&j, "f", 1796115600);
	json_close(&j, "}");
	ck_assert_str_eq(sink.at,
	    "{\"a\":null,\"b\":null,\"c\":\"x\",\"d\":null,\"e\":\"1970-01-01T00:00:"
	    "00Z\","
	    "\"f\":\"2026-12-01T09:00:00Z\"}");
}
END_TEST

/* read_escape - the byte behind a backslash of a JSON string; only ASCII is expected */
static char
read_escape(const char **at)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found = strchr(from, **at);
	char hex[5];

	ck_assert_msg(**at != '\0', "a backslash at the end");
	if (found != NULL) {
		(*at)++;
		return to[found - from];
	}
	ck_assert_msg(**at == 'u' && strlen(*at) > 4, "escape \\%c", **at);
	memcpy(hex, *at + 1, 4);
	hex[4] = '\0';
	ck_assert_uint_eq(strspn(hex, "0123456789abcdefABCDEF"), 4);
	*at += 5;
	return (char)strtol(hex, NULL, 16);
}

/* read_string - reads back what stands in quotes; checks what RFC 8259 forbids */
static size_t
read_string(const char *at, char *out)
{
	size_t n = 0;

	ck_assert_int_eq(*at++, '"');
	while (*at != '"') {
		ck_assert_msg((unsigned char)*at >= ' ', "a raw control byte");
		if (*at == '\\') {
			at++;
			out[n++] = read_escape(&at);
		} else {
			out[n++] = *at++;
		}
	}
	ck_assert_str_eq(at, "\"");
	return n;
}

START_TEST(every_ascii_byte_comes_back)
{
	char in[128], out[128];
	struct sink sink;
	struct json j;

	for (int i = 0; i < 128; i++)
		in[i] = (char)i;
	sink_start(&sink, &j);
	json_string_n(&j, NULL, in, sizeof in);
	ck_assert_uint_eq(read_string(sink.at, out), sizeof in);
	ck_assert_mem_eq(in, out, sizeof in);
}
END_TEST

START_TEST(keys_are_escaped)
{
	struct sink sink;
	struct json j;

	sink_start(&sink, &j);
	json_open(&j, NULL, "{");
	json_literal(&j, "a\"b\\\n", "null");
	json_close(&j, "}");
	ck_assert_str_eq(sink.at, "{\"a\\\"b\\\\\\u000a\":null}");
}
END_TEST

#define FFFD "\xEF\xBF\xBD"

START_TEST(utf8_stays_and_the_rest_is_replaced)
{
	static const struct {
		const char *in, *out;
	} cases[] = {{"j\xC3\xBCrgen", "j\xC3\xBCrgen"},
	    {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"}, {"a\xFFz", "a" FFFD "z"},
	    {"a\xC3z", "a" FFFD "z"}, {"a\xC3", "a" FFFD}, {"\xC0\xAF", FFFD FFFD},
	    {"\xED\xA0\x80", FFFD FFFD FFFD}, {"\xC3\"", FFFD "\""},
	    {"\x80\\", FFFD "\\"}, {"\xE2\x82\n", FFFD FFFD "\n"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sink sink;
		char out[64];
		struct json j;
		size_t n;

		sink_start(&sink, &j);
		json_quoted(&j, NULL, cases[i].in);
		n = read_string(sink.at, out);
		ck_assert_msg(
		    n == strlen(cases[i].out) && memcmp(out, cases[i].out, n) == 0,
		    "case %zu: %s", i, sink.at);
	}
}
END_TEST

START_TEST(what_a_terminal_obeys_or_breaks_a_line_is_escaped)
{
	static const struct {
		const char *in, *out;
	} cases[] = {{"\x7F", "\"\\u007f\""}, {"\xC2\x80", "\"\\u0080\""},
	    {"a\xC2\x9B[31m", "\"a\\u009b[31m\""}, {"\xC2\x85", "\"\\u0085\""},
	    {"\xC2\xA0", "\"\\u00a0\""}, {"\xE2\x80\xA7", "\"\xE2\x80\xA7\""},
	    {"\xE2\x80\xA8", "\"\\u2028\""}, {"\xE2\x80\xA9z", "\"\\u2029z\""},
	    {"\xE2\x80\xAA", "\"\\u202a\""}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sink sink;
		struct json j;

		sink_start(&sink, &j);
		json_quoted(&j, NULL, cases[i].in);
		ck_assert_str_eq(sink.at, cases[i].out);
	}
}
END_TEST

START_TEST(what_turns_the_text_or_is_not_seen_is_escaped)
{
	static const struct {
		const char *in, *out;
	} cases[] = {{"a\xE2\x80\xAEz", "\"a\\u202ez\""},
	    {"\xE2\x80\x8B", "\"\\u200b\""}, {"\xC2\xAD", "\"\\u00ad\""},
	    {"\xEF\xBB\xBF", "\"\\ufeff\""}, {"\xE2\x81\xA6", "\"\\u2066\""},
	    /* U+E0041 and U+10FFFE: surrogate pairs */
	    {"\xF3\xA0\x81\x81", "\"\\udb40\\udc41\""},
	    {"\xF4\x8F\xBF\xBE", "\"\\udbff\\udffe\""},
	    {"\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\""}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sink sink;
		struct json j;

		sink_start(&sink, &j);
		json_quoted(&j, NULL, cases[i].in);
		ck_assert_str_eq(sink.at, cases[i].out);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("json");
	TCase *structure = suite_add_case(suite, "structure");
	TCase *strings = suite_add_case(suite, "strings");

	tcase_add_test(structure, commas_and_nesting);
	tcase_add_test(structure, start_forgets_the_last_value);
	tcase_add_test(structure, null_or_text);
	tcase_add_test(strings, every_ascii_byte_comes_back);
	tcase_add_test(strings, keys_are_escaped);
	tcase_add_test(strings, utf8_stays_and_the_rest_is_replaced);
	tcase_add_test(strings, what_a_terminal_obeys_or_breaks_a_line_is_escaped);
	tcase_add_test(strings, what_turns_the_text_or_is_not_seen_is_escaped);
	return suite_run(suite);
}
