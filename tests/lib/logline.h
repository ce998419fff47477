/* SPDX-License-Identifier: BSD-2-Clause */
/* logline.h - reading the milter's decision lines: key=value, values escaped. */
#ifndef TESTS_LIB_LOGLINE_H
#define TESTS_LIB_LOGLINE_H

#include "tests/lib/site.h"

#include <stdbool.h>
#include <stddef.h>

enum { LOGLINE_SIZE = 32768 };

/* Finds how often `key` stands in a line, and copies the value of the first to
 * `value`, without quotation marks but otherwise as written. */
int logline_value(const char *line, const char *key, char *value, size_t size);

/* Whether `key` stands in the line just once, with this value. */
bool logline_says(const char *line, const char *key, const char *value);

/* Copies the last line in which `key` has `value` to `line`. A line may be written
 * after its reply was sent: waits for it. Returns false when none comes. */
bool logline_find(const struct site *site, const char *key, const char *value,
    char *line, size_t size);

/* Waits until the log has `text` somewhere; returns whether it came. */
bool log_mentions(const struct site *site, const char *text);

#endif
