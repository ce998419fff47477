/* SPDX-License-Identifier: BSD-2-Clause */
/* tables_model_compare.c - whether the tables in the store hold what the model holds */
#include "policy/tables/ownership.h"
#include "tests/lib/state.h"
#include "tests/lib/tables_model.h"

#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/tenant_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTE_SIZE = 16 };

/* What is found while a table is walked. */
struct walk {
	const struct tables_model *model;
	int tenant, mailbox; /* whose domains or aliases */
	int count;
};

/* name_number - the name's number in the model */
static int
name_number(const char *text)
{
	for (int i = 0; i < TABLES_MODEL_NAMES; i++)
		if (strcmp(tables_model_name(i), text) == 0)
			return i;
	ck_abort_msg("%s is no name of the model's", text);
	return TABLES_MODEL_NONE;
}

static int
domain_number(const char *text)
{
	for (int i = 0; i <= TABLES_MODEL_ANY; i++)
		if (strcmp(tables_model_domain(i), text) == 0)
			return i;
	ck_abort_msg("%s is no domain of the model's", text);
	return TABLES_MODEL_NONE;
}

static enum error
tenant_check(void *arg, const struct tenant *tenant)
{
	struct walk *walk = arg;
	int number = atoi(tenant->name + 1);

	ck_assert(walk->model->tenant[number]);
	ck_assert_int_eq(
	    tenant->smtp_auth == SMTP_AUTH_DISABLED, walk->model->denies[number]);
	walk->count++;
	return OK;
}

static enum error
domain_check(void *arg, const char *domain, const char *tenant)
{
	struct walk *walk = arg;
	int owner = walk->model->owner[domain_number(domain)];

	ck_assert_int_ne(owner, TABLES_MODEL_NONE);
	ck_assert_str_eq(tenant, tables_model_tenant(owner));
	walk->count++;
	return OK;
}

static enum error
domain_of_check(void *arg, const char *domain, const char *tenant)
{
	struct walk *walk = arg;

	(void)tenant;
	ck_assert_int_eq(walk->model->owner[domain_number(domain)], walk->tenant);
	walk->count++;
	return OK;
}

static enum error
mailbox_check(void *arg, const struct login *address, const struct mailbox *mailbox)
{
	struct walk *walk = arg;
	int number = name_number(address->text);
	char note[NOTE_SIZE];

	snprintf(note, sizeof(note), "%d", walk->model->setting[number]);
	ck_assert_str_eq(mailbox->note, note);
	walk->count++;
	return OK;
}

static enum error
alias_check(void *arg, const struct login *login, const struct login *mailbox)
{
	struct walk *walk = arg;
	int target = walk->model->target[name_number(login->text)];

	ck_assert_int_ne(target, TABLES_MODEL_NONE);
	ck_assert_str_eq(mailbox->text, tables_model_name(target));
	if (walk->mailbox != TABLES_MODEL_NONE)
		ck_assert_int_eq(target, walk->mailbox);
	walk->count++;
	return OK;
}

static void
tenants_compare(const struct tables_model *model, struct store_txn *txn)
{
	struct walk walk = {model, 0, 0, 0};
	int tenants = 0, domains = 0;

	for (int i = 0; i < TABLES_MODEL_TENANTS; i++) {
		int of_tenant = 0;

		tenants += model->tenant[i];
		for (int k = 0; k <= TABLES_MODEL_ANY; k++)
			of_tenant += model->owner[k] == i;
		domains += of_tenant;
		walk.tenant = i;
		walk.count = 0;
		expect_ok(domain_table_each(
		    txn, tables_model_tenant(i), domain_of_check, &walk));
		ck_assert_int_eq(walk.count, of_tenant);
	}
	walk.count = 0;
	expect_ok(tenant_table_each(txn, tenant_check, &walk));
	ck_assert_int_eq(walk.count, tenants);
	ck_assert_uint_eq(store_meta(txn)->tenants, (unsigned)tenants);
	walk.count = 0;
	expect_ok(domain_table_each(txn, NULL, domain_check, &walk));
	ck_assert_int_eq(walk.count, domains);
	ck_assert_uint_eq(store_meta(txn)->domains, (unsigned)domains);
}

static void
mailboxes_compare(const struct tables_model *model, struct store_txn *txn)
{
	struct walk walk = {model, 0, TABLES_MODEL_NONE, 0};
	int mailboxes = 0, aliases = 0;

	for (int i = 0; i < TABLES_MODEL_NAMES; i++) {
		mailboxes += model->setting[i] != 0;
		aliases += model->target[i] != TABLES_MODEL_NONE;
	}
	expect_ok(mailbox_table_each(txn, NULL, mailbox_check, &walk));
	ck_assert_int_eq(walk.count, mailboxes);
	ck_assert_uint_eq(store_meta(txn)->mailboxes, (unsigned)mailboxes);
	walk.count = 0;
	expect_ok(alias_table_each(txn, NULL, alias_check, &walk));
	ck_assert_int_eq(walk.count, aliases);
	ck_assert_uint_eq(store_meta(txn)->aliases, (unsigned)aliases);
}

/* aliases_compare - of each mailbox, by the index */
static void
aliases_compare(const struct tables_model *model, struct store_txn *txn)
{
	for (int i = 0; i < TABLES_MODEL_NAMES; i++) {
		struct walk walk = {model, 0, i, 0};
		struct login login = login_make(tables_model_name(i));
		int aliases = 0;

		for (int k = 0; k < TABLES_MODEL_NAMES; k++)
			aliases += model->target[k] == i;
		expect_ok(alias_table_each(txn, &login, alias_check, &walk));
		ck_assert_int_eq(walk.count, aliases);
	}
}

/* owners_compare - the tenant of each name's login */
static void
owners_compare(const struct tables_model *model, struct store_txn *txn)
{
	for (int i = 0; i < TABLES_MODEL_NAMES; i++) {
		int domain = tables_model_domain_of(i);
		int owner = domain == TABLES_MODEL_NONE ? TABLES_MODEL_NONE
							: model->owner[domain];
		struct login login = login_make(tables_model_name(i));
		struct tenant tenant;
		bool found;

		if (owner == TABLES_MODEL_NONE)
			owner = model->owner[TABLES_MODEL_ANY];
		expect_ok(ownership_of_login(txn, &login, &tenant, &found));
		ck_assert_int_eq(found, owner != TABLES_MODEL_NONE);
		if (found)
			ck_assert_str_eq(tenant.name, tables_model_tenant(owner));
	}
}

void
tables_model_compare(const struct tables_model *model, struct store_txn *txn)
{
	tenants_compare(model, txn);
	mailboxes_compare(model, txn);
	aliases_compare(model, txn);
	owners_compare(model, txn);
}
