/* SPDX-License-Identifier: BSD-2-Clause */
/* log_line.h - reading the milter's decision lines: key=value, values escaped. */
#pragma once

#include "tests/lib/instance.h"

#include <stdbool.h>
#include <stddef.h>

enum { LOG_LINE_SIZE = 32768 };

/* Finds how often `key` stands in a line, and copies the value of the first to
 * `value`, without quotation marks but otherwise as written. */
int log_line_value(const char *line, const char *key, char *value, size_t size);

/* Whether `key` stands in the line just once, with this value. */
bool log_line_says(const char *line, const char *key, const char *value);

/* Copies the last line in which `key` has `value` to `line`. A line may be written
 * after its reply was sent: waits for it. Returns false when none comes. */
bool log_line_find(const struct instance *instance, const char *key, const char *value,
    char *line, size_t size);

/* Waits until the log has `text` somewhere; returns whether it came. */
bool log_line_mentions(const struct instance *instance, const char *text);
