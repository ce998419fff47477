/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_filter - which entries of the audit log are wanted */
#include "policy/ctl/history/audit_filter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/base/array.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/identity/domain.h"
#include "policy/model/alias_record.h"
#include "policy/model/domain_record.h"
#include "policy/tables/ownership.h"

/* filter_name - one more way to spell the object; a longer one is no object's */
static void
filter_name(struct audit_filter *f, const char *name)
{
	size_t n = strlen(name);

	if (n < OBJECT_NAME_MAX)
		memcpy(f->name[f->names++], name, n + 1);
}

/* filter_type - takes "mailbox " off TYPED */
static const char *
filter_type(struct audit_filter *f, const char *typed)
{
	static const char *const types[] = {
	    "setting", "tenant", "domain", "mailbox", "alias", "lock", "tenant-lock"};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		size_t n = strlen(types[i]);

		if (strncasecmp(typed, types[i], n) != 0 || typed[n] != ' ')
			continue;
		f->type = types[i];
		return typed + n + strspn(typed + n, " ");
	}
	return typed;
}

/* filter_object - the name as it was typed, and what it is in normal form */
static enum error
filter_object(struct audit_filter *f, struct ctl *c, const char *typed)
{
	const struct settings *s = store_settings(c->txn);
	char domain[DOMAIN_MAX + 1];
	struct error_text why;
	struct login login;

	typed = filter_type(f, typed);
	if (*typed == '\0')
		return error_set(&c->why, ERR_DATA, "--object: the name is missing");
	filter_name(f, typed);
	if (domain_parse(typed, domain, &why) == OK)
		filter_name(f, domain);
	if (login_normalize(typed, strlen(typed), s->login_separators, &login, &why) ==
	    OK) {
		filter_name(f, login.text);
		if (!login.has_domain && s->default_domain[0] != '\0' &&
		    login_append_domain(&login, s->default_domain) == OK)
			filter_name(f, login.text);
	}
	if (f->names == 0)
		return error_set(&c->why, ERR_DATA, "--object is too long");
	return OK;
}

/* filter_until - a date includes its day; a span counts back, as for --since */
static enum error
filter_until(struct audit_filter *f)
{
	const char *typed = argument_option(f->c, OPT_UNTIL);
	instant start, end;
	struct error_text why;

	if (typed == NULL ||
	    instant_parse(typed, INSTANT_DAY_END, f->c->now, &end, &why) != OK ||
	    instant_parse(typed, INSTANT_DAY_START, f->c->now, &start, &why) != OK ||
	    *typed == '+' || *typed == '-')
		return argument_past_time(f->c, OPT_UNTIL, &f->until);
	f->until = start != end ? end - 1 : end;
	return OK;
}

/* filter_read - all options but --tenant */
static enum error
filter_read(struct audit_filter *f)
{
	struct ctl *c = f->c;
	struct audit_log checked;
	enum error e = OK;

	f->since = f->until = INSTANT_NONE;
	f->actor = c->options.actor;
	f->command = argument_option(c, OPT_COMMAND);
	if (f->actor != NULL)
		e = audit_origin_read(c, "audit list", &checked);
	if (e == OK)
		e = argument_past_time(c, OPT_SINCE, &f->since);
	if (e == OK)
		e = filter_until(f);
	if (e == OK && argument_option(c, OPT_OBJECT) != NULL)
		e = filter_object(f, c, argument_option(c, OPT_OBJECT));
	return e;
}

/* A domain that came to the tenant, or left it, with entry NUMBER. */
struct domain_change {
	uint64_t number;
	bool before, after; /* whether it was the tenant's */
	char domain[DOMAIN_MAX + 1];
};

/* domain_is_of - whether a record of a domain, before or after, names the tenant */
static bool
domain_is_of(const struct audit_filter *f, struct bytes record)
{
	char owner[TENANT_NAME_MAX + 1];

	return record.at != NULL && domain_record_decode(record, owner) == OK &&
	    strcmp(owner, f->tenant) == 0;
}

/* change_note - an entry, if it is of a domain of the tenant */
static enum error
change_note(void *arg, const struct audit_entry *e)
{
	struct audit_filter *f = arg;
	struct domain_change *at, change = {.number = e->number};
	const char *type = object_text_type(e->object);

	if (e->kind != AUDIT_CHANGE || type == NULL || strcmp(type, "domain") != 0 ||
	    key_to_name(e->object, 1, DOMAIN_MAX, change.domain) != OK)
		return OK;
	change.before = domain_is_of(f, e->before);
	change.after = domain_is_of(f, e->after);
	if (!change.before && !change.after)
		return OK;
	at = array_grow(f->change, f->changes, &f->room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	f->change = at;
	at[f->changes++] = change;
	return OK;
}

enum error
audit_filter_open(struct audit_filter *f, struct ctl *c)
{
	const char *tenant = argument_option(c, OPT_TENANT);
	enum error e;

	*f = (struct audit_filter){.c = c};
	e = filter_read(f);
	if (e != OK || tenant == NULL)
		return e;
	e = tenant_name_parse(tenant, f->tenant, &c->why);
	if (e == OK)
		e = audit_table_each(c->txn, 1, change_note, f);
	return e == ERR_DAMAGED ? OK : e; /* the list tells */
}

void
audit_filter_close(struct audit_filter *f)
{
	free(f->change);
	f->change = NULL;
	f->changes = f->room = 0;
}

/* filter_has_type - a tenant or mailbox includes its lock, "lock" both kinds */
static bool
filter_has_type(const struct audit_filter *f, const char *type)
{
	const char *wanted = f->type;

	if (wanted == NULL || strcmp(wanted, type) == 0)
		return true;
	if (strcmp(type, "tenant-lock") == 0)
		return strcmp(wanted, "tenant") == 0 || strcmp(wanted, "lock") == 0;
	return strcmp(type, "lock") == 0 && strcmp(wanted, "mailbox") == 0;
}

static bool
filter_has_object(const struct audit_filter *f, struct bytes key)
{
	const char *type = object_text_type(key);
	char name[OBJECT_NAME_MAX];

	if (type == NULL || !filter_has_type(f, type) ||
	    object_text_name(key, name) != OK)
		return false;
	for (unsigned i = 0; i < f->names; i++)
		if (strcasecmp(name, f->name[i]) == 0)
			return true;
	return false;
}

/*
 * change_tells - by what is known of changes, whether DOMAIN was the tenant's before
 * entry NUMBER; false where nothing is
 */
static bool
change_tells(
    const struct audit_filter *f, const char *domain, uint64_t number, bool *had_r)
{
	bool known = false;

	for (size_t i = 0; i < f->changes; i++) {
		const struct domain_change *change = &f->change[i];

		if (strcmp(change->domain, domain) != 0)
			continue;
		if (change->number < number)
			*had_r = change->after;
		else if (!known)
			*had_r = change->before;
		known = true;
		if (change->number >= number)
			break;
	}
	return known;
}

/* filter_had - whether DOMAIN was the tenant's before entry NUMBER, by name or by "*"
 */
static enum error
filter_had(
    const struct audit_filter *f, const char *domain, uint64_t number, bool *had_r)
{
	char owner[TENANT_NAME_MAX + 1] = "";
	enum error e;

	if (change_tells(f, domain, number, had_r))
		return OK;
	e = domain_table_get(f->c->txn, domain, owner);
	if (e == OK && owner[0] == '\0') {
		if (change_tells(f, DOMAIN_ANY, number, had_r))
			return OK;
		e = domain_table_get(f->c->txn, DOMAIN_ANY, owner);
	}
	*had_r = e == OK && strcmp(owner, f->tenant) == 0;
	return e;
}

/* alias_domain - of the mailbox that an alias had or got; false where it cannot be read
 */
static bool
alias_domain(const struct audit_entry *e, struct login *mailbox)
{
	return alias_record_decode(
		   e->after.at != NULL ? e->after : e->before, mailbox) == OK &&
	    mailbox->has_domain;
}

/* filter_has_tenant - whether the object is the tenant, a domain of it, or in one */
static enum error
filter_has_tenant(
    const struct audit_filter *f, const struct audit_entry *e, bool *has_r)
{
	const char *type = object_text_type(e->object), *at;
	char name[OBJECT_NAME_MAX];
	struct login mailbox;

	*has_r = false;
	if (type == NULL || strcmp(type, "setting") == 0 ||
	    object_text_name(e->object, name) != OK)
		return OK;
	if (strcmp(type, "tenant") == 0 || strcmp(type, "tenant-lock") == 0) {
		*has_r = strcmp(name, f->tenant) == 0;
		return OK;
	}
	if (strcmp(type, "domain") == 0) {
		*has_r = domain_is_of(f, e->before) || domain_is_of(f, e->after);
		return OK;
	}
	if (strcmp(type, "alias") == 0 && alias_domain(e, &mailbox))
		return filter_had(f, login_domain(&mailbox), e->number, has_r);
	at = strrchr(name, '@');
	return filter_had(f, at != NULL ? at + 1 : DOMAIN_ANY, e->number, has_r);
}

/* filter_has_command - "tenant" stands for all of its commands */
static bool
filter_has_command(const struct audit_filter *f, const char *command)
{
	size_t n = f->command != NULL ? strlen(f->command) : 0;

	return n == 0 ||
	    (strncasecmp(command, f->command, n) == 0 &&
		(command[n] == '\0' || command[n] == ' '));
}

enum error
audit_filter_wants(struct audit_filter *f, const struct audit_entry *e, bool *wanted_r)
{
	if (e->kind == AUDIT_STUB) {
		*wanted_r = f->since == INSTANT_NONE && f->until == INSTANT_NONE &&
		    f->actor == NULL && f->command == NULL && f->names == 0 &&
		    f->tenant[0] == '\0';
		return OK;
	}
	*wanted_r = (f->since == INSTANT_NONE || e->when >= f->since) &&
	    (f->until == INSTANT_NONE || e->when <= f->until) &&
	    (f->actor == NULL || strcmp(e->origin.actor, f->actor) == 0) &&
	    filter_has_command(f, e->origin.command) &&
	    (f->names == 0 || filter_has_object(f, e->object));
	return *wanted_r && f->tenant[0] != '\0' ? filter_has_tenant(f, e, wanted_r)
						 : OK;
}
