/* SPDX-License-Identifier: BSD-2-Clause */
/* check_text.c - lines built in a bounded buffer, UTF-8, escaping, and numbers. */
#include "policy/base/number.h"
#include "policy/base/text.h"
#include "policy/base/unicode.h"
#include "tests/lib/suite.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CANARY = 0x5A };

struct escape_case {
	const char *name, *in;
	size_t n, limit;
	const char *escaped, *shown;
};

#define BYTES(s) (s), sizeof(s) - 1

static const struct escape_case escape_cases[] = {
    {"plain", BYTES("user@example.org"), 100, "user@example.org", "user@example.org"},
    {"empty", BYTES(""), 100, "", ""},
    {"space", BYTES("a b"), 100, "a\\x20b", "a b"},
    {"quote", BYTES("a\"b"), 100, "a\\x22b", "a\"b"},
    {"equals", BYTES("a=b"), 100, "a\\x3Db", "a=b"},
    {"backslash", BYTES("a\\b"), 100, "a\\x5Cb", "a\\x5Cb"},
    {"forged escape", BYTES("\\x41"), 100, "\\x5Cx41", "\\x5Cx41"},
    {"line feed", BYTES("a\nid=1"), 100, "a\\x0Aid\\x3D1", "a\\x0Aid=1"},
    {"carriage return", BYTES("a\rb"), 100, "a\\x0Db", "a\\x0Db"},
    {"tab", BYTES("a\tb"), 100, "a\\x09b", "a\\x09b"},
    {"NUL", BYTES("a\0b"), 100, "a\\x00b", "a\\x00b"},
    {"escape", BYTES("\x1B[2J"), 100, "\\x1B[2J", "\\x1B[2J"},
    {"DEL", BYTES("\x7F"), 100, "\\x7F", "\\x7F"},
    {"C1 first", BYTES("\xC2\x80"), 100, "\\xC2\\x80", "\\xC2\\x80"},
    {"C1 next line", BYTES("\xC2\x85"), 100, "\\xC2\\x85", "\\xC2\\x85"},
    {"C1 last", BYTES("\xC2\x9F"), 100, "\\xC2\\x9F", "\\xC2\\x9F"},
    {"behind C1", BYTES("\xC2\xA1"), 100, "\xC2\xA1", "\xC2\xA1"},
    {"two bytes", BYTES("j\xC3\xBCrgen"), 100, "j\xC3\xBCrgen", "j\xC3\xBCrgen"},
    {"three bytes", BYTES("\xE2\x82\xAC"), 100, "\xE2\x82\xAC", "\xE2\x82\xAC"},
    {"four bytes", BYTES("\xF0\x9F\x98\x80"), 100, "\xF0\x9F\x98\x80",
	"\xF0\x9F\x98\x80"},
    {"no-break space", BYTES("a\xC2\xA0z"), 100, "a\\xC2\\xA0z", "a\\xC2\\xA0z"},
    {"soft hyphen", BYTES("a\xC2\xADz"), 100, "a\\xC2\\xADz", "a\\xC2\\xADz"},
    {"zero width space", BYTES("a\xE2\x80\x8Bz"), 100, "a\\xE2\\x80\\x8Bz",
	"a\\xE2\\x80\\x8Bz"},
    {"line separator", BYTES("\xE2\x80\xA8"), 100, "\\xE2\\x80\\xA8",
	"\\xE2\\x80\\xA8"},
    {"right-to-left override", BYTES("a\xE2\x80\xAEz"), 100, "a\\xE2\\x80\\xAEz",
	"a\\xE2\\x80\\xAEz"},
    {"left-to-right isolate", BYTES("\xE2\x81\xA6"), 100, "\\xE2\\x81\\xA6",
	"\\xE2\\x81\\xA6"},
    {"ideographic space", BYTES("\xE3\x80\x80"), 100, "\\xE3\\x80\\x80",
	"\\xE3\\x80\\x80"},
    {"byte order mark", BYTES("\xEF\xBB\xBF"), 100, "\\xEF\\xBB\\xBF",
	"\\xEF\\xBB\\xBF"},
    {"replacement character", BYTES("\xEF\xBF\xBD"), 100, "\\xEF\\xBF\\xBD",
	"\\xEF\\xBF\\xBD"},
    {"tag character", BYTES("\xF3\xA0\x81\x81"), 100, "\\xF3\\xA0\\x81\\x81",
	"\\xF3\\xA0\\x81\\x81"},
    {"Hebrew and Arabic", BYTES("\xD7\x90\xD8\xA7"), 100, "\xD7\x90\xD8\xA7",
	"\xD7\x90\xD8\xA7"},
    {"a mark that combines", BYTES("e\xCC\x81"), 100, "e\xCC\x81", "e\xCC\x81"},
    {"lone tail", BYTES("a\x80z"), 100, "a\\x80z", "a\\x80z"},
    {"lone lead", BYTES("a\xC3z"), 100, "a\\xC3z", "a\\xC3z"},
    {"cut at the end", BYTES("a\xE2\x82"), 100, "a\\xE2\\x82", "a\\xE2\\x82"},
    {"over-long slash", BYTES("\xC0\xAF"), 100, "\\xC0\\xAF", "\\xC0\\xAF"},
    {"over-long NUL", BYTES("\xC0\x80"), 100, "\\xC0\\x80", "\\xC0\\x80"},
    {"surrogate", BYTES("\xED\xA0\x80"), 100, "\\xED\\xA0\\x80", "\\xED\\xA0\\x80"},
    {"beyond Unicode", BYTES("\xF4\x90\x80\x80"), 100, "\\xF4\\x90\\x80\\x80",
	"\\xF4\\x90\\x80\\x80"},
    {"byte FF", BYTES("\xFF"), 100, "\\xFF", "\\xFF"},
    {"at the limit", BYTES("abcd"), 4, "abcd", "abcd"},
    {"past the limit", BYTES("abcde"), 4, "abcd...[5 bytes]", "abcd...[5 bytes]"},
    {"limit of nothing", BYTES("abc"), 0, "...[3 bytes]", "...[3 bytes]"},
    {"many bytes", BYTES("a\n\n\n\n\n\n\n\n\n\n\n"), 2, "a\\x0A...[12 bytes]",
	"a\\x0A...[12 bytes]"},
};

START_TEST(escape_and_show)
{
	const struct escape_case *c = &escape_cases[_i];
	char buf[256];
	struct text t;

	text_init(&t, buf, sizeof buf);
	text_escape(&t, c->in, c->n, c->limit);
	ck_assert_msg(strcmp(buf, c->escaped) == 0, "escape %s: %s", c->name, buf);
	ck_assert_msg(!t.cut && t.len == strlen(buf), "escape %s: length", c->name);
	text_init(&t, buf, sizeof buf);
	text_show(&t, c->in, c->n, c->limit);
	ck_assert_msg(strcmp(buf, c->shown) == 0, "show %s: %s", c->name, buf);
	ck_assert_msg(!t.cut && t.len == strlen(buf), "show %s: length", c->name);
}
END_TEST

START_TEST(typed_keeps_backslashes_that_are_no_escape)
{
	static const struct {
		const char *in, *out;
	} cases[] = {{"acme\\jdoe", "acme\\jdoe"}, {"\\x41", "\\x5Cx41"},
	    {"a\\", "a\\"}, {"\\\\x", "\\\\x5Cx"}, {"\\X41", "\\X41"},
	    {"a b=\"c\"", "a b=\"c\""}, {"\xE2\x80\xAE\\x", "\\xE2\\x80\\xAE\\x5Cx"},
	    {"\xFF", "\\xFF"}, {"\x1B[m", "\\x1B[m"}};
	char buf[64];
	struct text t;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		text_init(&t, buf, sizeof buf);
		text_typed(&t, cases[i].in, strlen(cases[i].in), 64);
		ck_assert_str_eq(buf, cases[i].out);
	}
}
END_TEST

START_TEST(escape_every_byte)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		char in = (char)byte, buf[8], want[8];
		struct text t;

		if (byte > ' ' && byte < 0x7F && strchr("\"\\=", (int)byte) == NULL)
			snprintf(want, sizeof want, "%c", in);
		else
			snprintf(want, sizeof want, "\\x%02X", byte);
		text_init(&t, buf, sizeof buf);
		text_escape(&t, &in, 1, 1);
		ck_assert_msg(strcmp(buf, want) == 0, "byte %02X: %s", byte, buf);
	}
}
END_TEST

/* units_at - whether N is the end of a whole escape or character of WHOLE */
static bool
units_at(const char *whole, size_t n)
{
	size_t at = 0;

	while (at < n)
		at += whole[at] == '\\' ? 4 : unicode_length(whole + at, 4);
	return at == n;
}

START_TEST(escape_in_every_room)
{
	static const char in[] = "a \xC3\xBC\n\xE2\x82\xAC\xFF\"";
	char whole[64], buf[64];
	struct text t;

	text_init(&t, whole, sizeof whole);
	text_escape(&t, in, sizeof in - 1, 64);
	for (size_t cap = 1; cap <= t.len + 1; cap++) {
		struct text small;

		memset(buf, CANARY, sizeof buf);
		text_init(&small, buf, cap);
		text_escape(&small, in, sizeof in - 1, 64);
		ck_assert_msg(small.cut == (cap <= t.len), "room %zu: cut", cap);
		ck_assert_msg(
		    small.len < cap && buf[small.len] == '\0', "room %zu: NUL", cap);
		ck_assert_msg(
		    memcmp(buf, whole, small.len) == 0, "room %zu: %s", cap, buf);
		ck_assert_msg(
		    units_at(whole, small.len), "room %zu: split %s", cap, buf);
		for (size_t i = cap; i < sizeof buf; i++)
			ck_assert_msg(buf[i] == CANARY, "room %zu: byte %zu", cap, i);
	}
}
END_TEST

START_TEST(add_whole_or_not)
{
	static const char word[] = "12345678";

	for (size_t cap = 1; cap <= 9; cap++)
		for (size_t n = 0; n <= 8; n++) {
			bool fits = n < cap;
			char buf[16];
			struct text t;

			memset(buf, CANARY, sizeof buf);
			text_init(&t, buf, cap);
			ck_assert_uint_eq(t.len, 0);
			ck_assert(!t.cut && buf[0] == '\0');
			text_add(&t, word, n);
			ck_assert_msg(t.cut == !fits && t.len == (fits ? n : 0),
			    "%zu bytes into %zu", n, cap);
			ck_assert_msg(buf[t.len] == '\0' && buf[cap] == CANARY,
			    "%zu bytes into %zu: bounds", n, cap);
		}
}
END_TEST

START_TEST(print_whole_or_not)
{
	for (size_t cap = 1; cap <= 9; cap++) {
		bool fits = cap > 5;
		char buf[16];
		struct text t;

		memset(buf, CANARY, sizeof buf);
		text_init(&t, buf, cap);
		text_printf(&t, "%d-%s", 12, "ab");
		ck_assert_msg(t.cut == !fits, "into %zu", cap);
		ck_assert_msg(
		    strcmp(buf, fits ? "12-ab" : "") == 0, "into %zu: %s", cap, buf);
		ck_assert_msg(t.len == strlen(buf) && buf[cap] == CANARY,
		    "into %zu: bounds", cap);
	}
}
END_TEST

START_TEST(parts_follow_each_other)
{
	char buf[16];
	struct text t;

	text_init(&t, buf, sizeof buf);
	text_puts(&t, "ab");
	text_add(&t, "cdef", 2);
	text_printf(&t, "%d", 7);
	text_escape(&t, " ", 1, 1);
	text_puts(&t, "");
	ck_assert_str_eq(buf, "abcd7\\x20");
	ck_assert_uint_eq(t.len, strlen(buf));
	text_puts(&t, "1234567");
	ck_assert_str_eq(buf, "abcd7\\x20");
	ck_assert(t.cut);
}
END_TEST

/* model_length - the same answer from the character's value, the slow way */
static size_t
model_length(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80    ? 1
	    : (s[0] & 0xE0) == 0xC0 ? 2
	    : (s[0] & 0xF0) == 0xE0 ? 3
	    : (s[0] & 0xF8) == 0xF0 ? 4
				    : 0;
	uint32_t value = len < 2 ? s[0] : s[0] & (0xFFU >> (len + 1));

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3F);
	}
	if (value < least[len] || value > 0x10FFFF ||
	    (value >= 0xD800 && value < 0xE000))
		return 0;
	return len;
}

START_TEST(utf8_length_of_all_starts)
{
	static const unsigned char tails[] = {
	    0x00, 0x41, 0x7F, 0x80, 0xA5, 0xBF, 0xC0, 0xFF};

	for (unsigned lead = 0; lead < 256; lead++)
		for (unsigned second = 0; second < 256; second++)
			for (unsigned i = 0; i < 64; i++) {
				const unsigned char u[] = {(unsigned char)lead,
				    (unsigned char)second, tails[i % 8], tails[i / 8]};
				char s[4];

				memcpy(s, u, sizeof s);
				for (size_t n = 1; n <= 4; n++)
					if (unicode_length(s, n) != model_length(u, n))
						ck_abort_msg(
						    "%02X %02X %02X %02X, %zu bytes",
						    u[0], u[1], u[2], u[3], n);
			}
	ck_assert_uint_eq(unicode_length("a", 0), 0);
}
END_TEST

START_TEST(escapes_are_undone)
{
	static const struct {
		const char *from, *to; /* NULL: left alone */
	} rows[] = {{"DOM\\x5Cdave", "DOM\\dave"}, {"a\\x20b", "a b"},
	    {"a\\xC2\\xAD@x", "a\xC2\xAD@x"}, {"\\xC3\\xA4@x", NULL},
	    {"DOM\\x41nna", NULL}, {"plain", NULL}, {"DOM\\dave", NULL},
	    {"DOM\\xbert", NULL}, {"\\x5", NULL}, {"\\x00", NULL}, {"\\xC3", NULL},
	    {"\\x5c", NULL}, {"12345678901234567890\\x20", NULL}};
	char out[20];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_int_eq(
		    text_unescape(out, sizeof out, rows[i].from), rows[i].to != NULL);
		if (rows[i].to != NULL)
			ck_assert_str_eq(out, rows[i].to);
	}
}
END_TEST

START_TEST(line_or_not)
{
	static const struct {
		const char *in;
		size_t n;
		bool good;
	} cases[] = {{BYTES(""), true}, {BYTES("a b=\"c\"\\"), true},
	    {BYTES("j\xC3\xBCrgen \xE2\x82\xAC \xF0\x9F\x98\x80"), true},
	    {BYTES("\xC2\xA0"), true}, {BYTES("a\nb"), false}, {BYTES("\r"), false},
	    {BYTES("\t"), false}, {BYTES("a\0b"), false}, {BYTES("\x1F"), false},
	    {BYTES("\x7F"), false}, {BYTES("\xC2\x80"), false},
	    {BYTES("\xC2\x9F"), false}, {BYTES("a\x80"), false}, {BYTES("\xC3"), false},
	    {BYTES("\xC0\x80"), false}, {BYTES("\xED\xBF\xBF"), false},
	    {BYTES("\xF4\x90\x80\x80"), false}, {BYTES("ok until the end\x01"), false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_msg(text_is_line(cases[i].in, cases[i].n) == cases[i].good,
		    "case %zu: %s", i, cases[i].in);
}
END_TEST

START_TEST(numbers_are_digits_only)
{
	static const struct {
		const char *in;
		uint64_t most, n;
		bool good;
	} cases[] = {{"0", 0, 0, true}, {"007", 7, 7, true}, {"7", 6, 0, false},
	    {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
	    {"18446744073709551616", UINT64_MAX, 0, false}, {NULL, 9, 0, false},
	    {"", 9, 0, false}, {"+1", 9, 0, false}, {"-1", UINT64_MAX, 0, false},
	    {" 1", 9, 0, false}, {"1 ", 9, 0, false}, {"0x1", 9, 0, false},
	    {"1\n", 9, 0, false}};
	uint64_t n;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		n = 1;
		ck_assert_int_eq(
		    number_parse(cases[i].in, cases[i].most, &n), cases[i].good);
		ck_assert_uint_eq(n, cases[i].n);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("text");
	TCase *build = suite_add_case(suite, "build");
	TCase *escape = suite_add_case(suite, "escape");
	TCase *utf8 = suite_add_case(suite, "utf8");

	tcase_add_test(build, add_whole_or_not);
	tcase_add_test(build, print_whole_or_not);
	tcase_add_test(build, parts_follow_each_other);
	tcase_add_loop_test(escape, escape_and_show, 0,
	    (int)(sizeof escape_cases / sizeof *escape_cases));
	tcase_add_test(escape, typed_keeps_backslashes_that_are_no_escape);
	tcase_add_test(escape, escape_every_byte);
	tcase_add_test(escape, escape_in_every_room);
	tcase_add_test(utf8, utf8_length_of_all_starts);
	tcase_add_test(utf8, line_or_not);
	tcase_add_test(utf8, escapes_are_undone);
	tcase_add_test(suite_add_case(suite, "number"), numbers_are_digits_only);
	return suite_run(suite);
}
