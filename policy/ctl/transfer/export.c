/* SPDX-License-Identifier: BSD-2-Clause */
/* export - the command that prints the policy as import takes it */
#include <string.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/import/jsonl.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"
#include "policy/tables/verify.h"

static const struct print_column csv_columns[] = {{"address", ""}, {"smtp_auth", ""},
    {"until", ""}, {"clients", ""}, {"note", ""}, {NULL, NULL}};

struct exporter {
	struct ctl *c;
	struct printer print;
	char only[TENANT_NAME_MAX + 1]; /* "": all tenants */
	uint64_t mailboxes, locks;
};

static void
export_start(struct exporter *x, const char *type, const char *key, const char *name)
{
	print_object_start(&x->print, NULL);
	print_text(&x->print, "type", type);
	print_text(&x->print, key, name);
}

/* export_settings - those that are not at their default, in the order of the manual */
static enum error
export_settings(struct exporter *x)
{
	char text[SETTING_TEXT_MAX + 1];
	const struct setting *row;
	bool found;
	enum error e;

	for (size_t i = 0; (row = settings_at(i)) != NULL; i++) {
		e = store_get_setting(x->c->txn, row, text, sizeof text, &found);
		if (e != OK)
			return e;
		if (!found)
			continue;
		export_start(x, "setting", "key", row->key);
		print_string(&x->print, "value", text);
		print_object_end(&x->print);
	}
	return OK;
}

static enum error
export_domain(void *arg, const char *domain, const char *tenant)
{
	(void)tenant;
	print_item(arg, domain, strlen(domain));
	return OK;
}

static enum error
export_tenant(void *arg, const struct tenant *t)
{
	struct exporter *x = arg;
	enum error e;

	export_start(x, "tenant", "name", t->name);
	print_array_start(&x->print, "domains");
	e = domain_table_each(x->c->txn, t->name, export_domain, &x->print);
	print_array_end(&x->print);
	object_text_tenant(&x->print, t, NULL, x->c->now);
	print_object_end(&x->print);
	if (e == OK && x->print.bytes > JSONL_LINE_MAX)
		return error_set(&x->c->why, ERR_LIMIT,
		    "the domains of tenant %s do not fit into a line of %zu bytes, which is what import takes; use backup, or a snapshot",
		    t->name, JSONL_LINE_MAX);
	return e;
}

static enum error
export_mailbox(void *arg, const struct login *address, const struct mailbox *m)
{
	struct exporter *x = arg;

	x->mailboxes++;
	export_start(x, "mailbox", "address", address->text);
	object_text_mailbox(&x->print, m, NULL, x->c->now);
	print_object_end(&x->print);
	return OK;
}

static enum error
export_alias(void *arg, const struct login *login, const struct login *mailbox)
{
	struct exporter *x = arg;

	export_start(x, "alias", "login", login->text);
	print_text(&x->print, "mailbox", mailbox->text);
	print_object_end(&x->print);
	return OK;
}

/* export_lock - if it is of the tenant of --tenant, or of any */
static enum error
export_lock(
    struct exporter *x, const struct lock_subject *subject, const struct lock *lock)
{
	char tenant[TENANT_NAME_MAX + 1] = "";
	enum error e =
	    x->only[0] != '\0' ? ownership_of_lock(x->c->txn, subject, tenant) : OK;

	if (e != OK || strcmp(tenant, x->only) != 0)
		return e;
	export_start(x, "lock", subject->kind == LOCK_TENANT ? "tenant" : "login",
	    lock_table_subject_name(subject));
	object_text_lock_members(&x->print, lock);
	print_object_end(&x->print);
	return OK;
}

/* export_brought - a lock that was brought, or the one made here that ends later */
static enum error
export_brought(
    void *arg, const struct lock_subject *subject, const struct lock *brought)
{
	struct exporter *x = arg;
	struct lock_state last = {.set = true, .until = brought->until};
	struct lock here;
	bool found;
	enum error e =
	    lock_table_get(x->c->txn, LOCK_MADE_HERE, subject, &here, &found);

	x->locks++;
	if (e != OK)
		return e;
	if (!found)
		return export_lock(x, subject, brought);
	lock_state_add(&last, here.until);
	return export_lock(x, subject, last.until == here.until ? &here : brought);
}

/* export_made_here - a lock that only this machine has */
static enum error
export_made_here(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	struct exporter *x = arg;
	struct lock brought;
	bool found;
	enum error e =
	    lock_table_get(x->c->txn, LOCK_BROUGHT, subject, &brought, &found);

	x->locks++;
	return e == OK && !found ? export_lock(x, subject, lock) : e;
}

/* export_locks - one line for each tenant or login, wherever its lock was made */
static enum error
export_locks(struct exporter *x)
{
	struct store_txn *txn = x->c->txn;
	enum error e = lock_table_each(txn, LOCK_BROUGHT, export_brought, x);

	if (e == OK)
		e = lock_table_each(txn, LOCK_MADE_HERE, export_made_here, x);
	return e == OK ? transaction_walked(x->c, x->locks, store_meta(txn)->locks) : e;
}

static enum error
export_mailboxes(struct exporter *x)
{
	struct store_txn *txn = x->c->txn;
	enum error e;

	if (x->only[0] != '\0')
		return ownership_each_mailbox(txn, x->only, export_mailbox, x);
	e = mailbox_table_each(txn, NULL, export_mailbox, x);
	return e == OK
	    ? transaction_walked(x->c, x->mailboxes, store_meta(txn)->mailboxes)
	    : e;
}

/* export_one - the tenant T, and what is its own */
static enum error
export_one(struct exporter *x, const struct tenant *t)
{
	enum error e = export_tenant(x, t);

	if (e == OK)
		e = export_mailboxes(x);
	if (e == OK)
		e = ownership_each_alias(x->c->txn, t->name, export_alias, x);
	return e == OK ? export_locks(x) : e;
}

static enum error
export_all(struct exporter *x)
{
	enum error e = export_settings(x);

	if (e == OK)
		e = tenant_table_each(x->c->txn, export_tenant, x);
	if (e == OK)
		e = export_mailboxes(x);
	if (e == OK)
		e = alias_table_each(x->c->txn, NULL, export_alias, x);
	return e == OK ? export_locks(x) : e;
}

enum error
ctl_export(struct ctl *c)
{
	const char *format = argument_option(c, OPT_FORMAT);
	const char *tenant = argument_option(c, OPT_TENANT);
	bool csv = format != NULL && strcmp(format, "csv") == 0;
	struct exporter x = {.c = c};
	struct tenant t;
	enum error e;

	if (format != NULL && !csv && strcmp(format, "jsonl") != 0)
		return error_set(&c->why, ERR_USAGE,
		    "bad value \"%s\" for --format: use csv or jsonl", format);
	/* of a damaged database nothing is exported, however little it is */
	e = verify_txn(c->txn, NULL, &c->why);
	if (e == OK && tenant != NULL)
		e = argument_tenant(c, tenant, &t);
	if (e != OK)
		return e;
	if (tenant != NULL)
		memcpy(x.only, t.name, sizeof x.only);
	print_open(&x.print, c->out, !csv);
	if (csv) {
		print_csv(&x.print, csv_columns);
		e = export_mailboxes(&x);
	} else {
		e = tenant != NULL ? export_one(&x, &t) : export_all(&x);
	}
	print_close(&x.print);
	return e == OK || c->why.text[0] != '\0' ? e
						 : store_about(&c->why, e, c->store);
}
