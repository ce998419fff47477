/* SPDX-License-Identifier: BSD-2-Clause */
/* alias - the commands on login aliases */
#include "policy/tables/alias_table.h"

#include "policy/ctl/commands/locking.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/model/address.h"
#include "policy/tables/ownership.h"

/* alias_print - MAILBOX is NULL for a login that is no alias now */
static enum error
alias_print(void *arg, const struct login *login, const struct login *mailbox)
{
	struct printer *p = arg;

	print_object_start(p, NULL);
	print_text(p, "login", login->text);
	print_text(p, "mailbox", mailbox != NULL ? mailbox->text : "");
	print_object_end(p);
	return OK;
}

enum error
ctl_alias_add(struct ctl *c)
{
	struct login_locks was;
	const struct opening opening = {.harmless = true}; /* but for the usage */
	struct login mailbox, login;
	enum error e = opening_guard_begin(c);

	if (e == OK)
		e = ownership_mailbox(c->txn, argument_word(c, 0), &mailbox, &c->why);
	if (e == OK)
		e = address_login(
		    store_settings(c->txn), argument_word(c, 1), &login, &c->why);
	if (e == OK)
		e = locking_read(c, &login, &was);
	if (e == OK)
		e = ownership_add_alias(c->txn, &mailbox, &login, &c->why);
	if (e == OK)
		e = locking_check_alias(c, &login, &was);
	if (e == OK)
		e = opening_guard_check(c, &opening);
	if (e != OK)
		return e;
	print_line(&c->print, "login %s %s mailbox %s", login.text,
	    argument_option(c, OPT_DRY_RUN) != NULL ? "would be" : "is", mailbox.text);
	return alias_print(&c->print, &login, &mailbox);
}

enum error
ctl_alias_remove(struct ctl *c)
{
	struct login_locks was;
	const struct opening opening = {.harmless = true}; /* but for the usage */
	struct login login;
	enum error e = opening_guard_begin(c);

	if (e == OK)
		e = address_login(
		    store_settings(c->txn), argument_word(c, 0), &login, &c->why);
	if (e == OK)
		e = locking_read(c, &login, &was);
	if (e == OK)
		e = alias_table_remove(c->txn, &login);
	if (e == ERR_NOTFOUND)
		return error_set(&c->why, e, "login %s is no alias", login.text);
	if (e == OK)
		e = locking_check_alias(c, &login, &was);
	if (e == OK)
		e = opening_guard_check(c, &opening);
	if (e != OK)
		return e;
	print_line(&c->print, "login %s %s", login.text,
	    argument_option(c, OPT_DRY_RUN) != NULL ? "would be no alias"
						    : "is no alias now");
	return alias_print(&c->print, &login, NULL);
}

enum error
ctl_alias_list(struct ctl *c)
{
	static const struct print_column columns[] = {
	    {"login", "LOGIN"}, {"mailbox", "MAILBOX"}, {NULL, NULL}};
	struct login mailbox;
	bool one = c->options.words > 0;
	enum error e = one
	    ? ownership_mailbox(c->txn, argument_word(c, 0), &mailbox, &c->why)
	    : OK;

	if (e != OK)
		return e;
	print_table(&c->print, columns, "");
	e = alias_table_each(c->txn, one ? &mailbox : NULL, alias_print, &c->print);
	if (e != OK || one)
		return e;
	return transaction_walked(c, c->print.objects, store_meta(c->txn)->aliases);
}
