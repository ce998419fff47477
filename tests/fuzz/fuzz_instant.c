/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_instant.c - times and spans of time: what is read is right, and read again. */
#include "fuzz.h"

#include "policy/base/instant.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW INT64_C(1800000000)

/* is_stable - printed and read, it is the same time */
static void
is_stable(instant t)
{
	char text[INSTANT_TEXT_MAX];
	instant again = 0;

	fuzz_expect(instant_is_valid(t));
	fuzz_expect(strlen(instant_print(t, text)) == INSTANT_TEXT_MAX - 4);
	fuzz_expect(instant_parse(text, INSTANT_DAY_START, NOW, &again, NULL) == OK);
	fuzz_expect(again == t);
}

/* is_date - whether the C library makes the same date and time of the seconds again */
static bool
is_date(const struct tm *tm)
{
	struct tm copy = *tm, again;
	time_t t = timegm(&copy);

	return gmtime_r(&t, &again) != NULL && again.tm_mday == tm->tm_mday &&
	    again.tm_hour == tm->tm_hour && again.tm_sec == tm->tm_sec;
}

/* is_right - what the C library makes of the same date and time of day */
static void
is_right(const char *s, enum error e, instant t)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	struct tm tm = {0};

	if (strlen(s) != strlen(form))
		return;
	for (size_t i = 0; i < strlen(form); i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return;
	if (strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		fuzz_expect(e != OK);
	else if (e == OK)
		fuzz_expect((instant)timegm(&tm) == t);
	else
		fuzz_expect(tm.tm_year < 70 || !is_date(&tm));
}

/* offset_is_right - as the same time in UTC, less the hours and minutes */
static void
offset_is_right(const char *s, instant t)
{
	char utc[INSTANT_TEXT_MAX];
	instant base;
	int hours, minutes;
	char sign;

	if (strlen(s) != 25 ||
	    sscanf(s + 19, "%c%2d:%2d", &sign, &hours, &minutes) != 3)
		return;
	snprintf(utc, sizeof utc, "%.19sZ", s);
	if (instant_parse(utc, INSTANT_DAY_START, NOW, &base, NULL) != OK)
		return;
	base -= (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	fuzz_expect(t == base);
}

/* span_is_right - with a plus sign or without one, and the same as a time from now */
static void
span_is_right(const char *s)
{
	char relative[40];
	int64_t seconds = -1;
	instant t;

	if (instant_parse_span(s, &seconds, NULL) != OK)
		return;
	fuzz_expect(seconds >= 0 && seconds % 60 == 0);
	if (snprintf(relative, sizeof relative, "+%s", s + (*s == '+')) >=
	    (int)sizeof relative)
		return; /* it may begin with any number of zeros */
	fuzz_expect(instant_parse(relative, INSTANT_DAY_START, NOW, &t, NULL) == OK);
	fuzz_expect(t == NOW + seconds);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_string(data, size);
	struct error_text why = {""};
	instant start = 0, end = 0;
	enum error e = instant_parse(s, INSTANT_DAY_START, NOW, &start, &why);

	fuzz_expect(e == OK || (e == ERR_DATA && why.text[0] != '\0'));
	fuzz_expect(instant_parse(s, INSTANT_DAY_END, NOW, &end, NULL) == e);
	is_right(s, e, start);
	if (e == OK) {
		is_stable(start);
		is_stable(end);
		offset_is_right(s, start);
		fuzz_expect(start == end ||
		    ((strlen(s) == 10 || *s == 't' || *s == 'T') &&
			end - start <= 86400 && start < end));
	}
	span_is_right(s);
	free(s);
	return 0;
}
