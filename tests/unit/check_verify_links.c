/* SPDX-License-Identifier: BSD-2-Clause */
/* check_verify_links.c - records that do not fit each other, under a right digest */
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/audit/audit_table.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/verify.h"

#include <string.h>

static struct state state;
static struct store *store;
static struct store_txn *txn;

/* setup - two tenants, a mailbox and two aliases; nobody owns "*" */
static void
setup(void)
{
	state_begin(&state, &store, &txn);
	tenant_store(txn, "acme", SMTP_AUTH_DISABLED);
	tenant_store(txn, "other", SMTP_AUTH_DISABLED);
	domain_store(txn, "acme.test", "acme");
	domain_store(txn, "other.test", "other");
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "");
	alias_store(txn, "jane@acme.test", "jd");
	alias_store(txn, "jane@acme.test", "j@free.test");
}

static void
teardown(void)
{
	state_abandon(&store, &txn);
}

/* broken_expect - the links do not hold; the line names both words */
static void
broken_expect(const char *one, const char *other)
{
	struct error_text why;

	expect_error(ERR_DAMAGED, verify_links(txn, &why));
	ck_assert_msg(strstr(why.text, one) != NULL && strstr(why.text, other) != NULL,
	    "\"%s\" does not name %s and %s", why.text, one, other);
}

/* bytes_expect - digest and counts hold, or (INDEXED not) all but the indexes */
static void
bytes_expect(bool indexed)
{
	struct error_text why;
	enum error e;

	txn_commit(&txn);
	e = verify_store(store, NULL, &why);
	txn = txn_begin(store);
	ck_assert_msg(e == (indexed ? OK : ERR_DAMAGED), "%s", why.text);
	ck_assert(indexed || strstr(why.text, "indexes") != NULL);
}

static struct key
login_key(enum table table, const char *text)
{
	struct login login = login_make(text);
	struct key key;

	key_login(&key, table, &login);
	return key;
}

static struct key
name_key(enum table table, const char *name)
{
	struct key key;

	key_name(&key, table, name);
	return key;
}

static struct key
domain_entry(const char *tenant, const char *domain)
{
	struct key key;

	key_tenant_domain(&key, tenant, domain);
	return key;
}

static struct key
alias_entry(const char *mailbox, const char *alias)
{
	struct login of = login_make(mailbox), login = login_make(alias);
	struct key key;

	key_mailbox_alias(&key, &of, &login);
	return key;
}

static void
put(struct key key, const char *value, size_t n)
{
	expect_ok(store_put(txn, &key, (struct bytes){value, n}));
}

static void
drop(struct key key)
{
	expect_ok(store_delete(txn, &key));
}

START_TEST(sound_database_holds)
{
	struct error_text why;

	bytes_expect(true);
	expect_ok(verify_links(txn, &why));
	domain_store(txn, "*", "other");
	mailbox_store(txn, "x@nobody.test", SMTP_AUTH_ENABLED, "");
	alias_store(txn, "x@nobody.test", "y@nobody.test");
	expect_ok(verify_links(txn, &why));
	bytes_expect(true);
}
END_TEST

START_TEST(domain_of_a_tenant_that_is_gone)
{
	drop(name_key(TABLE_TENANT, "other"));
	broken_expect("other.test", "tenant other");
	bytes_expect(true);
}
END_TEST

START_TEST(domain_without_index)
{
	drop(domain_entry("acme", "acme.test"));
	broken_expect("acme.test", "missing among those of tenant acme");
	bytes_expect(false);
}
END_TEST

START_TEST(index_without_domain)
{
	put(domain_entry("acme", "more.test"), "", 0);
	broken_expect("more.test", "nobody");
	bytes_expect(false);
	put(domain_entry("acme", "more.test"), "", 0);
	drop(domain_entry("acme", "more.test"));
	put(domain_entry("acme", "other.test"), "", 0);
	broken_expect("other.test", "belongs to other");
}
END_TEST

START_TEST(mailbox_whose_domain_nobody_owns)
{
	mailbox_store(txn, "x@nobody.test", SMTP_AUTH_ENABLED, "");
	broken_expect("x@nobody.test", "no tenant");
	bytes_expect(true);
}
END_TEST

/* audit_write - an entry, so that the log stands in front of the mailboxes */
static void
audit_write(void)
{
	struct audit_log log = {.origin = {.command = "mailbox set"}};

	audit_table_watch(txn, &log);
	mailbox_store(txn, "joe@acme.test", SMTP_AUTH_DISABLED, "");
	store_watch(txn, NULL, NULL);
}

START_TEST(mailboxes_behind_the_audit_log)
{
	struct error_text why;

	audit_write();
	expect_ok(verify_links(txn, &why));
	mailbox_store(txn, "x@nobody.test", SMTP_AUTH_ENABLED, "");
	broken_expect("x@nobody.test", "no tenant");
	bytes_expect(true);
}
END_TEST

START_TEST(alias_whose_mailbox_nobody_owns)
{
	alias_store(txn, "x@nobody.test", "short");
	broken_expect("x@nobody.test", "no tenant");
	bytes_expect(true);
}
END_TEST

START_TEST(alias_without_index)
{
	drop(alias_entry("jane@acme.test", "jd"));
	broken_expect("jd", "missing among those of mailbox jane@acme.test");
	bytes_expect(false);
}
END_TEST

START_TEST(index_without_alias)
{
	drop(login_key(TABLE_ALIAS, "jd"));
	broken_expect("jd", "is none");
	bytes_expect(false);
}
END_TEST

START_TEST(index_of_another_mailbox)
{
	put(alias_entry("joe@acme.test", "jd"), "\1jd", 3);
	broken_expect("jd of mailbox jane@acme.test", "another mailbox");
	bytes_expect(false);
}
END_TEST

START_TEST(alias_that_leads_out_of_its_tenant)
{
	static const char target[] = "\1jane@acme.test", login[] = "\1j@other.test";

	put(login_key(TABLE_ALIAS, "j@other.test"), target, sizeof(target) - 1);
	put(alias_entry("jane@acme.test", "j@other.test"), login, sizeof(login) - 1);
	broken_expect("j@other.test of tenant other", "jane@acme.test");
	bytes_expect(true);
}
END_TEST

START_TEST(alias_of_no_mailbox)
{
	static const char target[] = "\1nodomain", login[] = "\1short";

	put(login_key(TABLE_ALIAS, "short"), target, sizeof(target) - 1);
	put(alias_entry("nodomain", "short"), login, sizeof(login) - 1);
	broken_expect("nodomain", "no domain");
}
END_TEST

START_TEST(record_that_is_none)
{
	put(name_key(TABLE_TENANT, "zz"), "\1", 1);
	broken_expect("tzz", "cannot be read");
	drop(name_key(TABLE_TENANT, "zz"));
	put(name_key(TABLE_TENANT, "Acme"), "\1", 1);
	broken_expect("tAcme", "cannot be read");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("verify_links");
	TCase *tcase = state_add_case(suite, "links");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, sound_database_holds);
	tcase_add_test(tcase, domain_of_a_tenant_that_is_gone);
	tcase_add_test(tcase, domain_without_index);
	tcase_add_test(tcase, index_without_domain);
	tcase_add_test(tcase, mailbox_whose_domain_nobody_owns);
	tcase_add_test(tcase, mailboxes_behind_the_audit_log);
	tcase_add_test(tcase, alias_whose_mailbox_nobody_owns);
	tcase_add_test(tcase, alias_without_index);
	tcase_add_test(tcase, index_without_alias);
	tcase_add_test(tcase, index_of_another_mailbox);
	tcase_add_test(tcase, alias_that_leads_out_of_its_tenant);
	tcase_add_test(tcase, alias_of_no_mailbox);
	tcase_add_test(tcase, record_that_is_none);
	return suite_run(suite);
}
