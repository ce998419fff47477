/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tables_random.c - many random operations on the tables, beside a model. */
#include "policy/tables/ownership.h"
#include "policy/tables/removal.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/tables_model.h"

#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/tenant_table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { OPERATIONS = 2000, COMPARE_EVERY = 100, SEEDS = 3, ERRORS = 32 };

static struct state state;
static struct store *store;
static struct store_txn *txn;
static struct tables_model model;
static struct error_text why;
static uint64_t dice;

static void
setup(void)
{
	state_open_ready(&state);
	store = state_store(&state, STORE_WRITE);
	tables_model_init(&model);
}

static void
teardown(void)
{
	store_close(&store);
}

/* roll - a number from 0 to SIDES - 1 (splitmix64) */
static int
roll(int sides)
{
	uint64_t z = dice += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (int)((z ^ (z >> 31)) % (uint64_t)sides);
}

static int
roll_user(void)
{
	return roll(TABLES_MODEL_DOMAINS) * TABLES_MODEL_LOCALS +
	    roll(TABLES_MODEL_USERS);
}

static enum error
tenant_put(void)
{
	int tenant = roll(TABLES_MODEL_TENANTS), denies = roll(2);

	tenant_store(txn, tables_model_tenant(tenant),
	    denies ? SMTP_AUTH_DISABLED : SMTP_AUTH_ENABLED);
	return tables_model_tenant_put(&model, tenant, denies != 0);
}

static enum error
tenant_remove(void)
{
	int tenant = roll(TABLES_MODEL_TENANTS);
	bool force = roll(4) == 0;
	enum error e = tables_model_tenant_remove(&model, tenant, force);

	expect_error(e, removal_tenant(txn, tables_model_tenant(tenant), force, &why));
	return e;
}

static enum error
domain_add(void)
{
	int domain = roll(TABLES_MODEL_DOMAINS + 1),
	    tenant = roll(TABLES_MODEL_TENANTS);
	bool move = roll(3) == 0;
	enum error e;

	if (!model.tenant[tenant])
		return ERR_NOTFOUND; /* whoever calls has to look */
	e = tables_model_domain_add(&model, domain, tenant, move);
	expect_error(e,
	    ownership_add_domain(txn, tables_model_domain(domain),
		tables_model_tenant(tenant), move, &why));
	return e;
}

static enum error
domain_remove(void)
{
	int domain = roll(TABLES_MODEL_DOMAINS + 1);
	bool force = roll(2) == 0;
	enum error e = tables_model_domain_remove(&model, domain, force);

	expect_error(e, removal_domain(txn, tables_model_domain(domain), force, &why));
	return e;
}

static enum error
mailbox_put(void)
{
	int name = roll_user(), note = 1 + roll(3);
	char text[16];

	if (model.target[name] != TABLES_MODEL_NONE)
		return ERR_CONFLICT; /* an alias: its mailbox would be meant */
	snprintf(text, sizeof(text), "%d", note);
	mailbox_store(txn, tables_model_name(name), SMTP_AUTH_ENABLED, text);
	return tables_model_mailbox_put(&model, name, note);
}

static enum error
mailbox_remove(void)
{
	int name = roll_user();
	struct login login = login_make(tables_model_name(name));
	enum error e = tables_model_mailbox_remove(&model, name);

	expect_error(e, mailbox_table_remove(txn, &login));
	return e;
}

static enum error
alias_add(void)
{
	int mailbox = roll_user(), name = roll(TABLES_MODEL_NAMES);
	struct login target = login_make(tables_model_name(mailbox));
	struct login login = login_make(tables_model_name(name));
	enum error e;

	/* those of the catch-all's mailboxes: see check_tables.c */
	if (model.owner[tables_model_domain_of(mailbox)] == TABLES_MODEL_NONE)
		return ERR_NOTFOUND;
	e = tables_model_alias_add(&model, mailbox, name);
	expect_error(e, ownership_add_alias(txn, &target, &login, &why));
	return e;
}

static enum error
alias_remove(void)
{
	int name = roll(TABLES_MODEL_NAMES);
	struct login login = login_make(tables_model_name(name));
	enum error e = tables_model_alias_remove(&model, name);

	expect_error(e, alias_table_remove(txn, &login));
	return e;
}

/* operate - one operation in a transaction of its own; returns what became of it */
static enum error
operate(void)
{
	static enum error (*const operations[])(void) = {tenant_put, tenant_remove,
	    domain_add, domain_add, domain_remove, mailbox_put, mailbox_put,
	    mailbox_remove, alias_add, alias_add, alias_add, alias_remove};
	struct tables_model before = model;
	enum error e;

	txn = txn_begin(store);
	e = operations[roll(sizeof(operations) / sizeof(*operations))]();
	if (e == OK && roll(10) > 0) {
		txn_commit(&txn);
		return e;
	}
	model = before;
	store_abort(&txn);
	return e;
}

START_TEST(tables_follow_the_model)
{
	int seen[ERRORS] = {0};

	dice = (uint64_t)_i;
	for (int i = 1; i <= OPERATIONS; i++) {
		seen[operate()]++;
		if (i % COMPARE_EVERY != 0)
			continue;
		store_expect_sound(store);
		txn = txn_begin(store);
		tables_model_compare(&model, txn);
		store_abort(&txn);
	}
	/* or the test would prove little */
	ck_assert_int_gt(seen[OK], OPERATIONS / 4);
	ck_assert_int_gt(seen[ERR_NOTFOUND], 20);
	ck_assert_int_gt(seen[ERR_CONFLICT], 20);
	ck_assert_int_gt(seen[ERR_EXISTS], 5);
	ck_assert_int_gt(seen[ERR_PROTECTED], 5);
}
END_TEST

START_TEST(everything_removed_leaves_an_empty_database)
{
	struct digest none;

	txn = txn_begin(store);
	none = store_meta(txn)->digest;
	store_abort(&txn);
	dice = SEEDS;
	for (int i = 0; i < COMPARE_EVERY * 3; i++)
		operate();
	txn = txn_begin(store);
	for (int i = 0; i < TABLES_MODEL_TENANTS; i++)
		expect_error(tables_model_tenant_remove(&model, i, true),
		    removal_tenant(txn, tables_model_tenant(i), true, &why));
	tables_model_compare(&model, txn);
	for (int i = 0; i < TABLES_MODEL_NAMES; i++) {
		struct login login = login_make(tables_model_name(i));
		enum error e = tables_model_mailbox_remove(&model, i);

		/* what stayed in domains that nobody owned */
		expect_error(e, mailbox_table_remove(txn, &login));
	}
	tables_model_compare(&model, txn);
	ck_assert_mem_eq(&store_meta(txn)->digest, &none, sizeof(none));
	txn_commit(&txn);
	ck_assert_uint_eq(store_expect_sound(store), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tables_random");
	TCase *tcase = state_add_case(suite, "tables_random");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, tables_follow_the_model, 0, SEEDS);
	tcase_add_test(tcase, everything_removed_leaves_an_empty_database);
	return suite_run(suite);
}
