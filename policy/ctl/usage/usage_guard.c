/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_guard - whether domains are in use that are about to be closed by default */
#include "policy/ctl/usage/usage_guard.h"

#include <string.h>

#include "policy/ctl/usage/usage_sources.h"
#include "policy/identity/domain.h"
#include "policy/tables/ownership.h"
#include "policy/usage/usage_database.h"

#define IN_USE_SECONDS (30 * (int64_t)USAGE_SECONDS_A_DAY)
#define WAY_OUT "say --smtp-auth enabled, or --smtp-auth disabled if that is meant"

/* What was found. */
struct found {
	unsigned long logins;
	bool others; /* one that has no row of its own, so it may be of any domain */
	instant last;
	char login[LOGIN_MAX + 1]; /* the one that was last */
};

/* is_concerned - whether the login is of one of the domains */
static enum error
is_concerned(struct ctl *c, const struct login *login, bool *concerned_r)
{
	const char *added = store_settings(c->txn)->default_domain;
	char domain[DOMAIN_MAX + 1];
	struct login full = *login; /* as it would be read today */
	struct tenant t;
	bool found;
	enum error e;

	*concerned_r = false;
	if (!full.has_domain && added[0] != '\0' &&
	    login_append_domain(&full, added) != OK)
		return OK;
	for (size_t i = 0; i < c->options.domains && !*concerned_r; i++) {
		e = domain_parse(c->options.domain[i], domain, &c->why);
		if (e != OK)
			return e;
		if (strcmp(domain, DOMAIN_ANY) != 0) {
			*concerned_r =
			    full.has_domain && strcmp(domain, login_domain(&full)) == 0;
			continue;
		}
		e = ownership_of_login(c->txn, &full, &t, &found);
		if (e != OK)
			return e;
		*concerned_r = !found;
	}
	return OK;
}

static enum error
look(struct ctl *c, struct usage_merge *merge, struct found *f)
{
	struct usage_row row;
	bool more, concerned;
	enum error e;

	while ((e = usage_merge_next(merge, &row, &more, &c->why)) == OK && more) {
		instant last = row.usage.last_use;

		if (last == INSTANT_NONE || last < c->now - IN_USE_SECONDS)
			continue;
		if (usage_is_others(&row.login)) {
			f->others = true;
			continue;
		}
		e = is_concerned(c, &row.login, &concerned);
		if (e != OK)
			return e;
		f->logins += concerned;
		if (!concerned || last <= f->last)
			continue;
		f->last = last;
		memcpy(f->login, row.login.text, row.login.len + 1);
	}
	return e;
}

static enum error
refuse(struct ctl *c, const struct found *f)
{
	char when[INSTANT_TEXT_MAX];

	if (f->logins == 0)
		return error_set(&c->why, ERR_PROTECTED,
		    "more than %d logins of no tenant used SMTP AUTH, and some within 30 days are not recorded by name; so it is not known who is in use: " WAY_OUT,
		    USAGE_STRANGERS_MAX);
	return error_set(&c->why, ERR_PROTECTED,
	    "%lu login%s used SMTP AUTH within 30 days, the last was %.320s at %s, and the tenant would be disabled: " WAY_OUT,
	    f->logins, f->logins == 1 ? "" : "s", f->login,
	    instant_print(f->last, when));
}

/* not_known - why the usage cannot be read, and the way out */
static enum error
not_known(struct ctl *c, enum error e)
{
	struct error_text why = c->why;

	return error_set(
	    &c->why, e, "%.700s; so it is not known who is in use: " WAY_OUT, why.text);
}

enum error
usage_guard_open(struct ctl *c)
{
	enum error e = usage_sources_open(c);

	return e == OK ? OK : not_known(c, e);
}

enum error
usage_guard(struct ctl *c)
{
	struct found f = {0, false, INSTANT_NONE, ""};
	struct usage_merge *merge;
	enum error e = usage_sources_merge(c, &merge);

	if (e == ERR_MISSING)
		return OK;
	if (e == OK)
		e = look(c, merge, &f);
	if (e != OK)
		return not_known(c, e);
	return f.logins > 0 || f.others ? refuse(c, &f) : OK;
}
