/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tables_removal.c - removing tenants and domains, and what guards them. */
#include "policy/tables/ownership.h"
#include "policy/tables/removal.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/tenant_table.h"

#include <string.h>

static struct state state;
static struct store *store;
static struct store_txn *txn;
static struct error_text why;

/* setup - acme owns acme.test and is disabled, open owns open.test and is enabled */
static void
setup(void)
{
	state_begin(&state, &store, &txn);
	tenant_store_with(txn, "acme", SMTP_AUTH_DISABLED, "acme.test");
	tenant_store_with(txn, "open", SMTP_AUTH_ENABLED, "open.test");
	why.text[0] = '\0';
}

/* teardown - whatever happened, the database holds */
static void
teardown(void)
{
	state_end(&store, &txn);
}

/* why_expect - the line for the person names these */
static void
why_expect(const char *name, const char *other)
{
	ck_assert_msg(strstr(why.text, name) != NULL && strstr(why.text, other) != NULL,
	    "\"%s\" does not name %s and %s", why.text, name, other);
}

START_TEST(removing_a_domain_is_guarded)
{
	struct login alias = login_make("jd");

	expect_error(ERR_NOTFOUND, removal_domain(txn, "free.test", false, &why));
	why_expect("free.test", "no tenant");
	expect_error(ERR_PROTECTED, removal_domain(txn, "acme.test", false, &why));
	why_expect("acme", "unknown-tenant is accept");
	domain_expect(txn, "acme.test", "acme");
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "");
	expect_error(ERR_CONFLICT, removal_domain(txn, "acme.test", true, &why));
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_INHERIT, "");
	alias_store(txn, "jane@acme.test", "jd");
	expect_error(ERR_CONFLICT, removal_domain(txn, "acme.test", true, &why));
	domain_expect(txn, "acme.test", "acme");
	expect_ok(alias_table_remove(txn, &alias));
	expect_ok(removal_domain(txn, "acme.test", true, &why));
	domain_expect(txn, "acme.test", NULL);
	expect_ok(removal_domain(txn, "open.test", false, &why));
	domain_expect(txn, "open.test", NULL);
}
END_TEST

START_TEST(nothing_protects_where_unknown_tenants_do_not_pass)
{
	setting_store(txn, "unknown-tenant", _i == 0 ? "reject" : "tempfail");
	expect_ok(removal_domain(txn, "acme.test", false, &why));
	expect_ok(removal_tenant(txn, "acme", false, &why));
}
END_TEST

START_TEST(lock_protects_as_well)
{
	expect_ok(removal_domain(txn, "open.test", false, &why));
	domain_store(txn, "open.test", "open");
	lock_store_tenant(txn, "open", INSTANT_NONE);
	expect_error(ERR_PROTECTED, removal_domain(txn, "open.test", false, &why));
	expect_error(ERR_PROTECTED, removal_tenant(txn, "open", false, &why));
	expect_ok(removal_tenant(txn, "open", true, &why));
}
END_TEST

START_TEST(catch_all_that_passes_lets_go_of_nobody)
{
	setting_store(txn, "unknown-tenant", "reject");
	expect_ok(ownership_add_domain(txn, DOMAIN_ANY, "open", false, &why));
	expect_error(ERR_PROTECTED, removal_domain(txn, "acme.test", false, &why));
	expect_error(ERR_PROTECTED, removal_tenant(txn, "acme", false, &why));
	lock_store_tenant(txn, "open", INSTANT_NONE);
	expect_ok(removal_domain(txn, "acme.test", false, &why));
}
END_TEST

START_TEST(removing_a_tenant_is_guarded)
{
	struct tenant tenant;
	bool found;

	expect_error(ERR_NOTFOUND, removal_tenant(txn, "nobody", true, &why));
	expect_error(ERR_PROTECTED, removal_tenant(txn, "acme", false, &why));
	why_expect("acme", "its logins would pass");
	mailbox_store(txn, "jane@open.test", SMTP_AUTH_ENABLED, "");
	expect_error(ERR_CONFLICT, removal_tenant(txn, "open", false, &why));
	why_expect("open", "mailboxes, which are removed, too");
	mailbox_expect(txn, "jane@open.test", true);
	domain_expect(txn, "open.test", "open");
	expect_ok(tenant_table_get(txn, "open", &tenant, &found));
	ck_assert(found);
	mailbox_store(txn, "jane@open.test", SMTP_AUTH_INHERIT, "");
	expect_ok(removal_tenant(txn, "open", false, &why));
	domain_expect(txn, "open.test", NULL);
	expect_ok(tenant_table_get(txn, "open", &tenant, &found));
	ck_assert(!found);
}
END_TEST

START_TEST(removing_a_tenant_takes_all_that_is_its)
{
	domain_store(txn, "two.test", "acme");
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "jane@two.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "jane@open.test", SMTP_AUTH_ENABLED, "");
	alias_store(txn, "jane@acme.test", "jd");
	alias_store(txn, "jane@acme.test", "jd@acme.test");
	alias_store(txn, "john@two.test", "jd2@free.test");
	alias_store(txn, "jane@open.test", "kept");
	expect_ok(removal_tenant(txn, "acme", true, &why));
	mailbox_expect(txn, "jane@acme.test", false);
	mailbox_expect(txn, "jane@two.test", false);
	mailbox_expect(txn, "jane@open.test", true);
	alias_expect(txn, "jd", NULL);
	alias_expect(txn, "jd@acme.test", NULL);
	alias_expect(txn, "jd2@free.test", NULL);
	alias_expect(txn, "kept", "jane@open.test");
	domain_expect(txn, "two.test", NULL);
	ck_assert_uint_eq(store_meta(txn)->tenants, 1);
	ck_assert_uint_eq(store_meta(txn)->domains, 1);
	ck_assert_uint_eq(store_meta(txn)->mailboxes, 1);
	ck_assert_uint_eq(store_meta(txn)->aliases, 1);
}
END_TEST

/* rest_store - a catch-all tenant that denies nothing */
static void
rest_store(void)
{
	tenant_store_with(txn, "rest", SMTP_AUTH_ENABLED, DOMAIN_ANY);
}

START_TEST(catch_all_is_used_by_mailboxes_of_no_owner)
{
	rest_store();
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "");
	expect_ok(removal_domain(txn, DOMAIN_ANY, false, &why));
	domain_store(txn, DOMAIN_ANY, "rest");
	mailbox_store(txn, "jane@zfree.test", SMTP_AUTH_ENABLED, "");
	expect_error(ERR_CONFLICT, removal_domain(txn, DOMAIN_ANY, true, &why));
	expect_error(ERR_CONFLICT, removal_tenant(txn, "rest", false, &why));
	mailbox_store(txn, "jane@afree.test", SMTP_AUTH_ENABLED, "");
	alias_store(txn, "jane@afree.test", "jd");
	expect_ok(removal_tenant(txn, "rest", true, &why));
	mailbox_expect(txn, "jane@zfree.test", false);
	mailbox_expect(txn, "jane@afree.test", false);
	alias_expect(txn, "jd", NULL);
	mailbox_expect(txn, "jane@acme.test", true);
}
END_TEST

START_TEST(mailbox_without_a_domain_does_not_hide_the_others)
{
	struct login login = login_make("jane");
	struct mailbox mailbox;

	rest_store();
	mailbox_store(txn, "jane@free.test", SMTP_AUTH_ENABLED, "");
	mailbox_init(&mailbox);
	mailbox.smtp_auth = SMTP_AUTH_ENABLED;
	expect_ok(mailbox_table_put(txn, &login, &mailbox));
	expect_error(ERR_DAMAGED, removal_domain(txn, DOMAIN_ANY, true, &why));
	expect_error(ERR_DAMAGED, removal_tenant(txn, "rest", false, &why));
	expect_ok(mailbox_table_remove(txn, &login));
}
END_TEST

START_TEST(catch_all_is_used_by_aliases_of_no_owner)
{
	rest_store();
	alias_store(txn, "jane@free.test", "jd");
	expect_error(ERR_CONFLICT, removal_domain(txn, DOMAIN_ANY, true, &why));
}
END_TEST

START_TEST(removing_the_catch_all_takes_its_aliases)
{
	rest_store();
	alias_store(txn, "jane@free.test", "jd");
	alias_store(txn, "jane@acme.test", "kept");
	expect_ok(removal_tenant(txn, "rest", true, &why));
	alias_expect(txn, "jd", NULL);
	alias_expect(txn, "kept", "jane@acme.test");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tables_removal");
	TCase *tcase = state_add_case(suite, "tables_removal");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, removing_a_domain_is_guarded);
	tcase_add_loop_test(
	    tcase, nothing_protects_where_unknown_tenants_do_not_pass, 0, 2);
	tcase_add_test(tcase, lock_protects_as_well);
	tcase_add_test(tcase, catch_all_that_passes_lets_go_of_nobody);
	tcase_add_test(tcase, removing_a_tenant_is_guarded);
	tcase_add_test(tcase, removing_a_tenant_takes_all_that_is_its);
	tcase_add_test(tcase, catch_all_is_used_by_mailboxes_of_no_owner);
	tcase_add_test(tcase, mailbox_without_a_domain_does_not_hide_the_others);
	tcase_add_test(tcase, catch_all_is_used_by_aliases_of_no_owner);
	tcase_add_test(tcase, removing_the_catch_all_takes_its_aliases);
	return suite_run(suite);
}
