/* SPDX-License-Identifier: BSD-2-Clause */
/* json_value - reads JSON (the only file with jansson) */
#include "policy/json/json_value.h"

#include <jansson.h>

enum error
json_value_parse(const char *text, size_t n, json_value **out_r, struct error_text *why)
{
	json_error_t bad;

	*out_r = json_loadb(text, n, JSON_REJECT_DUPLICATES, &bad);
	if (*out_r == NULL)
		return error_set(
		    why, ERR_DATA, "no JSON: %s (column %d)", bad.text, bad.column);
	return OK;
}

void
json_value_free(json_value *v)
{
	json_decref(v);
}

bool
json_value_is_object(const json_value *v)
{
	return json_is_object(v);
}

bool
json_value_is_array(const json_value *v)
{
	return json_is_array(v);
}

bool
json_value_is_integer(const json_value *v)
{
	return json_is_integer(v);
}

bool
json_value_is_null(const json_value *v)
{
	return json_is_null(v);
}

const char *
json_value_string(const json_value *v)
{
	return json_string_value(v);
}

long long
json_value_integer(const json_value *v)
{
	return (long long)json_integer_value(v);
}

const json_value *
json_value_member(const json_value *v, const char *key)
{
	return json_object_get(v, key);
}

size_t
json_value_size(const json_value *v)
{
	return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

const json_value *
json_value_item(const json_value *v, size_t i)
{
	return json_array_get(v, i);
}

void *
json_value_next(json_value *v, void *at)
{
	return at == NULL ? json_object_iter(v) : json_object_iter_next(v, at);
}

const char *
json_value_key(void *at)
{
	return json_object_iter_key(at);
}

const json_value *
json_value_at(void *at)
{
	return json_object_iter_value(at);
}
