/* SPDX-License-Identifier: BSD-2-Clause */
/* json_plain - the members of a plain JSON object, found without building a tree */
#include "policy/import/json_plain.h"

#include <string.h>

/* What is left of the line. */
struct scan {
	char *at, *end;
};

/* skip - blanks as RFC 8259 section 2 has them, and then C, if that is there */
static bool
skip(struct scan *s, char c)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r'))
		s->at++;
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* read_string - behind its opening quote; NULL where it is not plain */
static const char *
read_string(struct scan *s)
{
	const char *start = s->at;

	while (s->at < s->end && *s->at >= ' ' && *s->at <= '~' && *s->at != '"' &&
	    *s->at != '\\')
		s->at++;
	if (s->at == s->end || *s->at != '"')
		return NULL;
	*s->at++ = '\0';
	return start;
}

/* read_value - a plain one */
static bool
read_value(struct scan *s, const char **value_r, bool *array_r)
{
	*value_r = NULL;
	*array_r = false;
	if (skip(s, '"')) {
		*value_r = read_string(s);
		return *value_r != NULL;
	}
	if (skip(s, '[')) {
		*array_r = true;
		return skip(s, ']');
	}
	if (s->end - s->at < 4 || memcmp(s->at, "null", 4) != 0)
		return false;
	s->at += 4;
	return true;
}

/* read_member - one, and whether another one follows */
static bool
read_member(struct scan *s, struct json_plain *out, bool *more_r)
{
	size_t i = out->members++;

	if (i == JSON_PLAIN_MAX || !skip(s, '"'))
		return false;
	out->member[i].key = read_string(s);
	if (out->member[i].key == NULL || !skip(s, ':') ||
	    !read_value(s, &out->member[i].value, &out->member[i].array))
		return false;
	*more_r = skip(s, ',');
	return true;
}

/* differ - whether no key is there twice */
static bool
differ(const struct json_plain *p)
{
	for (size_t i = 1; i < p->members; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(p->member[i].key, p->member[k].key) == 0)
				return false;
	return true;
}

bool
json_plain_read(char *line, size_t n, struct json_plain *out_r)
{
	struct scan s = {.at = line, .end = line + n};
	bool more = true;

	out_r->members = 0;
	if (!skip(&s, '{'))
		return false;
	while (more)
		if (!read_member(&s, out_r, &more))
			return false;
	if (!skip(&s, '}'))
		return false;
	while (s.at < s.end && (*s.at == ' ' || *s.at == '\t' || *s.at == '\r'))
		s.at++;
	return s.at == s.end && differ(out_r);
}
