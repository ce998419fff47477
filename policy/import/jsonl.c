/* SPDX-License-Identifier: BSD-2-Clause */
/* jsonl - the policy from JSON Lines (the only file with jansson) */
#include "policy/import/jsonl.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/model/settings.h"

void
jsonl_start(struct jsonl *j, FILE *in, uint64_t line, instant now)
{
	j->value = NULL;
	j->joined = NULL;
	j->now = now;
	line_reader_start(&j->reader, in, line);
}

static void
forget(struct jsonl *j)
{
	json_decref(j->value);
	free(j->joined);
	j->value = NULL;
	j->joined = NULL;
}

void
jsonl_end(struct jsonl *j)
{
	forget(j);
	line_reader_end(&j->reader);
}

/* An object while it is read: the first thing that is wrong with it is kept. */
struct reading {
	struct jsonl *j;
	struct row *row;
	struct error_text *why;
	enum error error;
};

static void
fail(struct reading *r, const char *key, const char *expected)
{
	if (r->error == OK)
		r->error = error_set(
		    r->why, ERR_DATA, "bad value for \"%s\": use %s", key, expected);
}

/* string_of - a string without NUL; NULL, with the error set, for anything else */
static const char *
string_of(struct reading *r, const char *key, const json_t *v)
{
	if (json_is_string(v))
		return json_string_value(v);
	fail(r, key, "a string");
	return NULL;
}

/* take_state - of a tenant or mailbox, as others print it: {"until": TIME or null} */
static void
take_state(struct reading *r, const char *key, const json_t *v)
{
	const json_t *until = json_object_get(v, "until");
	struct error_text bad;

	if (!json_is_object(v) || json_object_size(v) != (until != NULL ? 1 : 0) ||
	    (until != NULL && !json_is_null(until) && !json_is_string(until))) {
		fail(r, key, "null or {\"until\": null or a time}");
		return;
	}
	r->row->locked = true;
	if (json_is_string(until) &&
	    instant_parse(json_string_value(until), INSTANT_DAY_END, r->j->now,
		&r->row->lock.until, &bad) != OK)
		r->error = error_set(r->why, ERR_DATA, "%s: %.600s", key, bad.text);
}

/* take_clients - an array of networks */
static void
take_clients(struct reading *r, const char *key, json_t *v, struct cidr_list *list)
{
	struct cidr net;
	struct error_text bad;
	const json_t *item;
	size_t i;

	if (!json_is_array(v)) {
		fail(r, key, "an array of networks");
		return;
	}
	json_array_foreach(v, i, item)
	{
		const char *s = string_of(r, key, item);

		if (s == NULL)
			return;
		if (cidr_parse(s, &net, &bad) != OK)
			r->error = error_set(r->why, ERR_DATA, "%.600s", bad.text);
		else if (!cidr_list_add(list, &net))
			fail(r, key, "fewer networks");
		if (r->error != OK)
			return;
	}
}

static void
unknown_key(struct reading *r, const char *key, const char *of)
{
	if (r->error == OK)
		r->error = error_set(
		    r->why, ERR_DATA, "unknown key \"%.100s\" of %s", key, of);
}

/* take_text - a member whose value has to be a string */
static void
take_text(struct reading *r, const char *key, const json_t *v, const char *of,
    enum error (*set)(struct row *row, const char *key, const char *value, instant now,
	struct error_text *why))
{
	const char *s = json_string_value(v);
	enum error e = set(r->row, key, s != NULL ? s : "", r->j->now, r->why);

	if (e == ERR_NOTFOUND)
		unknown_key(r, key, of);
	else if (s == NULL)
		fail(r, key, "a string");
	else
		r->error = e;
}

static void
take_mailbox(struct reading *r, const char *key, json_t *v)
{
	if (strcmp(key, "clients") == 0)
		take_clients(r, key, v, &r->row->mailbox.clients);
	else if (strcmp(key, "lock") == 0)
		take_state(r, key, v);
	else
		take_text(r, key, v, "a mailbox", row_set_mailbox);
}

/* take_domains - an array of strings, looked at later */
static void
take_domains(struct reading *r, const char *key, const json_t *v)
{
	struct row *row = r->row;
	size_t n = json_array_size(v);

	if (!json_is_array(v)) {
		fail(r, key, "an array of domains");
		return;
	}
	if (n > row->room) {
		const char **at = realloc(row->domain, n * sizeof *at);

		if (at == NULL) {
			r->error = error_set(
			    r->why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
			return;
		}
		row->domain = at;
		row->room = n;
	}
	for (row->domains = 0; row->domains < n && r->error == OK; row->domains++)
		row->domain[row->domains] =
		    string_of(r, key, json_array_get(v, row->domains));
}

static void
take_tenant(struct reading *r, const char *key, json_t *v)
{
	if (strcmp(key, "domains") == 0)
		take_domains(r, key, v);
	else if (strcmp(key, "lock") == 0)
		take_state(r, key, v);
	else
		take_text(r, key, v, "a tenant", row_set_tenant);
}

/* join - the strings of an array, parted by commas */
static void
join(struct reading *r, const char *key, const json_t *v)
{
	char *text = malloc(SETTING_TEXT_MAX + 2);
	struct text t;

	r->j->joined = text;
	r->row->value = text;
	if (text == NULL) {
		r->error =
		    error_set(r->why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
		return;
	}
	text_init(&t, text, SETTING_TEXT_MAX + 2);
	for (size_t i = 0; i < json_array_size(v); i++) {
		const char *s = string_of(r, key, json_array_get(v, i));

		if (s == NULL)
			return;
		text_printf(&t, "%s%s", i > 0 ? "," : "", s);
	}
	if (t.cut)
		fail(r, key, "a shorter list");
}

/* take_value - a setting's: a string, a number, or a list */
static void
take_value(struct reading *r, const char *key, const json_t *v)
{
	char number[32];

	if (json_is_array(v)) {
		join(r, key, v);
	} else if (json_is_integer(v)) {
		snprintf(
		    number, sizeof number, "%lld", (long long)json_integer_value(v));
		r->row->value = r->j->joined = strdup(number);
		if (r->row->value == NULL)
			r->error = error_set(
			    r->why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	} else if (json_is_string(v)) {
		r->row->value = json_string_value(v);
	} else {
		fail(r, key, "a string, a number or an array of strings");
	}
}

static void
take_setting(struct reading *r, const char *key, json_t *v)
{
	if (strcmp(key, "key") == 0)
		r->row->name = string_of(r, key, v);
	else if (strcmp(key, "value") == 0)
		take_value(r, key, v);
	else
		unknown_key(r, key, "a setting");
}

static void
take_alias(struct reading *r, const char *key, json_t *v)
{
	if (strcmp(key, "login") == 0)
		r->row->name = string_of(r, key, v);
	else if (strcmp(key, "mailbox") == 0)
		r->row->value = string_of(r, key, v);
	else
		unknown_key(r, key, "an alias");
}

static void
take_lock(struct reading *r, const char *key, json_t *v)
{
	take_text(r, key, v, "a lock", row_set_lock);
}

static const struct {
	const char *name;
	void (*take)(struct reading *r, const char *key, json_t *v);
	const char *needed[3];
} types[] = {
    [ROW_SETTING] = {"setting", take_setting, {"key", "value"}},
    [ROW_TENANT] = {"tenant", take_tenant, {"name", "smtp_auth"}},
    [ROW_MAILBOX] = {"mailbox", take_mailbox, {"address"}},
    [ROW_ALIAS] = {"alias", take_alias, {"login", "mailbox"}},
    [ROW_LOCK] = {"lock", take_lock, {NULL}},
};

#define TYPES (sizeof types / sizeof *types)

/* find_type - the row of the table for the object's "type" */
static enum error
find_type(const json_t *object, size_t *type_r, struct error_text *why)
{
	const char *s = json_string_value(json_object_get(object, "type"));

	for (*type_r = 0; s != NULL && *type_r < TYPES; (*type_r)++)
		if (strcmp(types[*type_r].name, s) == 0)
			return OK;
	return error_set(why, ERR_DATA,
	    "%s: use {\"type\":\"setting\" or \"tenant\", \"mailbox\", \"alias\", "
	    "\"lock\", ...}",
	    s != NULL ? "unknown type" : "no type");
}

/* is_there - with a value other than null */
static bool
is_there(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return v != NULL && !json_is_null(v);
}

/* read_object - all members of a known type */
static enum error
read_object(struct reading *r, json_t *object, size_t type)
{
	const char *key;
	json_t *v;

	for (const char *const *need = types[type].needed; *need != NULL; need++)
		if (!is_there(object, *need))
			return error_set(r->why, ERR_DATA, "\"%s\" is missing", *need);
	json_object_foreach(object, key, v)
	{
		if (r->error == OK && strcmp(key, "type") != 0 && !json_is_null(v))
			types[type].take(r, key, v);
	}
	if (r->error == OK && type == ROW_MAILBOX)
		return row_check_mailbox(r->row, r->why);
	if (r->error == OK && type == ROW_LOCK &&
	    (r->row->name == NULL) == (r->row->value == NULL))
		return error_set(
		    r->why, ERR_DATA, "a lock is of a \"login\" or of a \"tenant\"");
	return r->error;
}

/* parse - the line as a row */
static enum error
parse(struct jsonl *j, struct bytes line, struct row *row, struct error_text *why)
{
	struct reading r = {j, row, why, OK};
	json_error_t bad;
	size_t type;
	enum error e;

	j->value = json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES, &bad);
	if (j->value == NULL)
		return error_set(
		    why, ERR_DATA, "no JSON: %s (column %d)", bad.text, bad.column);
	if (!json_is_object((json_t *)j->value))
		return error_set(why, ERR_DATA, "no JSON object");
	e = find_type(j->value, &type, why);
	if (e != OK)
		return e;
	row_start(row, (enum row_type)type);
	return read_object(&r, j->value, type);
}

/*
 * parse_plain - a mailbox as most lines have it; false for anything else, and for what
 * parse() has to complain about
 */
static bool
parse_plain(struct jsonl *j, struct bytes line, struct row *row)
{
	const struct json_plain *p = &j->plain;
	bool typed = false;

	if (line.len > sizeof j->copy)
		return false;
	memcpy(j->copy, line.at, line.len);
	if (!json_plain_read(j->copy, line.len, &j->plain))
		return false;
	row_start(row, ROW_MAILBOX);
	for (size_t i = 0; i < p->members; i++) {
		const char *key = p->member[i].key, *value = p->member[i].value;

		if (value == NULL &&
		    (!p->member[i].array || strcmp(key, "clients") == 0))
			continue; /* left out, or no clients */
		if (value != NULL && strcmp(key, "type") == 0)
			typed = strcmp(value, "mailbox") == 0;
		else if (value == NULL ||
		    row_set_mailbox(row, key, value, j->now, NULL) != OK)
			return false;
	}
	return typed && row->name != NULL && row_check_mailbox(row, NULL) == OK;
}

/* is_blank - nothing but what JSON takes for white space */
static bool
is_blank(struct bytes line)
{
	const char *at = line.at;

	for (size_t i = 0; i < line.len; i++)
		if (at[i] != ' ' && at[i] != '\t' && at[i] != '\r')
			return false;
	return true;
}

enum error
jsonl_next(struct jsonl *j, struct row *row, uint64_t *line_r, struct error_text *why)
{
	struct bytes line;
	enum error e;

	forget(j);
	do {
		e = line_reader_next(&j->reader, &line);
	} while (e == OK && is_blank(line));
	*line_r = j->reader.line;
	if (e == ERR_LIMIT)
		return error_set(
		    why, ERR_DATA, "the line is longer than %zu bytes", LINE_MAX_BYTES);
	if (e == ERR_NOTFOUND)
		return e;
	if (e != OK)
		return error_set(why, e, "cannot read the input: %s", error_string(e));
	if (parse_plain(j, line, row))
		return OK;
	return parse(j, line, row, why);
}
