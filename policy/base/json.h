/* SPDX-License-Identifier: BSD-2-Clause */
/* json - writes JSON, piece by piece */
#pragma once

#include <stdbool.h>
#include <stddef.h>

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

/* An object or an array: "{" and "}", or "[" and "]". */
void json_open(struct json *j, const char *key, const char *bracket);
void json_close(struct json *j, const char *bracket);

/* A number, "true", "false" or "null", as it is. */
void json_literal(struct json *j, const char *key, const char *s);
void json_string_n(struct json *j, const char *key, const char *s, size_t n);
void json_quoted(struct json *j, const char *key, const char *s);
/* A string, or null for "" and NULL. */
void json_text(struct json *j, const char *key, const char *s);
/* RFC 3339, or null for INSTANT_NONE. */
void json_instant(struct json *j, const char *key, instant t);
