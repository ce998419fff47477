/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_lookup - under which names a login may be locked, and whether it is */
#include "policy/decision/lock_lookup.h"

#include <string.h>

#include "policy/decision/resolve.h"
#include "policy/decision/steps.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/tenant_table.h"

/* Whom each name of a login is told to. */
struct teller {
	enum error (*fn)(void *arg, const struct login *name);
	void *arg;
};

/* tell_default - the name with default-domain, or of one in that domain without it */
static enum error
tell_default(struct store_txn *txn, const struct login *login, const struct teller *to)
{
	const struct settings *settings = store_settings(txn);
	struct login name = *login;
	enum error e = OK;

	if (settings_replace_domain(settings) && name.has_domain) {
		login_drop_domain(&name);
		e = to->fn(to->arg, &name);
	}
	if (e != OK || settings->default_domain[0] == '\0')
		return e;
	if (!name.has_domain)
		return login_append_domain(&name, settings->default_domain) == OK
		    ? to->fn(to->arg, &name)
		    : OK;
	if (strcmp(login_domain(&name), settings->default_domain) != 0)
		return OK;
	login_drop_domain(&name);
	return to->fn(to->arg, &name);
}

/*
 * tell_unsplit - the login as it was before a character counted as '@': a lock that was
 * made then has that name
 */
static enum error
tell_unsplit(struct store_txn *txn, const struct login *login, const struct teller *to)
{
	const char *separator = store_settings(txn)->login_separators;
	struct login name = *login;
	enum error e = OK;

	if (!login->has_domain)
		return OK;
	name.has_domain = false;
	name.local = name.len;
	for (; *separator != '\0' && e == OK; separator++) {
		name.text[login->local] = *separator;
		e = to->fn(to->arg, &name);
	}
	return e;
}

/* tell - all names of a login but those without a subaddress; STANDS_FOR is the last */
static enum error
tell(struct store_txn *txn, const struct login *login, const struct teller *to,
    struct login *stands_for)
{
	enum error e = to->fn(to->arg, login);

	*stands_for = *login;
	if (e == OK)
		e = tell_default(txn, login, to);
	if (e == OK)
		e = tell_unsplit(txn, login, to);
	if (e == OK)
		e = resolve_login(txn, stands_for, NULL);
	if (e == ERR_DATA) { /* too long for a mailbox: it has no other name */
		*stands_for = *login;
		return OK;
	}
	return e == OK ? to->fn(to->arg, stands_for) : e;
}

/* tell_base - all names of a login without its subaddress, if it has one */
static enum error
tell_base(struct store_txn *txn, const struct login *login, const struct teller *to)
{
	struct login base, stands_for;

	if (!login_strip_subaddress(
		login, store_settings(txn)->subaddress_delimiter, &base))
		return OK;
	return tell(txn, &base, to, &stands_for);
}

enum error
lock_lookup_names(struct store_txn *txn, const struct login *login,
    enum error (*fn)(void *arg, const struct login *name), void *arg)
{
	const struct teller to = {fn, arg};
	struct login stands_for;

	return tell(txn, login, &to, &stands_for);
}

/* add_tenant - the lock of the tenant whose login this is, if there is one */
static enum error
add_tenant(struct store_txn *txn, const struct login *login, struct lock_state *out)
{
	struct tenant t;
	bool found;
	enum error e = tenant_table_of(txn, login, &t, &found);

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

struct finding {
	struct store_txn *txn;
	instant now;
	struct lock_state *out;
	struct text *steps;
	struct login last; /* that a line was written for */
};

/* find - the locks of one name */
static enum error
find(void *arg, const struct login *name)
{
	struct finding *f = arg;
	struct lock_state own = {.set = false};
	enum error e = lock_table_add_login(f->txn, name, &own);

	if (e != OK || !own.set)
		return e;
	lock_state_add(f->out, own.until);
	if (f->steps != NULL && !login_equal(&f->last, name)) {
		steps_lock(f->steps, name, &own, f->now);
		f->last = *name;
	}
	return OK;
}

enum error
lock_lookup_login(struct store_txn *txn, const struct login *login, instant now,
    struct lock_state *out_r, struct text *steps)
{
	struct finding f = {.txn = txn, .now = now, .out = out_r, .steps = steps};
	const struct teller to = {find, &f};
	struct login stands_for;
	enum error e;

	out_r->set = false;
	if (store_meta(txn)->locks == 0)
		return OK;
	e = tell(txn, login, &to, &stands_for);
	if (e == OK)
		e = tell_base(txn, login, &to);
	return e == OK && !login_equal(login, &stands_for)
	    ? tell_base(txn, &stands_for, &to)
	    : e;
}
