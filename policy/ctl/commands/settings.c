/* SPDX-License-Identifier: BSD-2-Clause */
/* settings - the commands on the global settings */
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/commands/locking.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/tables/setting_table.h"

/* setting_field - as a member of an object; keys of JSON have '_' for '-' */
static void
setting_field(struct printer *p, const struct setting *row, const char *value)
{
	char key[64];
	size_t n;

	snprintf(key, sizeof key, "%s", row->key);
	for (char *at = key; (at = strchr(at, '-')) != NULL;)
		*at = '_';
	if (row->shape == SETTING_NUMBER && value != NULL) {
		print_number(p, key, strtoul(value, NULL, 10));
		return;
	}
	if (row->shape != SETTING_LIST) {
		print_text(p, key, value);
		return;
	}
	print_array_start(p, key);
	for (const char *at = value != NULL ? value : ""; *at != '\0';
	     at += n, at += *at == ',') {
		n = strcspn(at, ",");
		print_item(p, at, n);
	}
	print_array_end(p);
}

static void
setting_row(struct printer *p, const struct setting *row, const char *value)
{
	print_object_start(p, NULL);
	print_text(p, "setting", row->key);
	print_text(p, "value", value != NULL ? value : "(unset)");
	print_text(p, "possible", row->values);
	print_object_end(p);
}

/* ctl_settings_show - a table of all, or one object with a member for each */
enum error
ctl_settings_show(struct ctl *c)
{
	static const struct print_column columns[] = {{"setting", "SETTING"},
	    {"value", "VALUE"}, {"possible", "POSSIBLE"}, {NULL, NULL}};
	char text[SETTING_TEXT_MAX + 1];
	struct printer *p = &c->print;
	const struct setting *row;
	bool found;

	print_table(p, columns, "");
	if (p->has_json)
		print_object_start(p, NULL);
	for (size_t i = 0; (row = settings_at(i)) != NULL; i++) {
		enum error e =
		    store_get_setting(c->txn, row, text, sizeof text, &found);
		const char *value = found ? text : row->initial;

		if (e != OK)
			return e;
		if (p->has_json)
			setting_field(p, row, value);
		else
			setting_row(p, row, value);
	}
	if (p->has_json)
		print_object_end(p);
	return OK;
}

/* setting_find - the setting KEY on the command line; LIST: it has to be a list */
static enum error
setting_find(struct ctl *c, bool list, const struct setting **row_r)
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

/* setting_warn - about what is allowed, but likely a mistake */
static void
setting_warn(struct ctl *c, const struct setting *row)
{
	const struct settings *s = store_settings(c->txn);

	if (strcmp(row->key, "exempt-clients") == 0 &&
	    cidr_list_has_loopback(&s->exempt_clients))
		print_remark(c->err,
		    "warning: exempt-clients holds the loopback address: behind a proxy on this machine that exempts everyone");
	if (s->login_domain == LOGIN_DOMAIN_DEFAULT && s->default_domain[0] == '\0')
		print_remark(c->err,
		    "warning: login-domain is default, but default-domain is not set: until it is, the domain of a login counts");
}

/* setting_report - the value that is stored now */
static enum error
setting_report(struct ctl *c, const struct setting *row)
{
	char text[SETTING_TEXT_MAX + 1];
	struct printer *p = &c->print;
	const char *value;
	bool found;
	enum error e = store_get_setting(c->txn, row, text, sizeof text, &found);

	if (e == OK)
		e = store_reload_settings(c->txn);
	if (e != OK)
		return e;
	value = found ? text : row->initial;
	setting_warn(c, row);
	if (row->identifies)
		locking_remark_identity(c);
	print_line(p, "%s = %s", row->key, value != NULL ? value : "(unset)");
	print_object_start(p, NULL);
	setting_field(p, row, value);
	print_object_end(p);
	return OK;
}

/* setting_change - with the KEY and the VALUE or ITEM on the command line */
static enum error
setting_change(struct ctl *c, bool list,
    enum error (*change)(struct store_txn *txn, const struct setting *row,
	const char *value, struct error_text *why))
{
	const struct setting *row;
	enum error e = setting_find(c, list, &row);

	if (e == OK)
		e = change(c->txn, row, argument_word(c, 1), &c->why);
	return e == OK ? setting_report(c, row) : e;
}

enum error
ctl_settings_set(struct ctl *c)
{
	return setting_change(c, false, setting_table_set);
}

enum error
ctl_settings_add(struct ctl *c)
{
	return setting_change(c, true, setting_table_add);
}

enum error
ctl_settings_remove(struct ctl *c)
{
	return setting_change(c, true, setting_table_remove);
}

enum error
ctl_settings_unset(struct ctl *c)
{
	const struct setting *row;
	enum error e = setting_find(c, false, &row);

	if (e != OK)
		return e;
	e = setting_table_unset(c->txn, row);
	return e == OK || e == ERR_NOTFOUND ? setting_report(c, row) : e;
}
