/* SPDX-License-Identifier: BSD-2-Clause */
/* check_unicode.c - lower case and NFC of local parts. */
#include "policy/base/unicode.h"
#include "tests/lib/suite.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { ROOM = 256 };

static const struct {
	const char *name, *in, *out;
} cases[] = {
    {"ASCII", "AZaz09.!#$", "azaz09.!#$"},
    {"Latin capital", "J\xC3\x9CRGEN", "j\xC3\xBCrgen"},
    {"combining diaeresis", "Ju\xCC\x88rgen", "j\xC3\xBCrgen"},
    {"capital and combining", "JU\xCC\x88RGEN", "j\xC3\xBCrgen"},
    {"sharp s stays",
	"stra\xC3\x9F"
	"e",
	"stra\xC3\x9F"
	"e"},
    {"capital sharp s",
	"STRA\xE1\xBA\x9E"
	"E",
	"stra\xC3\x9F"
	"e"},
    {"ss stays", "STRASSE", "strasse"},
    {"Turkish dotted I", "\xC4\xB0", "i\xCC\x87"},
    {"I and dot above", "I\xCC\x87", "i\xCC\x87"},
    {"Turkish dotless i stays", "\xC4\xB1", "\xC4\xB1"},
    {"I is i everywhere", "I", "i"},
    {"Greek final sigma", "\xCE\x9F\xCE\x94\xCE\x9F\xCE\xA3",
	"\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x82"},
    {"Greek inner sigma", "\xCE\xA3\xCE\x9F\xCE\xA6\xCE\x9F\xCE\xA3",
	"\xCF\x83\xCE\xBF\xCF\x86\xCE\xBF\xCF\x82"},
    {"lone sigma", "\xCE\xA3", "\xCF\x83"},
    {"small sigmas stay", "\xCF\x83\xCF\x82\xCF\x83", "\xCF\x83\xCF\x82\xCF\x83"},
    {"Kelvin sign", "\xE2\x84\xAA", "k"},
    {"Angstrom sign", "\xE2\x84\xAB", "\xC3\xA5"},
    {"Ohm sign", "\xE2\x84\xA6", "\xCF\x89"},
    {"J and caron compose", "J\xCC\x8C", "\xC7\xB0"},
    {"DZ digraph", "\xC7\x84", "\xC7\x86"},
    {"title case Dz", "\xC7\x85", "\xC7\x86"},
    {"ligature stays", "\xEF\xAC\x81", "\xEF\xAC\x81"},
    {"full width stays wide", "\xEF\xBC\xA1", "\xEF\xBD\x81"},
    {"Cyrillic", "\xD0\x98\xD0\x92\xD0\x90\xD0\x9D",
	"\xD0\xB8\xD0\xB2\xD0\xB0\xD0\xBD"},
    {"Cyrillic short i", "\xD0\x98\xCC\x86", "\xD0\xB9"},
    {"Hangul jamo", "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C"},
    {"Hangul syllable and final", "\xED\x95\x98\xE1\x86\xAB", "\xED\x95\x9C"},
    {"marks in order", "a\xCC\x96\xCC\x81", "\xC3\xA1\xCC\x96"},
    {"marks out of order", "A\xCC\x81\xCC\x96", "\xC3\xA1\xCC\x96"},
    {"dot below and above", "S\xCC\x87\xCC\xA3", "\xE1\xB9\xA9"},
    {"excluded composition", "\xE0\xA5\x98", "\xE0\xA4\x95\xE0\xA4\xBC"},
    {"Deseret", "\xF0\x90\x90\x80", "\xF0\x90\x90\xA8"},
    {"Cherokee capital", "\xE1\x8E\xA0", "\xEA\xAD\xB0"},
    {"emoji", "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
};

START_TEST(lower_table)
{
	char out[ROOM];
	size_t len = 0;

	ck_assert_int_eq(
	    unicode_lower_nfc(cases[_i].in, strlen(cases[_i].in), out, ROOM, &len), OK);
	ck_assert_msg(
	    len == strlen(cases[_i].out) && memcmp(out, cases[_i].out, len) == 0,
	    "%s: %.*s", cases[_i].name, (int)len, out);
}
END_TEST

START_TEST(invalid_utf8)
{
	static const char *const bad[] = {"\x80", "a\xC3", "\xC0\x80", "\xED\xA0\x80",
	    "\xF4\x90\x80\x80", "\xFF", "\xE2\x82", "\xC3\xBC\xBC"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		char out[ROOM];
		size_t len;

		ck_assert_msg(unicode_lower_nfc(
				  bad[i], strlen(bad[i]), out, ROOM, &len) == ERR_DATA,
		    "case %zu", i);
	}
}
END_TEST

START_TEST(small_room)
{
	static const char in[] = "\xC4\xB0\xC3\x9C"; /* 4 bytes, 5 in lower case */

	for (size_t cap = 0; cap <= 6; cap++) {
		char out[8] = "zzzzzzz";
		size_t len = 0;
		enum error e = unicode_lower_nfc(in, sizeof in - 1, out, cap, &len);

		ck_assert_msg(
		    e == (cap < 5 ? ERR_LIMIT : OK), "room %zu: %d", cap, (int)e);
		ck_assert_msg(out[cap] == 'z', "room %zu: written past it", cap);
	}
}
END_TEST

/* put - appends the UTF-8 of C; returns the new length */
static size_t
put(char *s, size_t n, uint32_t c)
{
	if (c < 0x80) {
		s[n++] = (char)c;
		return n;
	}
	if (c < 0x800) {
		s[n++] = (char)(0xC0 | c >> 6);
	} else {
		if (c < 0x10000) {
			s[n++] = (char)(0xE0 | c >> 12);
		} else {
			s[n++] = (char)(0xF0 | c >> 18);
			s[n++] = (char)(0x80 | (c >> 12 & 0x3F));
		}
		s[n++] = (char)(0x80 | (c >> 6 & 0x3F));
	}
	s[n++] = (char)(0x80 | (c & 0x3F));
	return n;
}

/* settle - the normal form of IN in OUT; fails unless it is its own normal form */
static size_t
settle(const char *in, size_t n, char *out, uint32_t c)
{
	char again[ROOM];
	size_t len = 0, len2 = 0;

	if (unicode_lower_nfc(in, n, out, ROOM, &len) != OK)
		ck_abort_msg("U+%04X is refused", (unsigned)c);
	if (unicode_lower_nfc(out, len, again, ROOM, &len2) != OK || len2 != len ||
	    memcmp(out, again, len) != 0)
		ck_abort_msg("U+%04X: %.*s becomes %.*s", (unsigned)c, (int)len, out,
		    (int)len2, again);
	return len;
}

/* All characters, alone and among letters and marks that could react with them. */
START_TEST(settles_at_once)
{
	static const char *const before[] = {"", "A\xCC\x88", "\xCE\x91"};
	static const char *const behind[] = {"", "\xCC\x81", "\xCE\xA3"};

	for (uint32_t c = 0x80; c < 0x20000; c = c == 0xD7FF ? 0xE000 : c + 1) {
		size_t i = c % COUNT(before), k = c / 3 % COUNT(behind), n;
		char in[64], out[ROOM];

		n = put(in, 0, c);
		settle(in, n, out, c);
		memcpy(in, before[i], strlen(before[i]));
		n = put(in, strlen(before[i]), c);
		memcpy(in + n, behind[k], strlen(behind[k]));
		settle(in, n + strlen(behind[k]), out, c);
	}
}
END_TEST

START_TEST(random_strings_settle)
{
	static const uint32_t pool[] = {'a', 'I', 'J', 'S', 0x130, 0x131, 0xDF, 0x1E9E,
	    0x3A3, 0x3C2, 0x3C3, 0x345, 0x1FBC, 0x1F88, 0x300, 0x301, 0x307, 0x308,
	    0x30C, 0x323, 0x327, 0x1100, 0x1161, 0x11A8, 0xAC00, 0x212A, 0x212B, 0x2126,
	    0x958, 0x9BE, 0x9C7, 0xFB1D, 0x1D15E, 0x10400, '.', '\'', '+', 0xAD, 0x200D,
	    0x2F800};
	unsigned short seed[3] = {2, 7, 1};

	for (int round = 0; round < 30000; round++) {
		size_t n = 0, count = 1 + (size_t)nrand48(seed) % 8;
		char in[64], out[ROOM];

		for (size_t i = 0; i < count; i++)
			n = put(in, n, pool[(size_t)nrand48(seed) % COUNT(pool)]);
		settle(in, n, out, (uint32_t)round);
	}
}
END_TEST

/* Every Hangul syllable and its letters one by one are the same name. */
START_TEST(hangul_syllables_compose)
{
	for (uint32_t i = 0; i < 11172; i++) {
		char whole[4], parts[16], out[ROOM];
		size_t n = put(whole, 0, 0xAC00 + i), len;

		len = put(parts, 0, 0x1100 + i / 588);
		len = put(parts, len, 0x1161 + i % 588 / 28);
		if (i % 28 != 0)
			len = put(parts, len, 0x11A7 + i % 28);
		len = settle(parts, len, out, 0xAC00 + i);
		if (len != n || memcmp(out, whole, n) != 0)
			ck_abort_msg("U+%04X", (unsigned)(0xAC00 + i));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("unicode");
	TCase *lower = suite_add_case(suite, "lower");
	TCase *property = suite_add_case(suite, "property");

	tcase_add_loop_test(lower, lower_table, 0, (int)COUNT(cases));
	tcase_add_test(lower, invalid_utf8);
	tcase_add_test(lower, small_room);
	tcase_add_test(property, settles_at_once);
	tcase_add_test(property, random_strings_settle);
	tcase_add_test(property, hangul_syllables_compose);
	return suite_run(suite);
}
