/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_filter - which entries of the audit log somebody wants to see */
#include "policy/ctl/commands/audit_filter.h"

#include <string.h>
#include <strings.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/identity/domain.h"
#include "policy/tables/domain_table.h"

/* add_name - one more way to spell the object; a longer one is no object's */
static void
add_name(struct audit_filter *f, const char *name)
{
	size_t n = strlen(name);

	if (n < OBJECT_NAME_MAX)
		memcpy(f->name[f->names++], name, n + 1);
}

/* take_type - "mailbox " in front of the name, which is returned */
static const char *
take_type(struct audit_filter *f, const char *typed)
{
	static const uint8_t keys[][2] = {{TABLE_SETTING}, {TABLE_TENANT},
	    {TABLE_DOMAIN}, {TABLE_MAILBOX}, {TABLE_ALIAS}, {TABLE_LOCK, LOCK_LOGIN},
	    {TABLE_LOCK, LOCK_TENANT}};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *type =
		    object_text_type((struct bytes){keys[i], sizeof keys[i]});
		size_t n = strlen(type);

		if (strncasecmp(typed, type, n) != 0 || typed[n] != ' ')
			continue;
		f->type = type;
		return typed + n + strspn(typed + n, " ");
	}
	return typed;
}

/* take_object - the name as it was typed, and what it is in normal form */
static enum error
take_object(struct audit_filter *f, struct ctl *c, const char *typed)
{
	const struct settings *s = store_settings(c->txn);
	char domain[DOMAIN_MAX + 1];
	struct error_text why;
	struct login login;

	typed = take_type(f, typed);
	if (*typed == '\0')
		return error_set(&c->why, ERR_DATA, "--object: the name is missing");
	add_name(f, typed);
	if (domain_parse(typed, domain, &why) == OK)
		add_name(f, domain);
	if (login_normalize(typed, strlen(typed), s->login_separators, &login, &why) ==
	    OK) {
		add_name(f, login.text);
		if (!login.has_domain && s->default_domain[0] != '\0' &&
		    login_append_domain(&login, s->default_domain) == OK)
			add_name(f, login.text);
	}
	if (f->names == 0)
		return error_set(&c->why, ERR_DATA, "--object is too long");
	return OK;
}

enum error
audit_filter_read(struct audit_filter *f, struct ctl *c)
{
	struct audit_log checked;
	enum error e = OK;

	memset(f, 0, sizeof *f);
	f->since = INSTANT_NONE;
	f->actor = c->options.actor;
	if (f->actor != NULL)
		e = audit_origin_origin(c, "audit list", &checked);
	if (e == OK && argument_option(c, OPT_SINCE) != NULL)
		e = argument_past_time(c, OPT_SINCE, &f->since);
	if (e == OK && argument_option(c, OPT_OBJECT) != NULL)
		e = take_object(f, c, argument_option(c, OPT_OBJECT));
	return e;
}

/* is_type - whether it is asked for: of a tenant or mailbox also the lock, and of a
 * lock either kind */
static bool
is_type(const struct audit_filter *f, const char *type)
{
	const char *wanted = f->type;

	if (wanted == NULL || strcmp(wanted, type) == 0)
		return true;
	if (strcmp(type, "tenant-lock") == 0)
		return strcmp(wanted, "tenant") == 0 || strcmp(wanted, "lock") == 0;
	return strcmp(type, "lock") == 0 && strcmp(wanted, "mailbox") == 0;
}

static bool
is_object(const struct audit_filter *f, struct bytes key)
{
	const char *type = object_text_type(key);
	char name[OBJECT_NAME_MAX];

	if (type == NULL || !is_type(f, type) || object_text_name(key, name) != OK)
		return false;
	for (unsigned i = 0; i < f->names; i++)
		if (strcasecmp(name, f->name[i]) == 0)
			return true;
	return false;
}

bool
audit_filter_wants(const struct audit_filter *f, const struct audit_entry *e)
{
	if (e->kind == AUDIT_STUB)
		return f->since == INSTANT_NONE && f->actor == NULL && f->names == 0;
	return (f->since == INSTANT_NONE || e->when >= f->since) &&
	    (f->actor == NULL || strcmp(e->origin.actor, f->actor) == 0) &&
	    (f->names == 0 || is_object(f, e->object));
}
