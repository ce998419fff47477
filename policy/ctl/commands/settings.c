/* SPDX-License-Identifier: BSD-2-Clause */
/* settings - the commands on the global settings */
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/commands/locking.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/print.h"
#include "policy/tables/setting_table.h"

/* json_key - the names of JSON have '_' for '-' */
static const char *
json_key(const char *key, char *buf, size_t cap)
{
	size_t i;

	for (i = 0; key[i] != '\0' && i + 1 < cap; i++)
		buf[i] = (char)(key[i] == '-' ? '_' : key[i]);
	buf[i] = '\0';
	return buf;
}

/* json_list - an array of the words of a list */
static void
json_list(struct json *j, const char *key, const char *list)
{
	size_t n;

	json_array_start(j, key);
	for (; *list != '\0'; list += n, list += *list == ',') {
		n = strcspn(list, ",");
		json_string_n(j, NULL, list, n);
	}
	json_array_end(j);
}

static void
show_json(struct json *j, const struct setting *row, const char *value)
{
	char key[64];

	json_key(row->key, key, sizeof key);
	if (row->shape == SETTING_LIST)
		json_list(j, key, value != NULL ? value : "");
	else if (row->shape == SETTING_NUMBER && value != NULL)
		json_number(j, key, strtol(value, NULL, 10));
	else
		json_text(j, key, value);
}

/* each_value - FN for every setting with its value, NULL where it is unset */
static enum error
each_value(struct ctl *c,
    void (*fn)(void *arg, const struct setting *row, const char *value), void *arg)
{
	char text[SETTING_TEXT_MAX + 1];
	const struct setting *row;

	for (size_t i = 0; (row = settings_at(i)) != NULL; i++) {
		enum error e = setting_table_get(c->txn, row, text, sizeof text);

		if (e != OK && e != ERR_NOTFOUND)
			return e;
		fn(arg, row, e == OK ? text : row->initial);
	}
	return OK;
}

static void
put_json(void *arg, const struct setting *row, const char *value)
{
	show_json(arg, row, value);
}

static void
put_row(void *arg, const struct setting *row, const char *value)
{
	const char *cells[] = {
	    row->key, value != NULL ? value : "(unset)", row->values};

	listing_row(arg, cells);
}

static enum error
show_all_json(struct ctl *c)
{
	struct json j;
	enum error e;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	e = each_value(c, put_json, &j);
	json_object_end(&j);
	json_line_end(&j, c->out);
	return e;
}

enum error
ctl_settings_show(struct ctl *c)
{
	static const char *const headings[] = {"SETTING", "VALUE", "POSSIBLE"};
	struct listing t;
	enum error e;

	if (c->options.json)
		return show_all_json(c);
	listing_start(&t, c->out, 3, headings);
	e = each_value(c, put_row, &t);
	listing_end(&t);
	return e;
}

/* find - the row of the KEY on the command line; a list where one is wanted */
static enum error
find(struct ctl *c, bool list, const struct setting **row_r)
{
	const char *key = argument_word(c, 0);

	*row_r = settings_find(key);
	if (*row_r == NULL)
		return error_set(&c->why, ERR_DATA,
		    "unknown setting \"%s\"; see \"smtpauthctl settings show\"", key);
	if (list && (*row_r)->shape != SETTING_LIST)
		return error_set(&c->why, ERR_DATA,
		    "setting %s is no list; use \"settings set\"", key);
	return OK;
}

/* warn - of what is likely a mistake, though it is allowed */
static void
warn(struct ctl *c, const struct setting *row)
{
	const struct settings *s = store_settings(c->txn);

	if (strcmp(row->key, "exempt-clients") == 0 &&
	    cidr_list_has_loopback(&s->exempt_clients))
		print_remark(c->err,
		    "warning: exempt-clients holds the loopback address: behind a "
		    "proxy on this machine that exempts everyone");
	if (s->login_domain == LOGIN_DOMAIN_DEFAULT && s->default_domain[0] == '\0')
		print_remark(c->err,
		    "warning: login-domain is default, but default-domain is not set: "
		    "until it is, the domain of a login counts");
}

/* report - what is stored now */
static enum error
report(struct ctl *c, const struct setting *row)
{
	char text[SETTING_TEXT_MAX + 1];
	const char *value = text;
	struct json j;
	enum error e = setting_table_get(c->txn, row, text, sizeof text);

	if (e == ERR_NOTFOUND)
		value = row->initial;
	if (e == OK || e == ERR_NOTFOUND)
		e = store_reload_settings(c->txn);
	if (e != OK)
		return e;
	warn(c, row);
	if (settings_identifies(row))
		locking_remark_identity(c);
	if (!c->options.json) {
		show_line(
		    c->out, "%s = %s", row->key, value != NULL ? value : "(unset)");
		return OK;
	}
	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	show_json(&j, row, value);
	json_object_end(&j);
	json_line_end(&j, c->out);
	return OK;
}

enum error
ctl_settings_set(struct ctl *c)
{
	const struct setting *row;
	enum error e = find(c, false, &row);

	if (e == OK)
		e = setting_table_set(c->txn, row, argument_word(c, 1), &c->why);
	return e == OK ? report(c, row) : e;
}

enum error
ctl_settings_unset(struct ctl *c)
{
	const struct setting *row;
	enum error e = find(c, false, &row);

	if (e != OK)
		return e;
	e = setting_table_unset(c->txn, row);
	return e == OK || e == ERR_NOTFOUND ? report(c, row) : e;
}

enum error
ctl_settings_add(struct ctl *c)
{
	const struct setting *row;
	enum error e = find(c, true, &row);

	if (e == OK)
		e = setting_table_add(c->txn, row, argument_word(c, 1), &c->why);
	return e == OK ? report(c, row) : e;
}

enum error
ctl_settings_remove(struct ctl *c)
{
	const struct setting *row;
	enum error e = find(c, true, &row);

	if (e == OK)
		e = setting_table_remove(c->txn, row, argument_word(c, 1), &c->why);
	return e == OK ? report(c, row) : e;
}
