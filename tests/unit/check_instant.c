/* SPDX-License-Identifier: BSD-2-Clause */
/* check_instant.c - points in time as people write them, and as they are printed. */
#include "policy/base/instant.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY INT64_C(86400)
#define NOW INT64_C(1767225600)      /* 2026-01-01T00:00:00Z */
#define DECEMBER INT64_C(1796083200) /* 2026-12-01T00:00:00Z */
#define LAST INT64_C(253402300799)   /* 9999-12-31T23:59:59Z */

static const struct {
	const char *text;
	instant start, end; /* read as the start, and as the end of a period */
} good[] = {
    {"1970-01-01T00:00:00Z", 0, 0},
    {"2026-12-01T09:00:00Z", DECEMBER + 9 * 3600, DECEMBER + 9 * 3600},
    {"2026-12-01t09:00:00z", DECEMBER + 9 * 3600, DECEMBER + 9 * 3600},
    {"2026-12-01T23:59:59Z", DECEMBER + DAY - 1, DECEMBER + DAY - 1},
    {"2026-12-01T09:00:00.5Z", DECEMBER + 9 * 3600, DECEMBER + 9 * 3600},
    {"2026-12-01T09:00:00.999999999Z", DECEMBER + 9 * 3600, DECEMBER + 9 * 3600},
    {"2026-12-01T09:00:00+00:00", DECEMBER + 9 * 3600, DECEMBER + 9 * 3600},
    {"2026-12-01T09:00:00-00:00", DECEMBER + 9 * 3600, DECEMBER + 9 * 3600},
    {"2026-12-01T09:00:00+02:00", DECEMBER + 7 * 3600, DECEMBER + 7 * 3600},
    {"2026-12-01T09:00:00.25+02:00", DECEMBER + 7 * 3600, DECEMBER + 7 * 3600},
    {"2026-12-01T00:00:00-05:30", DECEMBER + 19800, DECEMBER + 19800},
    {"2026-12-01T00:30:00+01:00", DECEMBER - 1800, DECEMBER - 1800},
    {"2026-12-01T00:00:00+23:59", DECEMBER - 86340, DECEMBER - 86340},
    {"2026-12-01", DECEMBER, DECEMBER + DAY},
    {"1970-01-01", 0, DAY},
    {"2024-02-29", 1709164800, 1709164800 + DAY},
    {"2000-02-29", 951782400, 951782400 + DAY},
    {"2027-12-31", 1830211200, 1830211200 + DAY},
    {"9999-12-31T23:59:59Z", LAST, LAST},
    {"+0d", NOW, NOW},
    {"+1d", NOW + DAY, NOW + DAY},
    {"+30d", NOW + 30 * DAY, NOW + 30 * DAY},
    {"+12h", NOW + 43200, NOW + 43200},
    {"+15m", NOW + 900, NOW + 900},
    {"+0090m", NOW + 5400, NOW + 5400},
    {"+3650d", NOW + 3650 * DAY, NOW + 3650 * DAY},
    {"+2w", NOW + 14 * DAY, NOW + 14 * DAY},
    {"-2h", NOW - 7200, NOW - 7200},
    {"-1w", NOW - 7 * DAY, NOW - 7 * DAY},
    {"today", NOW - NOW % DAY, NOW - NOW % DAY + DAY},
    {"Tomorrow", NOW - NOW % DAY + DAY, NOW - NOW % DAY + 2 * DAY},
};

static const char *const bad[] = {"", " ", "now", "none", "Tomorrows", "yesterday",
    "2026", "2026-12", "2026-1-1", "26-12-01", "2026/12/01", "20261201", "2026-00-01",
    "2026-13-01", "2026-12-00", "2026-12-32", "2026-04-31", "2026-02-29", "2023-02-29",
    "2100-02-29", "1969-12-31", "1900-01-01", "0000-01-01", "10000-01-01",
    "-2026-12-01", "2026-12-01 ", " 2026-12-01", "2026-12-01x", "2026-12-01T",
    "2026-12-01T09", "2026-12-01T09:00", "2026-12-01T09:00Z", "2026-12-01T09:00:00",
    "2026-12-01T9:00:00Z", "2026-12-01T24:00:00Z", "2026-12-01T25:00:00Z",
    "2026-12-01T09:60:00Z", "2026-12-01T09:00:61Z", "2026-12-01T09:00:00.Z",
    "2026-12-01T09:00:00.", "2026-12-01T09:00:00,5Z", "2026-12-01T09:00:00Zx",
    "2026-12-01T09:00:00Z ", "2026-12-01T09:00:00+02", "2026-12-01T09:00:00+0200",
    "2026-12-01T09:00:00+2:00", "2026-12-01T09:00:00+24:00",
    "2026-12-01T09:00:00+02:60", "2026-12-01T09:00:00+02:00Z",
    "2026-12-01T09:00:00 +02:00", "2026-12-01T-9:00:00Z", "2026-12-01T09:-1:00Z",
    "1970-01-01T00:00:00+00:01", "1970-01-01T00:30:00+01:00", "+", "+d", "+30", "+30s",
    "+30y", "+30dd", "+30 d", "+ 30d", "+-30d", "++30d", "--30d", "-d", "-", "30d",
    "+1.5d", "+0x10d", "+99999999999999999999d", "+9223372036854775807m",
    "+18446744073709551617d", "+9223372036854775808m", "+106751991167301d",
    "+15250284452472w", "-106751991167301d"};

START_TEST(parse_good)
{
	struct error_text why;
	instant t = -1;

	ck_assert_msg(
	    instant_parse(good[_i].text, INSTANT_DAY_START, NOW, &t, &why) == OK &&
		t == good[_i].start,
	    "%s as a start: %lld", good[_i].text, (long long)t);
	ck_assert_msg(
	    instant_parse(good[_i].text, INSTANT_DAY_END, NOW, &t, &why) == OK &&
		t == good[_i].end,
	    "%s as an end: %lld", good[_i].text, (long long)t);
	ck_assert_int_eq(
	    instant_parse(good[_i].text, INSTANT_DAY_START, NOW, &t, NULL), OK);
}
END_TEST

START_TEST(parse_bad)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (int date = INSTANT_DAY_START; date <= INSTANT_DAY_END; date++) {
			struct error_text why = {""};
			instant t;

			ck_assert_msg(instant_parse(bad[i], (enum instant_date)date,
					  NOW, &t, &why) == ERR_DATA,
			    "\"%s\" was taken", bad[i]);
			ck_assert_msg(why.text[0] != '\0', "\"%s\": no words", bad[i]);
			ck_assert_int_eq(instant_parse(bad[i], (enum instant_date)date,
					     NOW, &t, NULL),
			    ERR_DATA);
		}
}
END_TEST

/* Every prefix of a full time is bad but for the date and the time itself. */
START_TEST(parse_cut)
{
	static const char whole[] = "2026-12-01T09:00:00.25+02:00";

	for (size_t n = 0; n < sizeof whole; n++) {
		bool date = n == strlen("2026-12-01"), all = n == sizeof whole - 1;
		char text[sizeof whole];
		instant t;

		memcpy(text, whole, n);
		text[n] = '\0';
		ck_assert_msg((instant_parse(text, INSTANT_DAY_START, NOW, &t, NULL) ==
				  OK) == (date || all),
		    "\"%s\"", text);
	}
}
END_TEST

/* RFC 3339 knows second 60; it must not be lost to the next but one second. */
START_TEST(parse_leap_second)
{
	instant t;

	ck_assert_int_eq(
	    instant_parse("2016-12-31T23:59:60Z", INSTANT_DAY_START, NOW, &t, NULL),
	    OK);
	ck_assert_int_eq(t, 1483228800);
}
END_TEST

START_TEST(parse_span)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: bad */
	} cases[] = {{"14d", 14 * DAY}, {"12h", 43200}, {"15m", 900}, {"0m", 0},
	    {"1d", DAY}, {"007d", 7 * DAY}, {"", -1}, {"d", -1}, {"14", -1},
	    {"+14d", 14 * DAY}, {"2w", 14 * DAY}, {"+2w", 14 * DAY}, {"+", -1},
	    {"++2w", -1}, {"-14d", -1}, {"14D", -1}, {"14s", -1}, {"14d ", -1},
	    {" 14d", -1}, {"1h30m", -1}, {"1.5d", -1}, {"2026-12-01", -1},
	    {"99999999999999999999d", -1}, {"18446744073709551616m", -1},
	    {"9223372036854775807d", -1}, {"106751991167301d", -1}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct error_text why = {""};
		int64_t seconds = -1;
		enum error e = instant_parse_span(cases[i].text, &seconds, &why);

		ck_assert_msg(e == (cases[i].seconds < 0 ? ERR_DATA : OK), "\"%s\": %d",
		    cases[i].text, (int)e);
		if (e == OK)
			ck_assert_msg(seconds == cases[i].seconds, "\"%s\": %lld",
			    cases[i].text, (long long)seconds);
		else
			ck_assert_msg(
			    why.text[0] != '\0', "\"%s\": no words", cases[i].text);
	}
}
END_TEST

/* comes_back - T is printed as the C library sees it, and read as T again */
static void
comes_back(instant t)
{
	char buf[INSTANT_TEXT_MAX], want[64];
	time_t seconds = (time_t)t;
	instant again = -1;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL)
		ck_abort_msg("%lld: gmtime_r", (long long)t);
	snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (strcmp(instant_print(t, buf), want) != 0)
		ck_abort_msg("%lld: %s, not %s", (long long)t, buf, want);
	if (instant_parse(buf, INSTANT_DAY_END, NOW, &again, NULL) != OK)
		ck_abort_msg("%lld: %s is refused", (long long)t, buf);
	if (again != t)
		ck_abort_msg(
		    "%lld: %s is read as %lld", (long long)t, buf, (long long)again);
}

START_TEST(print_and_parse_all_years)
{
	unsigned short seed[3] = {1, 2, 3};

	for (instant t = 0; t <= LAST; t += 9 * DAY + 12347)
		comes_back(t);
	for (int i = 0; i < 100000; i++)
		comes_back(((instant)nrand48(seed) << 31 | nrand48(seed)) % (LAST + 1));
	comes_back(LAST);
}
END_TEST

START_TEST(print_and_parse_around_days)
{
	for (instant day = 0; day < 370 * 400; day += 13)
		for (instant off = -1; off <= 1; off++)
			if (day > 0 || off >= 0)
				comes_back(day * DAY + off);
}
END_TEST

/* Whatever is stored is printed and exported: it has to be readable again. */
START_TEST(last_instants_come_back)
{
	static const char *const texts[] = {"9999-12-30", "9999-12-31",
	    "9999-12-31T23:59:59-00:01", "9999-12-31T12:00:00-12:00", "+2912498d",
	    "+40000000d", "+3155760000d", "+3155760000h", "+3155760000m"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char buf[INSTANT_TEXT_MAX];
		instant t, again = -1;

		if (instant_parse(texts[i], INSTANT_DAY_END, NOW, &t, NULL) != OK)
			continue; /* not stored, so nothing is lost */
		instant_print(t, buf);
		ck_assert_msg(
		    instant_parse(buf, INSTANT_DAY_END, NOW, &again, NULL) == OK &&
			again == t,
		    "%s is stored, printed as %s, and that is refused", texts[i], buf);
	}
	ck_assert_msg(instant_parse("9999-12-30", INSTANT_DAY_END, NOW, &(instant){0},
			  NULL) == OK,
	    "9999-12-30 is refused");
}
END_TEST

START_TEST(print_any_number)
{
	static const instant cases[] = {INSTANT_NONE, INSTANT_NONE + 1, -1, LAST + 1,
	    INT64_MAX, INT64_MAX / 2, -LAST, INT64_C(1) << 40,
	    INT64_C(67767976233532799)};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char buf[INSTANT_TEXT_MAX + 1];

		memset(buf, 'x', sizeof buf);
		instant_print(cases[i], buf);
		ck_assert_msg(memchr(buf, '\0', INSTANT_TEXT_MAX) != NULL &&
			buf[INSTANT_TEXT_MAX] == 'x' && buf[0] != '\0',
		    "%lld", (long long)cases[i]);
	}
}
END_TEST

START_TEST(print_words)
{
	static const struct {
		instant t;
		const char *words;
	} cases[] = {{0, "1 January 1970, 00:00 UTC"},
	    {1799971200, "15 January 2027, 00:00 UTC"},
	    {1799971199, "14 January 2027, 23:59 UTC"},
	    {1822262400, "30 September 2027, 00:00 UTC"},
	    {INT64_C(253402300799), "31 December 9999, 23:59 UTC"}, {-1, "@-1"},
	    {INSTANT_NONE, "@-9223372036854775808"}};
	char buf[INSTANT_WORDS_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_str_eq(instant_print_words(cases[i].t, buf), cases[i].words);
}
END_TEST

START_TEST(now_is_the_clock)
{
	time_t before = time(NULL);
	instant t = instant_now();

	ck_assert_int_ge(t, before - 1);
	ck_assert_int_le(t, time(NULL) + 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("instant");
	TCase *parse = suite_add_case(suite, "parse");
	TCase *print = suite_add_case(suite, "print");

	tcase_add_loop_test(parse, parse_good, 0, (int)(sizeof good / sizeof *good));
	tcase_add_test(parse, parse_bad);
	tcase_add_test(parse, parse_cut);
	tcase_add_test(parse, parse_leap_second);
	tcase_add_test(parse, parse_span);
	tcase_add_test(print, print_and_parse_all_years);
	tcase_add_test(print, print_and_parse_around_days);
	tcase_add_test(print, last_instants_come_back);
	tcase_add_test(print, print_any_number);
	tcase_add_test(print, print_words);
	tcase_add_test(print, now_is_the_clock);
	return suite_run(suite);
}
