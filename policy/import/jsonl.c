/* SPDX-License-Identifier: BSD-2-Clause */
/* jsonl - the policy from JSON Lines */
#include "policy/import/jsonl.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/json/json_value.h"
#include "policy/model/settings.h"

static const struct {
	const char *name, *with_article;
	const char *needed[3];
} jsonl_types[] = {
    [ROW_SETTING] = {"setting", "a setting", {"key", "value"}},
    [ROW_TENANT] = {"tenant", "a tenant", {"name", "smtp_auth"}},
    [ROW_MAILBOX] = {"mailbox", "a mailbox", {"address"}},
    [ROW_ALIAS] = {"alias", "an alias", {"login", "mailbox"}},
    [ROW_LOCK] = {"lock", "a lock", {NULL}},
};

void
jsonl_start(struct jsonl *j, FILE *in, uint64_t line, instant now)
{
	j->value = NULL;
	j->joined = NULL;
	j->now = now;
	line_reader_start(&j->reader, in, line, JSONL_LINE_MAX);
}

static void
jsonl_forget(struct jsonl *j)
{
	json_value_free(j->value);
	free(j->joined);
	j->value = NULL;
	j->joined = NULL;
}

void
jsonl_end(struct jsonl *j)
{
	jsonl_forget(j);
	line_reader_end(&j->reader);
}

static enum error
jsonl_bad(struct error_text *why, const char *key, const char *expected)
{
	return error_set(why, ERR_DATA, "bad value for \"%s\": use %s", key, expected);
}

static enum error
jsonl_no_memory(struct error_text *why)
{
	return error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
}

/* jsonl_read_lock - as others print that of a tenant or mailbox: {"until": TIME} */
static enum error
jsonl_read_lock(
    struct jsonl *j, struct row *row, const json_value *v, struct error_text *why)
{
	const json_value *until = json_value_member(v, "until");
	struct error_text bad;

	if (!json_value_is_object(v) || json_value_size(v) != (until != NULL ? 1 : 0) ||
	    (until != NULL && !json_value_is_null(until) &&
		json_value_string(until) == NULL))
		return jsonl_bad(why, "lock", "null or {\"until\": null or a time}");
	row->locked = true;
	if (json_value_string(until) != NULL &&
	    instant_parse(json_value_string(until), INSTANT_DAY_END, j->now,
		&row->lock.until, &bad) != OK)
		return error_set(why, ERR_DATA, "lock: %.600s", bad.text);
	return OK;
}

static enum error
jsonl_read_clients(struct row *row, const json_value *v, struct error_text *why)
{
	struct cidr net;
	const json_value *item;

	if (!json_value_is_array(v))
		return jsonl_bad(why, "clients", "an array of networks");
	for (size_t i = 0; (item = json_value_item(v, i)) != NULL; i++) {
		struct error_text bad;

		if (json_value_string(item) == NULL)
			return jsonl_bad(why, "clients", "a string");
		if (cidr_parse(json_value_string(item), &net, &bad) != OK)
			return error_set(why, ERR_DATA, "%.600s", bad.text);
		if (!cidr_list_add(&row->mailbox.clients, &net))
			return jsonl_bad(why, "clients", "fewer networks");
	}
	return OK;
}

/* jsonl_read_domains - strings, looked at later */
static enum error
jsonl_read_domains(struct row *row, const json_value *v, struct error_text *why)
{
	const json_value *item;
	size_t n = json_value_size(v);

	if (!json_value_is_array(v))
		return jsonl_bad(why, "domains", "an array of domains");
	if (n > row->room) {
		const char **at = reallocarray(row->domain, n, sizeof *at);

		if (at == NULL)
			return jsonl_no_memory(why);
		row->domain = at;
		row->room = n;
	}
	for (size_t i = 0; (item = json_value_item(v, i)) != NULL; i++) {
		if (json_value_string(item) == NULL)
			return jsonl_bad(why, "domains", "a string");
		row->domain[row->domains++] = json_value_string(item);
	}
	return OK;
}

/* jsonl_join - the strings of an array, with commas between them */
static enum error
jsonl_join(struct text *t, const json_value *v, struct error_text *why)
{
	const json_value *item;

	for (size_t i = 0; (item = json_value_item(v, i)) != NULL; i++) {
		if (json_value_string(item) == NULL)
			return jsonl_bad(why, "value", "a string");
		text_printf(t, "%s%s", i > 0 ? "," : "", json_value_string(item));
	}
	return t->cut ? jsonl_bad(why, "value", "a shorter list") : OK;
}

/* jsonl_read_value - a setting's: a string, a number, or a list */
static enum error
jsonl_read_value(
    struct jsonl *j, struct row *row, const json_value *v, struct error_text *why)
{
	struct text t;

	if (json_value_string(v) != NULL) {
		row->value = json_value_string(v);
		return OK;
	}
	if (!json_value_is_array(v) && !json_value_is_integer(v))
		return jsonl_bad(
		    why, "value", "a string, a number or an array of strings");
	row->value = j->joined = malloc(SETTING_TEXT_MAX + 2);
	if (j->joined == NULL)
		return jsonl_no_memory(why);
	text_init(&t, j->joined, SETTING_TEXT_MAX + 2);
	if (json_value_is_array(v))
		return jsonl_join(&t, v, why);
	text_printf(&t, "%lld", json_value_integer(v));
	return OK;
}

/* jsonl_read_member - a member that is not null */
static enum error
jsonl_read_member(struct jsonl *j, struct row *row, const char *key,
    const json_value *v, struct error_text *why)
{
	const struct row_field *field = row_field_find(row->type, key);
	bool lockable = row->type == ROW_MAILBOX || row->type == ROW_TENANT;

	if (field != NULL)
		return json_value_string(v) != NULL
		    ? row_set(row, field, json_value_string(v), j->now, why)
		    : jsonl_bad(why, key, "a string");
	if (row->type == ROW_MAILBOX && strcmp(key, "clients") == 0)
		return jsonl_read_clients(row, v, why);
	if (row->type == ROW_TENANT && strcmp(key, "domains") == 0)
		return jsonl_read_domains(row, v, why);
	if (lockable && strcmp(key, "lock") == 0)
		return jsonl_read_lock(j, row, v, why);
	if (row->type == ROW_SETTING && strcmp(key, "value") == 0)
		return jsonl_read_value(j, row, v, why);
	return error_set(why, ERR_DATA, "unknown key \"%.100s\" of %s", key,
	    jsonl_types[row->type].with_article);
}

/* jsonl_read_type - begins a row of the object's "type" */
static enum error
jsonl_read_type(const json_value *object, struct row *row, struct error_text *why)
{
	const char *s = json_value_string(json_value_member(object, "type"));

	for (int i = ROW_SETTING; s != NULL && i <= ROW_LOCK; i++) {
		if (strcmp(jsonl_types[i].name, s) != 0)
			continue;
		row_start(row, (enum row_type)i);
		return OK;
	}
	return error_set(why, ERR_DATA,
	    "%s: use {\"type\":\"setting\" or \"tenant\", \"mailbox\", \"alias\", \"lock\", ...}",
	    s != NULL ? "unknown type" : "no type");
}

/* jsonl_read_object - all members */
static enum error
jsonl_read_object(
    struct jsonl *j, json_value *object, struct row *row, struct error_text *why)
{
	enum error e = jsonl_read_type(object, row, why);
	const json_value *v;
	const char *key;

	if (e != OK)
		return e;
	for (const char *const *need = jsonl_types[row->type].needed; *need != NULL;
	     need++) {
		v = json_value_member(object, *need);
		if (v == NULL || json_value_is_null(v))
			return error_set(why, ERR_DATA, "\"%s\" is missing", *need);
	}
	for (void *at = json_value_next(object, NULL); at != NULL;
	     at = json_value_next(object, at)) {
		key = json_value_key(at);
		v = json_value_at(at);
		if (strcmp(key, "type") == 0 || json_value_is_null(v))
			continue;
		e = jsonl_read_member(j, row, key, v, why);
		if (e != OK)
			return e;
	}
	if (row->type == ROW_LOCK && (row->name == NULL) == (row->value == NULL))
		return error_set(
		    why, ERR_DATA, "a lock is of a \"login\" or of a \"tenant\"");
	return row->type == ROW_MAILBOX ? row_check_mailbox(row, why) : OK;
}

/* jsonl_parse - a line */
static enum error
jsonl_parse(struct jsonl *j, struct bytes line, struct row *row, struct error_text *why)
{
	enum error e = json_value_parse(line.at, line.len, &j->value, why);

	if (e != OK)
		return e;
	if (!json_value_is_object(j->value))
		return error_set(why, ERR_DATA, "no JSON object");
	return jsonl_read_object(j, j->value, row, why);
}

/* jsonl_is_blank - whether the line has nothing but what JSON takes for white space */
static bool
jsonl_is_blank(struct bytes line)
{
	const char *at = line.at;

	for (size_t i = 0; i < line.len; i++)
		if (at[i] != ' ' && at[i] != '\t' && at[i] != '\r')
			return false;
	return true;
}

enum error
jsonl_next(struct jsonl *j, struct row *row, bool *found_r, struct error_text *why)
{
	struct bytes line;
	enum error e;

	jsonl_forget(j);
	do {
		e = line_reader_next(&j->reader, &line, found_r);
	} while (e == OK && *found_r && jsonl_is_blank(line));
	row->line = j->reader.line;
	if (e == ERR_LIMIT)
		return error_set(
		    why, ERR_DATA, "the line is longer than %zu bytes", JSONL_LINE_MAX);
	if (e != OK)
		return error_set(why, e, "cannot read the input: %s", error_string(e));
	return *found_r ? jsonl_parse(j, line, row, why) : OK;
}
