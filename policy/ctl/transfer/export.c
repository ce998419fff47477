/* SPDX-License-Identifier: BSD-2-Clause */
/* export - the command that prints the policy as import takes it */
#include <string.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/csv.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/import/jsonl.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/setting_table.h"
#include "policy/tables/tenant_table.h"
#include "policy/tables/verify.h"

#define CLIENTS_TEXT_MAX (CIDR_LIST_MAX * CIDR_TEXT_MAX)

struct exporter {
	struct ctl *c;
	size_t line; /* bytes of the line so far */
	char name[TENANT_NAME_MAX + 1];
	const char *only; /* NAME, or NULL */
	bool csv;
	uint64_t walked; /* mailboxes */
	uint64_t locks;
};

/* put - bytes of a line of JSON, counted */
static void
put(void *arg, const char *s, size_t n)
{
	struct exporter *x = arg;

	fwrite(s, 1, n, x->c->out);
	x->line += n;
}

static void
begin_line(struct exporter *x, struct json *j, const char *type)
{
	x->line = 0;
	json_start(j, put, x);
	json_object_start(j, NULL);
	json_quoted(j, "type", type);
}

static void
end_line(struct exporter *x, struct json *j)
{
	json_object_end(j);
	json_line_end(j, x->c->out);
}

/* put_settings - those that are not at their default, in the order of the manual */
static enum error
put_settings(struct exporter *x)
{
	char text[SETTING_TEXT_MAX + 1];
	const struct setting *row;
	struct json j;
	bool found;
	enum error e;

	for (size_t i = 0; (row = settings_at(i)) != NULL; i++) {
		e = setting_table_get(x->c->txn, row, text, sizeof text, &found);
		if (e != OK)
			return e;
		if (!found)
			continue;
		begin_line(x, &j, "setting");
		json_quoted(&j, "key", row->key);
		json_quoted(&j, "value", text);
		end_line(x, &j);
	}
	return OK;
}

static enum error
put_domain(void *arg, const char *domain, const char *tenant)
{
	(void)tenant;
	json_quoted(arg, NULL, domain);
	return OK;
}

static enum error
put_tenant(void *arg, const struct tenant *t)
{
	struct exporter *x = arg;
	struct json j;
	enum error e;

	begin_line(x, &j, "tenant");
	json_quoted(&j, "name", t->name);
	json_array_start(&j, "domains");
	e = domain_table_each(x->c->txn, t->name, put_domain, &j);
	json_array_end(&j);
	json_tenant_members(&j, t, NULL);
	end_line(x, &j);
	if (e == OK && x->line > JSONL_LINE_MAX)
		return error_set(&x->c->why, ERR_LIMIT,
		    "the domains of tenant %s do not fit into a line of %zu bytes, "
		    "which is what import takes; use backup, or a snapshot",
		    t->name, JSONL_LINE_MAX);
	return e;
}

static enum error
put_mailbox(void *arg, const struct login *address, const struct mailbox *m)
{
	struct exporter *x = arg;
	struct json j;

	x->walked++;
	begin_line(x, &j, "mailbox");
	json_quoted(&j, "address", address->text);
	json_mailbox_members(&j, m, NULL);
	end_line(x, &j);
	return OK;
}

static enum error
put_alias(void *arg, const struct login *login, const struct login *mailbox)
{
	struct exporter *x = arg;
	struct json j;

	begin_line(x, &j, "alias");
	json_quoted(&j, "login", login->text);
	json_quoted(&j, "mailbox", mailbox->text);
	end_line(x, &j);
	return OK;
}

/* is_asked_for - whether the lock is of the tenant that is exported, or of all */
static enum error
is_asked_for(struct exporter *x, const struct lock_subject *subject, bool *is_r)
{
	struct tenant t = {.name = ""};
	bool found;
	enum error e = OK;

	*is_r = x->only == NULL;
	if (*is_r)
		return OK;
	if (subject->kind == LOCK_LOGIN)
		e = ownership_of_login(x->c->txn, &subject->login, &t, &found);
	else
		memcpy(t.name, subject->tenant, sizeof t.name);
	*is_r = strcmp(t.name, x->only) == 0;
	return e;
}

static enum error
put_lock(
    struct exporter *x, const struct lock_subject *subject, const struct lock *lock)
{
	struct json j;
	bool wanted;
	enum error e = is_asked_for(x, subject, &wanted);

	if (e != OK || !wanted)
		return e;
	begin_line(x, &j, "lock");
	json_quoted(&j, subject->kind == LOCK_TENANT ? "tenant" : "login",
	    lock_subject_name(subject));
	json_lock_members(&j, lock);
	end_line(x, &j);
	return OK;
}

/* put_brought - a lock that was brought, or the one made here that ends later */
static enum error
put_brought(void *arg, const struct lock_subject *subject, const struct lock *brought)
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
		return put_lock(x, subject, brought);
	lock_state_add(&last, here.until);
	return put_lock(x, subject, last.until == here.until ? &here : brought);
}

/* put_made_here - a lock that only this machine has */
static enum error
put_made_here(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	struct exporter *x = arg;
	struct lock brought;
	bool found;
	enum error e =
	    lock_table_get(x->c->txn, LOCK_BROUGHT, subject, &brought, &found);

	x->locks++;
	return e == OK && !found ? put_lock(x, subject, lock) : e;
}

/* put_locks - one line for each tenant or login, wherever its lock was made */
static enum error
put_locks(struct exporter *x)
{
	enum error e = lock_table_each(x->c->txn, LOCK_BROUGHT, put_brought, x);

	if (e == OK)
		e = lock_table_each(x->c->txn, LOCK_MADE_HERE, put_made_here, x);
	return e == OK
	    ? transaction_walked(x->c, x->locks, store_meta(x->c->txn)->locks)
	    : e;
}

/* put_row - a mailbox as CSV, which knows no lock */
static enum error
put_row(void *arg, const struct login *address, const struct mailbox *m)
{
	struct exporter *x = arg;
	struct csv row = {x->c->out, false};
	char clients[CLIENTS_TEXT_MAX];
	struct text text;

	x->walked++;
	text_init(&text, clients, sizeof clients);
	cidr_list_print(&m->clients, &text);
	csv_text(&row, address->text);
	csv_text(&row, word_of_smtp_auth(m->smtp_auth));
	csv_instant(&row, m->until);
	csv_text(&row, clients);
	csv_text(&row, m->note);
	csv_end(&row);
	return OK;
}

/* put_mailboxes - of all tenants, or of one */
static enum error
put_mailboxes(struct exporter *x)
{
	enum error e;

	if (x->only != NULL)
		return ownership_each_mailbox(
		    x->c->txn, x->only, x->csv ? put_row : put_mailbox, x);
	e = mailbox_table_each(x->c->txn, NULL, x->csv ? put_row : put_mailbox, x);
	return e == OK
	    ? transaction_walked(x->c, x->walked, store_meta(x->c->txn)->mailboxes)
	    : e;
}

static enum error
put_csv(struct exporter *x)
{
	fputs("address,smtp_auth,until,clients,note\r\n", x->c->out);
	return put_mailboxes(x);
}

static enum error
put_all(struct exporter *x)
{
	struct tenant t;
	enum error e;

	if (x->only != NULL) {
		e = argument_tenant(x->c, x->only, &t);
		if (e == OK)
			e = put_tenant(x, &t);
	} else {
		e = put_settings(x);
		if (e == OK)
			e = tenant_table_each(x->c->txn, put_tenant, x);
	}
	if (e == OK)
		e = put_mailboxes(x);
	if (e != OK)
		return e;
	e = x->only != NULL ? ownership_each_alias(x->c->txn, x->only, put_alias, x)
			    : alias_table_each(x->c->txn, NULL, put_alias, x);
	return e == OK ? put_locks(x) : e;
}

static enum error
read_options(struct exporter *x)
{
	struct ctl *c = x->c;
	const char *format = argument_option(c, OPT_FORMAT);

	x->csv = format != NULL && strcmp(format, "csv") == 0;
	if (format != NULL && !x->csv && strcmp(format, "jsonl") != 0)
		return error_set(&c->why, ERR_USAGE,
		    "bad value \"%s\" for --format: use csv or jsonl", format);
	if (argument_option(c, OPT_TENANT) == NULL)
		return OK;
	x->only = x->name;
	return tenant_name_parse(argument_option(c, OPT_TENANT), x->name, &c->why);
}

enum error
ctl_export(struct ctl *c)
{
	struct exporter x = {.c = c};
	struct tenant t;
	enum error e = read_options(&x);

	if (e ==
	    OK) /* of a damaged database nothing is exported, however little it is */
		e = verify_txn(c->txn, NULL, &c->why);
	if (e != OK)
		return e;
	if (x.only != NULL)
		e = argument_tenant(c, x.only, &t);
	if (e == OK)
		e = x.csv ? put_csv(&x) : put_all(&x);
	if (e != OK && c->why.text[0] == '\0')
		return store_about(&c->why, e, c->store);
	return e;
}
