/* SPDX-License-Identifier: BSD-2-Clause */
/* alias - the commands on login aliases */
#include "policy/tables/alias_table.h"

#include "policy/ctl/commands/lock.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output.h"
#include "policy/decision/lock_lookup.h"

/* json_alias - MAILBOX is NULL for a login that is none any more */
static void
json_alias(struct ctl *c, const struct login *login, const struct login *mailbox)
{
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "login", login->text);
	json_text(&j, "mailbox", mailbox != NULL ? mailbox->text : NULL);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

enum error
ctl_alias_add(struct ctl *c)
{
	struct lock_state was = {.set = false};
	struct login mailbox, login;
	enum error e = ctl_mailbox(c, ctl_word(c, 0), &mailbox);

	if (e == OK)
		e = ctl_login(c, ctl_word(c, 1), &login);
	if (e == OK)
		e = lock_lookup_tenant(c->txn, &login, &was);
	if (e == OK)
		e = alias_table_add(c->txn, &mailbox, &login, &c->why);
	if (e == OK)
		e = lock_check_alias(c, &login, &was);
	if (e != OK)
		return e;
	if (c->options.json)
		json_alias(c, &login, &mailbox);
	else
		show_line(c->out, "login %s is mailbox %s", login.text, mailbox.text);
	return OK;
}

enum error
ctl_alias_remove(struct ctl *c)
{
	struct lock_state was = {.set = false};
	struct login login;
	enum error e = ctl_login(c, ctl_word(c, 0), &login);

	if (e == OK)
		e = lock_lookup_tenant(c->txn, &login, &was);
	if (e == OK)
		e = alias_table_remove(c->txn, &login);
	if (e == ERR_NOTFOUND)
		return error_set(&c->why, e, "login %s is no alias", login.text);
	if (e == OK)
		e = lock_check_alias(c, &login, &was);
	if (e != OK)
		return e;
	if (c->options.json)
		json_alias(c, &login, NULL);
	else
		show_line(c->out, "login %s is no alias now", login.text);
	return OK;
}

struct lister {
	struct ctl *c;
	struct listing listing;
	uint64_t walked;
};

static enum error
list_one(void *arg, const struct login *login, const struct login *mailbox)
{
	struct lister *l = arg;

	l->walked++;
	if (l->c->options.json)
		json_alias(l->c, login, mailbox);
	else
		listing_row(&l->listing, (const char *[]){login->text, mailbox->text});
	return OK;
}

enum error
ctl_alias_list(struct ctl *c)
{
	static const char *const headings[] = {"LOGIN", "MAILBOX"};
	struct lister l = {.c = c};
	struct login mailbox;
	bool one = c->options.words > 0;
	enum error e = one ? ctl_mailbox(c, ctl_word(c, 0), &mailbox) : OK;

	if (e != OK)
		return e;
	listing_start(&l.listing, c->out, 2, headings);
	e = alias_table_each(c->txn, one ? &mailbox : NULL, list_one, &l);
	listing_end(&l.listing);
	if (e != OK || one)
		return e;
	return ctl_walked(c, l.walked, store_meta(c->txn)->aliases);
}
