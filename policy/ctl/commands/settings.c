/* SPDX-License-Identifier: BSD-2-Clause */
/* settings - the commands on the global settings */
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/commands/locking.h"
#include "policy/ctl/commands/overruled.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/decision/overrule.h"
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

/* setting_row - marked where it differs from the default */
static void
setting_row(struct printer *p, const struct setting *row, const char *value)
{
	bool differs =
	    value != NULL && (row->initial == NULL || strcmp(value, row->initial) != 0);

	print_object_start(p, NULL);
	print_text(p, "setting", row->key);
	print_text(p, "changed", differs ? "*" : "");
	print_text(p, "value", value != NULL ? value : "(unset)");
	print_text(p, "possible", row->values);
	print_object_end(p);
}

/* ctl_settings_show - a table of all, with what is not the default marked, or one
 * object with a member for each */
enum error
ctl_settings_show(struct ctl *c)
{
	static const struct print_column columns[] = {{"setting", "SETTING"},
	    {"value", "VALUE"}, {"changed", "CHANGED"}, {"possible", "POSSIBLE"},
	    {NULL, NULL}};
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
		return settings_unknown(key, &c->why);
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
	if (overrule_lax(s, row->key) != NULL)
		print_remark(c->err, "%s", overrule_lax(s, row->key));
	if (strcmp(row->key, "reply-tenant") == 0)
		argument_warn_reply(c, row->key, s->reply_tenant);
	if (strcmp(row->key, "reply-mailbox") == 0)
		argument_warn_reply(c, row->key, s->reply_mailbox);
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
	if (value != NULL)
		overruled_remark_setting(c, row->key, value);
	print_object_start(p, NULL);
	setting_field(p, row, value);
	object_text_overruled(
	    p, overrule_setting(store_settings(c->txn), row->key), NULL);
	print_object_end(p);
	return OK;
}

/* What a change of a setting could open. */
struct setting_guard {
	bool wanted;
	struct settings before;
};

/*
 * guard_begin - begins the transaction; reads the usage before, where the setting says
 * which logins the policy is asked about
 */
static enum error
guard_begin(struct ctl *c, const struct setting *row, struct setting_guard *guard)
{
	enum error e;

	guard->wanted = row->identifies || strcmp(row->key, "unknown-tenant") == 0 ||
	    strcmp(row->key, "exempt-clients") == 0 ||
	    strcmp(row->key, "exempt-listeners") == 0;
	e = guard->wanted ? opening_guard_begin(c) : transaction_begin(c);
	if (e == OK)
		guard->before = *store_settings(c->txn);
	return e;
}

/* guard_check - after the change */
static enum error
guard_check(struct ctl *c, const struct setting *row, const struct setting_guard *guard,
    bool unset)
{
	const struct settings *now = store_settings(c->txn);
	char cause[CIDR_TEXT_MAX + 100];
	struct opening opening = {.cause = NULL};

	opening_guard_exempts(&opening, &guard->before, now);
	/* to end an exemption opens nothing: the usage may be what it wants */
	if (!guard->wanted ||
	    (!opening.exempts && strncmp(row->key, "exempt-", 7) == 0))
		return OK;
	if (opening_guard_wide(&guard->before, now, cause, sizeof cause))
		opening.cause = cause;
	else if (unset && guard->before.unknown_tenant != now->unknown_tenant)
		opening.cause = "without it the logins of no tenant pass";
	return opening_guard_check(c, &opening);
}

/* setting_change - with the KEY and the VALUE or ITEM on the command line */
static enum error
setting_change(struct ctl *c, bool list,
    enum error (*change)(struct store_txn *txn, const struct setting *row,
	const char *value, struct error_text *why))
{
	struct setting_guard *guard = calloc(1, sizeof *guard);
	const struct setting *row;
	enum error e = guard != NULL ? setting_find(c, list, &row) : ERR_MEMORY;

	if (e == OK)
		e = guard_begin(c, row, guard);
	if (e == OK)
		e = change(c->txn, row, argument_word(c, 1), &c->why);
	if (e == OK)
		e = store_reload_settings(c->txn);
	if (e == OK)
		e = guard_check(c, row, guard, false);
	free(guard);
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
	struct setting_guard *guard = calloc(1, sizeof *guard);
	const struct setting *row;
	enum error e = guard != NULL ? setting_find(c, false, &row) : ERR_MEMORY;

	if (e == OK)
		e = guard_begin(c, row, guard);
	if (e == OK)
		e = setting_table_unset(c->txn, row);
	if (e == ERR_NOTFOUND)
		e = OK; /* it had its default before */
	if (e == OK)
		e = store_reload_settings(c->txn);
	if (e == OK)
		e = guard_check(c, row, guard, true);
	free(guard);
	return e == OK ? setting_report(c, row) : e;
}
