/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tables.c - tenants, domains and mailboxes in the store, and their guards. */
#include "policy/tables/ownership.h"
#include "policy/tables/removal.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/identity/domain.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/tenant_table.h"

#include <stdio.h>
#include <string.h>

enum { LIST_SIZE = 400 };

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

static enum error
domain_add(const char *domain, const char *tenant, bool move)
{
	return ownership_add_domain(txn, domain, tenant, move, &why);
}

/* why_expect - the line for the person names these */
static void
why_expect(const char *name, const char *other)
{
	ck_assert_msg(strstr(why.text, name) != NULL && strstr(why.text, other) != NULL,
	    "\"%s\" does not name %s and %s", why.text, name, other);
}

START_TEST(tenant_comes_back_as_it_was_stored)
{
	struct tenant in, out;
	bool found;

	memset(&in, 0, sizeof(in));
	memset(&out, 0xA5, sizeof(out));
	snprintf(in.name, sizeof(in.name), "%063d", 7);
	in.smtp_auth = SMTP_AUTH_ENABLED;
	in.action = ACTION_TEMPFAIL;
	in.blocks = BLOCKS_PASSWORDS;
	in.enforce_from = 1;
	in.tempfail_until = INT64_C(253402300799);
	memset(in.contact, 'c', CONTACT_MAX);
	memset(in.reply, 'r', REPLY_TEXT_MAX);
	memset(in.note, 'n', NOTE_MAX);
	expect_ok(tenant_table_put(txn, &in));
	expect_ok(tenant_table_get(txn, in.name, &out, &found));
	ck_assert(found);
	ck_assert_str_eq(in.name, out.name);
	ck_assert_int_eq(in.smtp_auth, out.smtp_auth);
	ck_assert_int_eq(in.action, out.action);
	ck_assert_int_eq(in.blocks, out.blocks);
	ck_assert_int_eq(in.enforce_from, out.enforce_from);
	ck_assert_int_eq(in.tempfail_until, out.tempfail_until);
	ck_assert_str_eq(in.contact, out.contact);
	ck_assert_str_eq(in.reply, out.reply);
	ck_assert_str_eq(in.note, out.note);
	expect_ok(tenant_table_get(txn, "nobody", &out, &found));
	ck_assert(!found);
	expect_ok(tenant_table_get(txn, "acm", &out, &found));
	ck_assert(!found);
}
END_TEST

/* tenant_of_expect - the tenant of the login; NULL: it has none */
static void
tenant_of_expect(const char *login, const char *name)
{
	struct login of = login_make(login);
	struct tenant tenant;
	bool found;

	expect_ok(ownership_of_login(txn, &of, &tenant, &found));
	ck_assert_int_eq(found, name != NULL);
	if (found)
		ck_assert_str_eq(tenant.name, name);
}

START_TEST(tenant_of_a_login_is_the_owner_of_its_domain)
{
	tenant_of_expect("jane@acme.test", "acme");
	tenant_of_expect("jane@sub.acme.test", NULL);
	tenant_of_expect("jane", NULL);
}
END_TEST

START_TEST(catch_all_has_every_login_of_no_other_tenant)
{
	static const char *const logins[] = {
	    "jane@free.test", "jane", "jane@sub.acme.test"};

	tenant_store_with(txn, "rest", SMTP_AUTH_ENABLED, DOMAIN_ANY);
	tenant_of_expect("jane@acme.test", "acme");
	for (size_t i = 0; i < sizeof(logins) / sizeof(*logins); i++)
		tenant_of_expect(logins[i], "rest");
}
END_TEST

START_TEST(domain_without_its_tenant_is_damage)
{
	struct login login = login_make("jane@acme.test");
	struct tenant tenant;
	struct key key;
	bool found;

	key_name(&key, TABLE_TENANT, "acme");
	expect_ok(store_delete(txn, &key));
	expect_error(ERR_DAMAGED, ownership_of_login(txn, &login, &tenant, &found));
}
END_TEST

START_TEST(domain_names_are_read_in_normal_form)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"*", "*"}, {"ACME.Test.", "acme.test"},
	    {"B\xC3\xBC"
	     "cher.test",
		"xn--bcher-kva.test"},
	    {"my_host", "my_host"}, {"fa\xC3\x9F.test", "xn--fa-hia.test"}};
	static const char *const bad[] = {"", ".", "a..test", "*.test", "a b.test",
	    "192.0.2.1", "[192.0.2.1]", "a@b.test", "a,b.test", "a.test..",
	    "\xC3(.test"};
	char out[DOMAIN_MAX + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		expect_ok(domain_parse(rows[i].in, out, &why));
		ck_assert_str_eq(out, rows[i].out);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		expect_error(ERR_DATA, domain_parse(bad[i], out, &why));
		why_expect("domain", bad[i]);
	}
}
END_TEST

START_TEST(domain_belongs_to_one_tenant)
{
	struct digest digest;

	expect_error(ERR_CONFLICT, domain_add("acme.test", "open", false));
	why_expect("acme.test", "tenant acme");
	domain_expect(txn, "acme.test", "acme");
	digest = store_meta(txn)->digest;
	expect_ok(domain_add("acme.test", "acme", false));
	expect_ok(domain_add("acme.test", "acme", true));
	ck_assert_mem_eq(&digest, &store_meta(txn)->digest, sizeof(digest));
	expect_error(ERR_NOTFOUND, domain_add("free.test", "acme", true));
	why_expect("free.test", "no tenant");
	expect_ok(domain_add("acme.test", "open", true));
	domain_expect(txn, "acme.test", "open");
	ck_assert_uint_eq(store_meta(txn)->domains, 2);
}
END_TEST

/* list_add - adds a name to a list parted by spaces */
static void
list_add(char *list, const char *name)
{
	size_t used = strlen(list);

	snprintf(list + used, LIST_SIZE - used, "%s%s", used > 0 ? " " : "", name);
}

static enum error
domain_list_add(void *list, const char *domain, const char *tenant)
{
	(void)tenant;
	list_add(list, domain);
	return OK;
}

/* domains_expect - the tenant's domains by its index */
static void
domains_expect(const char *tenant, const char *wanted)
{
	char list[LIST_SIZE] = "", first[DOMAIN_MAX + 1];

	expect_ok(domain_table_each(txn, tenant, domain_list_add, list));
	ck_assert_str_eq(list, wanted);
	expect_ok(domain_table_first_of(txn, tenant, first));
	ck_assert_uint_eq(strlen(first), strcspn(wanted, " "));
	ck_assert_mem_eq(first, wanted, strlen(first));
}

START_TEST(index_of_domains_follows)
{
	tenant_store(txn, "acme2", SMTP_AUTH_ENABLED); /* "acme" is a prefix */
	domains_expect("acme", "acme.test");
	domains_expect("acme2", "");
	domains_expect("acm", "");
	domain_store(txn, "b.test", "acme2");
	domain_store(txn, DOMAIN_ANY, "acme");
	domains_expect("acme", "* acme.test");
	expect_ok(domain_add("b.test", "acme", true));
	domains_expect("acme", "* acme.test b.test");
	domains_expect("acme2", "");
	expect_ok(removal_domain(txn, "acme.test", true, &why));
	domains_expect("acme", "* b.test");
	domain_expect(txn, "acme.test", NULL);
}
END_TEST

START_TEST(mailbox_with_nothing_left_is_removed)
{
	struct login login = login_make("jane@acme.test");
	struct mailbox mailbox = mailbox_make(SMTP_AUTH_INHERIT, "");

	expect_ok(mailbox_table_put(txn, &login, &mailbox));
	mailbox_expect(txn, "jane@acme.test", false);
	mailbox.note[0] = 'x';
	expect_ok(mailbox_table_put(txn, &login, &mailbox));
	mailbox_expect(txn, "jane@acme.test", true);
	mailbox_expect(txn, "jan@acme.test", false);
	mailbox_expect(txn, "janet@acme.test", false);
	mailbox_expect(txn, "jane@acme.tes", false);
	mailbox.note[0] = '\0';
	expect_ok(mailbox_table_put(txn, &login, &mailbox));
	mailbox_expect(txn, "jane@acme.test", false);
	expect_error(ERR_NOTFOUND, mailbox_table_remove(txn, &login));
	ck_assert_uint_eq(store_meta(txn)->mailboxes, 0);
}
END_TEST

static enum error
mailbox_list_add(void *list, const struct login *address, const struct mailbox *mailbox)
{
	(void)mailbox;
	list_add(list, address->text);
	return OK;
}

struct stop {
	enum error with;
	int count;
};

static enum error
mailbox_stop(void *arg, const struct login *address, const struct mailbox *mailbox)
{
	struct stop *stop = arg;

	(void)address;
	(void)mailbox;
	stop->count++;
	return stop->with;
}

START_TEST(mailboxes_are_listed_by_domain)
{
	struct stop stop = {WALK_STOP, 0}, fail = {ERR_NOTFOUND, 0};
	char list[LIST_SIZE] = "";

	mailbox_store(txn, "b@acme.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "a@acme.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "a@acme.test2", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "a@acme.tes", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "\xC3\xA9@acme.test", SMTP_AUTH_ENABLED, "");
	expect_ok(mailbox_table_each(txn, "acme.test", mailbox_list_add, list));
	ck_assert_str_eq(list, "a@acme.test b@acme.test \xC3\xA9@acme.test");
	list[0] = '\0';
	expect_ok(mailbox_table_each(txn, NULL, mailbox_list_add, list));
	ck_assert_str_eq(list,
	    "a@acme.tes a@acme.test b@acme.test \xC3\xA9@acme.test "
	    "a@acme.test2");
	expect_ok(mailbox_table_each(txn, NULL, mailbox_stop, &stop));
	ck_assert_int_eq(stop.count, 1);
	expect_error(ERR_NOTFOUND, mailbox_table_each(txn, NULL, mailbox_stop, &fail));
	ck_assert_int_eq(fail.count, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tables");
	TCase *tcase = state_add_case(suite, "tables");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, tenant_comes_back_as_it_was_stored);
	tcase_add_test(tcase, tenant_of_a_login_is_the_owner_of_its_domain);
	tcase_add_test(tcase, catch_all_has_every_login_of_no_other_tenant);
	tcase_add_test(tcase, domain_without_its_tenant_is_damage);
	tcase_add_test(tcase, domain_names_are_read_in_normal_form);
	tcase_add_test(tcase, domain_belongs_to_one_tenant);
	tcase_add_test(tcase, index_of_domains_follows);
	tcase_add_test(tcase, mailbox_with_nothing_left_is_removed);
	tcase_add_test(tcase, mailboxes_are_listed_by_domain);
	return suite_run(suite);
}
