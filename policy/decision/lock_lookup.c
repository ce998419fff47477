/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_lookup - the names under which a login may be locked, and its locks */
#include "policy/decision/lock_lookup.h"

#include <string.h>

#include "policy/decision/resolve.h"
#include "policy/decision/steps.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"

/* A walk over the names of a login. */
struct names {
	struct store_txn *txn;
	const struct settings *settings;
	enum error (*fn)(void *arg, const struct login *name);
	void *arg;
};

/* names_default - the name with default-domain, or of one in that domain without it */
static enum error
names_default(const struct names *n, const struct login *login)
{
	const char *domain = n->settings->default_domain;
	struct login name = *login;
	enum error e = OK;

	if (settings_replace_domain(n->settings) && name.has_domain) {
		login_drop_domain(&name);
		e = n->fn(n->arg, &name);
	}
	if (e != OK || domain[0] == '\0')
		return e;
	if (!name.has_domain)
		return login_append_domain(&name, domain) == OK ? n->fn(n->arg, &name)
								: OK;
	if (strcmp(login_domain(&name), domain) != 0)
		return OK;
	login_drop_domain(&name);
	return n->fn(n->arg, &name);
}

/*
 * names_unsplit - the login as it was before a character counted as '@': a lock
 * that was made then has that name
 */
static enum error
names_unsplit(const struct names *n, const struct login *login)
{
	const char *separator = n->settings->login_separators;
	struct login name = *login;
	enum error e = OK;

	if (!login->has_domain)
		return OK;
	name.has_domain = false;
	name.local = name.len;
	for (; *separator != '\0' && e == OK; separator++) {
		name.text[login->local] = *separator;
		e = n->fn(n->arg, &name);
	}
	return e;
}

/* names_each - all but those without a subaddress; STANDS_FOR is the last */
static enum error
names_each(const struct names *n, const struct login *login, struct login *stands_for)
{
	enum error e = n->fn(n->arg, login);

	*stands_for = *login;
	if (e == OK)
		e = names_default(n, login);
	if (e == OK)
		e = names_unsplit(n, login);
	if (e == OK)
		e = resolve_login(n->txn, stands_for, NULL);
	if (e == ERR_DATA) { /* too long for a mailbox: it has no other name */
		*stands_for = *login;
		return OK;
	}
	return e == OK ? n->fn(n->arg, stands_for) : e;
}

/* names_base - all names of a login without its subaddress, if it has one */
static enum error
names_base(const struct names *n, const struct login *login)
{
	struct login base, stands_for;

	if (!login_strip_subaddress(login, n->settings->subaddress_delimiter, &base))
		return OK;
	return names_each(n, &base, &stands_for);
}

enum error
lock_lookup_names(struct store_txn *txn, const struct login *login,
    enum error (*fn)(void *arg, const struct login *name), void *arg)
{
	const struct names n = {txn, store_settings(txn), fn, arg};
	struct login stands_for;

	return names_each(&n, login, &stands_for);
}

/* add_tenant - the lock of the tenant that owns this login, if there is one */
static enum error
add_tenant(struct store_txn *txn, const struct login *login, struct lock_state *out)
{
	struct tenant t;
	bool found;
	enum error e = ownership_of_login(txn, login, &t, &found);

	return e == OK && found ? lock_table_add_tenant(txn, t.name, out) : e;
}

enum error
lock_lookup_tenant(
    struct store_txn *txn, const struct login *login, struct lock_state *out)
{
	struct login stands_for = *login;
	enum error e = resolve_login(txn, &stands_for, NULL);

	if (e != OK)
		return e == ERR_DATA ? OK : e;
	return add_tenant(txn, &stands_for, out);
}

enum error
lock_lookup_own_tenant(
    struct store_txn *txn, const struct login *login, struct lock_state *out)
{
	const struct settings *settings = store_settings(txn);
	struct login name = *login;

	if (settings_replace_domain(settings))
		login_drop_domain(&name);
	if (!name.has_domain && settings->default_domain[0] != '\0' &&
	    login_append_domain(&name, settings->default_domain) != OK)
		return OK;
	return add_tenant(txn, &name, out);
}

struct search {
	struct store_txn *txn;
	instant now;
	struct lock_state *out;
	struct text *steps;
	struct login last; /* that a line was written for */
};

static enum error
search_name(void *arg, const struct login *name)
{
	struct search *s = arg;
	struct lock_state own = {.set = false};
	enum error e = lock_table_add_login(s->txn, name, &own);

	if (e != OK || !own.set)
		return e;
	lock_state_add(s->out, own.until);
	if (s->steps != NULL && !login_equal(&s->last, name)) {
		steps_lock(s->steps, name, &own, s->now);
		s->last = *name;
	}
	return OK;
}

enum error
lock_lookup_login(struct store_txn *txn, const struct login *login, instant now,
    struct lock_state *out_r, struct text *steps)
{
	struct search s = {.txn = txn, .now = now, .out = out_r, .steps = steps};
	const struct names n = {txn, store_settings(txn), search_name, &s};
	struct login stands_for;
	enum error e;

	out_r->set = false;
	if (store_meta(txn)->locks == 0)
		return OK;
	e = names_each(&n, login, &stands_for);
	if (e == OK)
		e = names_base(&n, login);
	if (e == OK && !login_equal(login, &stands_for))
		e = names_base(&n, &stands_for);
	return e;
}
