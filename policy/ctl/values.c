/* SPDX-License-Identifier: BSD-2-Clause */
/* values - the typed values of the command line */
#include <string.h>

#include "policy/alias_table.h"
#include "policy/ctl/ctl.h"
#include "policy/tenant_table.h"
#include "policy/text.h"

const char *
ctl_word(const struct ctl *c, size_t i)
{
	return c->options.word[i];
}

const char *
ctl_option(const struct ctl *c, enum option_id id)
{
	return c->options.value[id];
}

enum error
ctl_walked(struct ctl *c, uint64_t walked, uint64_t counted)
{
	if (walked == counted)
		return OK;
	return error_set(&c->why, ERR_DAMAGED,
	    "the database is damaged: %llu records found, %llu counted; see "
	    "\"smtpauthctl verify\"",
	    (unsigned long long)walked, (unsigned long long)counted);
}

enum error
ctl_time(struct ctl *c, enum option_id id, enum instant_date date, instant *out_r)
{
	const char *typed = ctl_option(c, id);

	if (strcmp(typed, "none") == 0) {
		*out_r = INSTANT_NONE;
		return OK;
	}
	return instant_parse(typed, date, c->now, out_r, &c->why);
}

enum error
ctl_future_time(struct ctl *c, enum option_id id, instant *out_r)
{
	char buf[INSTANT_TEXT_MAX];
	enum error e = ctl_time(c, id, INSTANT_DAY_END, out_r);

	if (e == OK && *out_r != INSTANT_NONE && *out_r <= c->now)
		return error_set(&c->why, ERR_DATA, "--%s %s is in the past: %s",
		    option_name(id), ctl_option(c, id), instant_print(*out_r, buf));
	return e;
}

enum error
ctl_line(struct ctl *c, enum option_id id, size_t max, char *out)
{
	const char *typed = ctl_option(c, id);
	size_t n = strlen(typed);

	if (n > max)
		return error_set(&c->why, ERR_DATA, "--%s is longer than %zu bytes",
		    option_name(id), max);
	if (!text_is_line(typed, n))
		return error_set(&c->why, ERR_DATA,
		    "--%s has control characters or is not UTF-8: \"%s\"",
		    option_name(id), typed);
	memcpy(out, typed, n + 1);
	return OK;
}

enum error
ctl_login(struct ctl *c, const char *typed, struct login *out_r)
{
	struct error_text why;
	enum error e = login_normalize(typed, strlen(typed),
	    store_settings(c->txn)->login_separators, out_r, &why);

	if (e == ERR_DATA)
		return error_set(
		    &c->why, e, "bad login \"%.400s\": %.200s", typed, why.text);
	return e == OK ? OK : error_about(&c->why, e, typed);
}

/* not_an_alias - a setting of an alias would never be looked at */
static enum error
not_an_alias(struct ctl *c, const struct login *address)
{
	struct login mailbox;
	enum error e = alias_table_get(c->txn, address, &mailbox);

	if (e == OK)
		return error_set(&c->why, ERR_CONFLICT,
		    "%s is a login alias of mailbox %s", address->text, mailbox.text);
	return e == ERR_NOTFOUND ? OK : e;
}

enum error
ctl_address(struct ctl *c, const char *typed, struct login *out_r)
{
	const char *domain = store_settings(c->txn)->default_domain;
	enum error e = ctl_login(c, typed, out_r);

	if (e != OK)
		return e;
	if (!out_r->has_domain && domain[0] == '\0')
		return error_set(
		    &c->why, ERR_DATA, "\"%s\" is no mailbox: it has no @", typed);
	if (!out_r->has_domain && login_append_domain(out_r, domain) != OK)
		return error_set(&c->why, ERR_DATA, "\"%s\" is too long", typed);
	if (!out_r->named)
		return error_set(&c->why, ERR_DATA,
		    "the domain of \"%s\" is none that a tenant can own", typed);
	return OK;
}

enum error
ctl_mailbox(struct ctl *c, const char *typed, struct login *out_r)
{
	struct tenant t;
	enum error e = ctl_address(c, typed, out_r);

	if (e == OK)
		e = tenant_table_of(c->txn, out_r, &t);
	if (e == ERR_NOTFOUND)
		return error_set(&c->why, ERR_DATA,
		    "no tenant owns the domain of \"%s\"; see \"smtpauthctl domain "
		    "add\"",
		    typed);
	return e == OK ? not_an_alias(c, out_r) : e;
}

enum error
ctl_tenant(struct ctl *c, const char *typed, struct tenant *out_r)
{
	char name[TENANT_NAME_MAX + 1];
	enum error e = tenant_name_parse(typed, name, &c->why);

	if (e == OK)
		e = tenant_table_get(c->txn, name, out_r);
	if (e == ERR_NOTFOUND)
		return error_set(&c->why, e, "there is no tenant %s", name);
	return e;
}
