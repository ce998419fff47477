/* SPDX-License-Identifier: BSD-2-Clause */
/* flat_json - reads a JSON object whose members are strings and null, as our log's */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define FLAT_JSON_KEY_MAX 32
#define FLAT_JSON_VALUE_MAX 2000

/*
 * Calls FN for each member of the object S, in order; VALUE has N bytes and a NUL, and
 * is
 * "" for null. False where S, but for blanks behind it, is not such an object: a longer
 * key or value, or U+0000 in one, is not; FN may have been called before that was seen.
 */
bool flat_json_read(const char *s,
    void (*fn)(void *arg, const char *key, const char *value, size_t n), void *arg);
