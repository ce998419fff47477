/* SPDX-License-Identifier: BSD-2-Clause */
/* instant - a point in time, in UTC seconds */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"

typedef int64_t instant; /* seconds since 1970-01-01T00:00:00Z, without leap seconds */

#define INSTANT_NONE INT64_MIN /* "not set" */

#define INSTANT_TEXT_MAX 24 /* "2026-12-01T09:00:00Z" and the NUL */

/* The meaning of a date without a time: the start of the day, or its end. */
enum instant_date { INSTANT_DAY_START, INSTANT_DAY_END };

/*
 * Reads RFC 3339 (`2026-12-01T09:00:00Z`, `...+02:00`, fractions of a second are
 * dropped), a date (`2026-12-01`, `today`, `tomorrow`, UTC) or a relative time (`+2w`,
 * `+30d`, `+12h`, `-15m`, counted from NOW). Years 1970 to 9999.
 * Returns OK, or ERR_DATA with a line for the person in WHY.
 */
enum error instant_parse(const char *s, enum instant_date date, instant now,
    instant *out_r, struct error_text *why) MUST_USE;

/* Reads a span of time, `2w`, `14d`, `12h`, `15m`, into seconds; ERR_DATA otherwise. */
enum error instant_parse_span(
    const char *s, int64_t *seconds_r, struct error_text *why) MUST_USE;

/* Prints RFC 3339 in UTC to BUF (INSTANT_TEXT_MAX bytes) and returns BUF. */
const char *instant_print(instant t, char *buf);

/*
 * Prints it for people who are no administrators to BUF (INSTANT_WORDS_MAX bytes), in
 * UTC and without the seconds: "15 January 2027, 00:00 UTC". Returns BUF.
 */
#define INSTANT_WORDS_MAX 40
const char *instant_print_words(instant t, char *buf);

/* Whether it can be printed: within the years 1970 to 9999. */
bool instant_is_valid(instant t);

/* The time of day as the system's clock has it. */
instant instant_now(void);
