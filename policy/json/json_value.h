/* SPDX-License-Identifier: BSD-2-Clause */
/* json_value - reads JSON (the only file with jansson) */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/error.h"

/* jansson's type: a value, owned by the one of json_value_parse() that it is part of.
 */
typedef struct json_t json_value;

/*
 * Reads the N bytes TEXT, one object or array (RFC 8259). A key that is there twice,
 * a string with U+0000 and invalid UTF-8 are ERR_DATA, with WHY. Ended with
 * json_value_free(), which takes NULL.
 */
enum error json_value_parse(
    const char *text, size_t n, json_value **out_r, struct error_text *why) MUST_USE;
void json_value_free(json_value *v);

/* What V is; false for NULL. */
bool json_value_is_object(const json_value *v);
bool json_value_is_array(const json_value *v);
bool json_value_is_integer(const json_value *v);
bool json_value_is_null(const json_value *v);

/* The text of a string, UTF-8; NULL for anything else. */
const char *json_value_string(const json_value *v);

/* 0 for anything else. */
long long json_value_integer(const json_value *v);

/* The member KEY of an object; NULL if there is none, or V is no object. */
const json_value *json_value_member(const json_value *v, const char *key);

/* The number of members of an object, or of items of an array; 0 for anything else. */
size_t json_value_size(const json_value *v);

/* The I-th item of an array; NULL if there is none. */
const json_value *json_value_item(const json_value *v, size_t i);

/*
 * The member of an object after AT (NULL: the first), in no particular order; NULL at
 * the end.
 */
void *json_value_next(json_value *v, void *at);
const char *json_value_key(void *at);
const json_value *json_value_at(void *at);
