/* SPDX-License-Identifier: BSD-2-Clause */
/* resolve - the mailbox that a login in normal form stands for */
#include "policy/decision/resolve.h"

#include "policy/decision/steps.h"
#include "policy/tables/alias_table.h"

/* follow_alias - the mailbox a login is an alias of takes its place */
static enum error
follow_alias(
    struct store_txn *txn, struct login *login, struct text *steps, bool *found_r)
{
	struct login mailbox;
	enum error e = alias_table_get(txn, login, &mailbox, found_r);

	if (e != OK || !*found_r)
		return e;
	*login = mailbox;
	steps_login(steps, "alias of mailbox:", login->text, login->len);
	return OK;
}

/* drop_domain - where no domain counts, default-domain will take its place */
static void
drop_domain(const struct settings *settings, struct login *login, struct text *steps)
{
	if (!login->has_domain)
		return;
	if (!settings_replace_domain(settings)) {
		if (settings->login_domain == LOGIN_DOMAIN_DEFAULT)
			steps_add(steps,
			    "login-domain is default, but default-domain is not set: the domain counts");
		return;
	}
	login_drop_domain(login);
	steps_login(steps,
	    "login-domain is default, so the domain does not count:", login->text,
	    login->len);
}

/* With the default domain it is the same login spelt out, so it may be an alias. */
enum error
resolve_login(struct store_txn *txn, struct login *login, struct text *steps)
{
	const struct settings *settings = store_settings(txn);
	bool found;
	enum error e;

	drop_domain(settings, login, steps);
	e = follow_alias(txn, login, steps, &found);
	if (e != OK || found || login->has_domain)
		return e;
	if (settings->default_domain[0] == '\0') {
		steps_add(steps, "no domain, and default-domain is not set");
		return OK;
	}
	e = login_append_domain(login, settings->default_domain);
	if (e != OK)
		return ERR_DATA;
	steps_login(steps, "with default-domain:", login->text, login->len);
	return follow_alias(txn, login, steps, &found);
}
