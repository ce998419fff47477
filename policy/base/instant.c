/* SPDX-License-Identifier: BSD-2-Clause */
/* instant - a point in time, in UTC seconds */
#include "policy/base/instant.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DAY INT64_C(86400)

/* 9999-12-31T23:59:59Z: the last that can be printed and read again */
#define LAST INT64_C(253402300799)

/* A century is enough for any exception; this bounds the arithmetic. */
#define SPAN_MAX (INT64_C(36525) * DAY)

/* digits_match - whether S begins as PATTERN does, in which a 0 is any digit */
static bool
digits_match(const char *s, const char *pattern)
{
	for (; *pattern != '\0'; s++, pattern++)
		if (*pattern == '0' ? *s < '0' || *s > '9' : *s != *pattern)
			return false;
	return true;
}

/* digits_value - of the N digits at S */
static int
digits_value(const char *s, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (s[i] - '0');
	return value;
}

/* parse_date - "2026-12-01": when it begins */
static bool
parse_date(const char *s, instant *out_r)
{
	struct tm tm = {0};
	int month, day;

	if (!digits_match(s, "0000-00-00"))
		return false;
	month = digits_value(s + 5, 2);
	day = digits_value(s + 8, 2);
	tm.tm_year = digits_value(s, 4) - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	*out_r = timegm(&tm); /* February 30 is in March then */
	return tm.tm_year >= 70 && tm.tm_mon == month - 1 && tm.tm_mday == day;
}

/* parse_clock - "09:00:00Z": the seconds since the day began, in UTC */
static bool
parse_clock(const char *s, int64_t *seconds_r)
{
	int hour, minute, second, east_hour = 0, east_minute = 0;

	if (!digits_match(s, "00:00:00"))
		return false;
	hour = digits_value(s, 2);
	minute = digits_value(s + 3, 2);
	second = digits_value(s + 6, 2);
	s += strlen("00:00:00");
	if (digits_match(s, ".0"))
		s += 1 + strspn(s + 1, "0123456789");
	if (strcasecmp(s, "Z") != 0) {
		if ((*s != '+' && *s != '-') || !digits_match(s + 1, "00:00") ||
		    s[6] != '\0')
			return false;
		east_hour = digits_value(s + 1, 2);
		east_minute = digits_value(s + 4, 2);
	}
	*seconds_r = (hour * 60 + minute) * 60 + second -
	    (*s == '-' ? -1 : 1) * (east_hour * 60 + east_minute) * 60;
	/* RFC 3339 allows a leap second */
	return hour <= 23 && minute <= 59 && second <= 60 && east_hour <= 23 &&
	    east_minute <= 59;
}

/* parse_absolute - a date, or a date with a time of day */
static bool
parse_absolute(const char *s, enum instant_date date, instant *out_r)
{
	int64_t clock;

	if (!parse_date(s, out_r))
		return false;
	s += strlen("2026-12-01");
	if (*s == '\0') {
		*out_r += date == INSTANT_DAY_END ? DAY : 0;
		*out_r = *out_r < LAST ? *out_r : LAST;
		return true;
	}
	if (strchr("Tt ", *s) == NULL || !parse_clock(s + 1, &clock))
		return false;
	*out_r += clock;
	return instant_is_valid(*out_r);
}

static int64_t
unit_of(char c)
{
	return c == 'w' ? 7 * DAY
	    : c == 'd'  ? DAY
	    : c == 'h'  ? 3600
	    : c == 'm'  ? 60
			: 0;
}

/* parse_span - digits and a unit; false where it is not one or too long */
static bool
parse_span(const char *s, int64_t *seconds_r)
{
	int64_t value = 0, unit;
	const char *digits = s;

	for (; *s >= '0' && *s <= '9' && value <= SPAN_MAX; s++)
		value = value * 10 + (*s - '0');
	unit = unit_of(*s);
	if (s == digits || unit == 0 || s[1] != '\0' || value > SPAN_MAX / unit)
		return false;
	*seconds_r = value * unit;
	return true;
}

/* parse_word - "today" or "tomorrow", in UTC, as a date */
static bool
parse_word(const char *s, enum instant_date date, instant now, instant *out_r)
{
	bool tomorrow = strcasecmp(s, "tomorrow") == 0;

	if (!tomorrow && strcasecmp(s, "today") != 0)
		return false;
	*out_r = now - now % DAY + (tomorrow ? DAY : 0);
	*out_r += date == INSTANT_DAY_END ? DAY : 0;
	return true;
}

enum error
instant_parse(const char *s, enum instant_date date, instant now, instant *out_r,
    struct error_text *why)
{
	int64_t seconds;

	if ((*s == '+' || *s == '-') && parse_span(s + 1, &seconds)) {
		*out_r = *s == '+' ? now + seconds : now - seconds;
		if (instant_is_valid(*out_r))
			return OK;
	}
	if (parse_absolute(s, date, out_r) || parse_word(s, date, now, out_r))
		return OK;
	if (parse_span(s, &seconds))
		return error_set(
		    why, ERR_DATA, "bad time \"%s\": do you mean +%s?", s, s);
	return error_set(why, ERR_DATA,
	    "bad time \"%s\": use 2026-12-01T09:00:00Z, 2026-12-01, tomorrow, +2w, +30d, +12h or +15m",
	    s);
}

enum error
instant_parse_span(const char *s, int64_t *seconds_r, struct error_text *why)
{
	if (parse_span(*s == '+' ? s + 1 : s, seconds_r))
		return OK;
	return error_set(
	    why, ERR_DATA, "bad span of time \"%s\": use 2w, 14d, 12h or 15m", s);
}

_Static_assert(sizeof(time_t) >= sizeof(instant), "time_t holds the year 9999");

const char *
instant_print(instant t, char *buf)
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(buf, INSTANT_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(buf, INSTANT_TEXT_MAX, "@%lld", (long long)t);
	return buf;
}

const char *
instant_print_words(instant t, char *buf)
{
	static const char *const months[] = {"January", "February", "March", "April",
	    "May", "June", "July", "August", "September", "October", "November",
	    "December"};
	time_t seconds = (time_t)t;
	struct tm tm;

	if (!instant_is_valid(t) || gmtime_r(&seconds, &tm) == NULL)
		snprintf(buf, INSTANT_WORDS_MAX, "@%lld", (long long)t);
	else
		snprintf(buf, INSTANT_WORDS_MAX, "%d %s %d, %02d:%02d UTC", tm.tm_mday,
		    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min);
	return buf;
}

bool
instant_is_valid(instant t)
{
	return t >= 0 && t <= LAST;
}

instant
instant_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}
