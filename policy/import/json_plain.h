/* SPDX-License-Identifier: BSD-2-Clause */
/* json_plain - the members of a plain JSON object, found without building a tree */
#ifndef POLICY_IMPORT_JSON_PLAIN_H
#define POLICY_IMPORT_JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_PLAIN_MAX 16

/*
 * Most lines of a large import look alike: an object whose values are strings of
 * printable ASCII without a backslash, null, or an empty array. Reading these here
 * takes a fifth of the time of a full parser; every other line is left to one.
 */
struct json_plain {
	size_t members;
	struct {
		const char *key, *value; /* VALUE is NULL for null and [] */
		bool array;
	} member[JSON_PLAIN_MAX];
};

/*
 * Takes the N bytes LINE apart, if they are such an object with keys that differ; else
 * false. LINE is changed in any case: strings get a NUL for their closing quote.
 * Whatever is taken means the same to a full parser.
 */
bool json_plain_read(char *line, size_t n, struct json_plain *out_r)
    __attribute__((warn_unused_result));

#endif
