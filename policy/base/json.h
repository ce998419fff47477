/* SPDX-License-Identifier: BSD-2-Clause */
/* json - writes JSON, piece by piece */
#ifndef POLICY_BASE_JSON_H
#define POLICY_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/instant.h"

/*
 * A JSON value under construction. The bytes go to PUT as they come; commas are set
 * by themselves. Keys are NULL within arrays and at the top. Invalid UTF-8 in a
 * string becomes U+FFFD (RFC 8259 section 8.1). The caller keeps the nesting right.
 *
 * jansson has functions json_object(), json_string() and so on, and would call ours if
 * they had these names: the names here differ from all of its.
 */
struct json {
	void (*put)(void *arg, const char *s, size_t n);
	void *arg;
	bool comma; /* the next item needs one in front */
};

void json_start(
    struct json *j, void (*sink)(void *arg, const char *s, size_t n), void *arg);

void json_object_start(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array_start(struct json *j, const char *key);
void json_array_end(struct json *j);

void json_string_n(struct json *j, const char *key, const char *s, size_t n);
void json_quoted(struct json *j, const char *key, const char *s);
/* A string, or null for "" and NULL. */
void json_text(struct json *j, const char *key, const char *s);
void json_number(struct json *j, const char *key, int64_t n);
void json_bool(struct json *j, const char *key, bool b);
void json_none(struct json *j, const char *key);
/* RFC 3339, or null for INSTANT_NONE. */
void json_instant(struct json *j, const char *key, instant t);

#endif
