/* SPDX-License-Identifier: BSD-2-Clause */
/* instant - a point in time, in UTC seconds */
#include "policy/base/instant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY INT64_C(86400)

/* 9999-12-31T23:59:59Z: what is stored must be printed and read again */
#define LAST INT64_C(253402300799)

/* A century is enough for any exception; this bounds the arithmetic. */
#define SPAN_MAX (INT64_C(36525) * DAY)

struct fields {
	int year, month, day, hour, minute, second;
};

/* days_from_civil - days since 1970-01-01 in the proleptic Gregorian calendar */
static int64_t
days_from_civil(int y, int m, int d)
{
	int64_t year = m <= 2 ? y - 1 : y;
	int64_t era = year / 400, yoe = year - era * 400;
	int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* days_in_month - 28 to 31 */
static int
days_in_month(int y, int m)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m == 2 && leap ? 29 : days[m - 1];
}

/* digits - reads exactly N digits at *S and steps over them; -1 where not */
static int
digits(const char **s, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		value = value * 10 + (**s - '0');
	}
	return value;
}

static bool
literal(const char **s, char upper)
{
	if (**s != upper && **s != (upper >= 'A' ? upper + 32 : upper))
		return false;
	(*s)++;
	return true;
}

static bool
parse_date(const char **s, struct fields *f)
{
	f->year = digits(s, 4);
	if (f->year < 1970 || !literal(s, '-'))
		return false;
	f->month = digits(s, 2);
	if (f->month < 1 || f->month > 12 || !literal(s, '-'))
		return false;
	f->day = digits(s, 2);
	return f->day >= 1 && f->day <= days_in_month(f->year, f->month);
}

static bool
parse_clock(const char **s, struct fields *f)
{
	f->hour = digits(s, 2);
	if (f->hour < 0 || f->hour > 23 || !literal(s, ':'))
		return false;
	f->minute = digits(s, 2);
	if (f->minute < 0 || f->minute > 59 || !literal(s, ':'))
		return false;
	f->second = digits(s, 2);
	if (f->second < 0 || f->second > 60) /* RFC 3339 allows a leap second */
		return false;
	if (**s == '.') {
		do
			(*s)++;
		while (**s >= '0' && **s <= '9');
		return (*s)[-1] != '.';
	}
	return true;
}

/* parse_offset - Z or +HH:MM or -HH:MM, in seconds east of UTC */
static bool
parse_offset(const char **s, int64_t *east_r)
{
	int sign, hour, minute;

	*east_r = 0;
	if (literal(s, 'Z'))
		return true;
	if (**s != '+' && **s != '-')
		return false;
	sign = *(*s)++ == '+' ? 1 : -1;
	hour = digits(s, 2);
	if (hour < 0 || hour > 23 || !literal(s, ':'))
		return false;
	minute = digits(s, 2);
	*east_r = sign * (hour * 3600 + minute * 60);
	return minute >= 0 && minute <= 59;
}

/* parse_absolute - a date, or a date with a time of day */
static bool
parse_absolute(const char *s, enum instant_date date, instant *out_r)
{
	struct fields f = {0};
	int64_t east;
	instant t;

	if (!parse_date(&s, &f))
		return false;
	t = days_from_civil(f.year, f.month, f.day) * DAY;
	if (*s == '\0') {
		t += date == INSTANT_DAY_END ? DAY : 0;
		*out_r = t < LAST ? t : LAST;
		return true;
	}
	if ((!literal(&s, 'T') && !literal(&s, ' ')) || !parse_clock(&s, &f) ||
	    !parse_offset(&s, &east) || *s != '\0')
		return false;
	*out_r = t + f.hour * 3600 + f.minute * 60 + f.second - east;
	return *out_r >= 0 && *out_r <= LAST;
}

/* span - digits and a unit; false where it is not one or too long */
static bool
span(const char *s, int64_t *seconds_r)
{
	int64_t value = 0, unit;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		value = value * 10 + (*s - '0');
		if (value > SPAN_MAX)
			return false;
	}
	unit = *s == 'd' ? DAY : *s == 'h' ? 3600 : *s == 'm' ? 60 : 0;
	if (unit == 0 || s[1] != '\0' || value > SPAN_MAX / unit)
		return false;
	*seconds_r = value * unit;
	return true;
}

enum error
instant_parse(const char *s, enum instant_date date, instant now, instant *out_r,
    struct error_text *why)
{
	int64_t seconds;

	if (*s == '+' && span(s + 1, &seconds)) {
		*out_r = now + seconds;
		return OK;
	}
	if (parse_absolute(s, date, out_r))
		return OK;
	return error_set(why, ERR_DATA,
	    "bad time \"%s\": use 2026-12-01T09:00:00Z, 2026-12-01, +30d, +12h or +15m",
	    s);
}

enum error
instant_parse_span(const char *s, int64_t *seconds_r, struct error_text *why)
{
	if (span(s, seconds_r))
		return OK;
	return error_set(
	    why, ERR_DATA, "bad span of time \"%s\": use 14d, 12h or 15m", s);
}

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

bool
instant_is_valid(instant t)
{
	return t >= 0 && t <= INT64_C(253402300799); /* 9999-12-31T23:59:59Z */
}

instant
instant_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}
