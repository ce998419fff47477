/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tables_alias.c - login aliases in the store, and tenants they must not cross */
#include "policy/tables/ownership.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/mailbox_table.h"

#include <stdio.h>
#include <string.h>

enum { LIST_SIZE = 400 };

/* Two logins with the same 64-bit FNV-1a hash. */
#define TWIN_A "d014545mlqe3o"
#define TWIN_B "4tiwqke0fjyqa"

static struct state state;
static struct store *store;
static struct store_txn *txn;
static struct error_text why;

/* setup - a owns a.test and a2.test, b owns b.test; free.test is nobody's */
static void
setup(void)
{
	state_begin(&state, &store, &txn);
	tenant_store(txn, "a", SMTP_AUTH_ENABLED);
	tenant_store(txn, "b", SMTP_AUTH_ENABLED);
	domain_store(txn, "a.test", "a");
	domain_store(txn, "a2.test", "a");
	domain_store(txn, "b.test", "b");
	why.text[0] = '\0';
}

static void
teardown(void)
{
	state_end(&store, &txn);
}

static enum error
alias_add(const char *mailbox, const char *alias)
{
	struct login target = login_make(mailbox), login = login_make(alias);

	return ownership_add_alias(txn, &target, &login, &why);
}

static enum error
alias_remove(const char *alias)
{
	struct login login = login_make(alias);

	return alias_table_remove(txn, &login);
}

static enum error
alias_list_add(void *arg, const struct login *login, const struct login *mailbox)
{
	char *list = arg;
	size_t used = strlen(list);

	snprintf(list + used, LIST_SIZE - used, "%s%s=%s", used > 0 ? " " : "",
	    login->text, mailbox->text);
	return OK;
}

static void
aliases_expect(const char *mailbox, const char *wanted)
{
	char list[LIST_SIZE] = "";
	struct login login;

	if (mailbox != NULL)
		login = login_make(mailbox);
	expect_ok(alias_table_each(
	    txn, mailbox != NULL ? &login : NULL, alias_list_add, list));
	ck_assert_str_eq(list, wanted);
}

START_TEST(alias_leads_to_its_mailbox)
{
	struct digest digest;

	alias_expect(txn, "jd", NULL);
	expect_ok(alias_add("jane@a.test", "jd"));
	expect_ok(alias_add("jane@a.test", "jd@free.test"));
	expect_ok(alias_add("jane@a.test", "corp\\jane"));
	alias_expect(txn, "jd", "jane@a.test");
	alias_expect(txn, "jd@free.test", "jane@a.test");
	alias_expect(txn, "corp\\jane", "jane@a.test");
	alias_expect(txn, "j", NULL);
	alias_expect(txn, "jd@free.tes", NULL);
	ck_assert_uint_eq(store_meta(txn)->aliases, 3);
	digest = store_meta(txn)->digest;
	expect_ok(alias_add("jane@a.test", "jd"));
	ck_assert_mem_eq(&digest, &store_meta(txn)->digest, sizeof(digest));
	expect_ok(alias_remove("jd"));
	expect_error(ERR_NOTFOUND, alias_remove("jd"));
	alias_expect(txn, "jd", NULL);
	ck_assert_uint_eq(store_meta(txn)->aliases, 2);
}
END_TEST

START_TEST(alias_has_one_mailbox)
{
	expect_ok(alias_add("jane@a.test", "jd"));
	expect_error(ERR_EXISTS, alias_add("john@a.test", "jd"));
	ck_assert_ptr_nonnull(strstr(why.text, "jane@a.test"));
	alias_expect(txn, "jd", "jane@a.test");
	aliases_expect("john@a.test", "");
}
END_TEST

START_TEST(alias_stands_for_nothing_else)
{
	expect_error(ERR_CONFLICT, alias_add("jane@a.test", "jane@a.test"));
	expect_ok(alias_add("jane@a.test", "jd@a.test"));
	expect_error(ERR_CONFLICT, alias_add("jd@a.test", "x")); /* of an alias */
	expect_error(ERR_CONFLICT, alias_add("x@a.test", "jane@a.test")); /* has some */
	mailbox_store(txn, "john@a.test", SMTP_AUTH_DISABLED, "");
	expect_error(ERR_CONFLICT, alias_add("jane@a.test", "john@a.test"));
	ck_assert_ptr_nonnull(strstr(why.text, "john@a.test"));
	aliases_expect(NULL, "jd@a.test=jane@a.test");
	ck_assert_uint_eq(store_meta(txn)->aliases, 1);
}
END_TEST

/* The start of a name that has aliases is another name. */
START_TEST(alias_may_be_the_start_of_another_name)
{
	expect_ok(alias_add("john.smith@a.test", "smith@a.test"));
	expect_ok(alias_add("mary@a.test", "john@a.test"));
	expect_ok(alias_add("mary@a.test", "j@a.test"));
	alias_expect(txn, "john@a.test", "mary@a.test");
}
END_TEST

START_TEST(aliases_are_listed_by_mailbox)
{
	expect_ok(alias_add("jane@a.test", "jd"));
	expect_ok(alias_add("janet@a.test", "jt"));
	expect_ok(alias_add("jan@a.test", "jn@free.test"));
	expect_ok(alias_add("jane@a2.test", "j2"));
	aliases_expect("jane@a.test", "jd=jane@a.test");
	aliases_expect("janet@a.test", "jt=janet@a.test");
	aliases_expect("jan@a.test", "jn@free.test=jan@a.test");
	aliases_expect("ja@a.test", "");
	aliases_expect(NULL,
	    "j2=jane@a2.test jd=jane@a.test jt=janet@a.test "
	    "jn@free.test=jan@a.test");
}
END_TEST

/* The second is taken or refused, but it does not take the place of the first. */
START_TEST(aliases_with_one_hash_do_not_mix)
{
	struct login jane = login_make("jane@a.test");
	char list[LIST_SIZE] = "";
	bool both;

	expect_ok(alias_add("jane@a.test", TWIN_A));
	both = alias_add("jane@a.test", TWIN_B) == OK;
	alias_expect(txn, TWIN_A, "jane@a.test");
	alias_expect(txn, TWIN_B, both ? "jane@a.test" : NULL);
	expect_ok(alias_table_each(txn, NULL, alias_list_add, list));
	ck_assert_ptr_nonnull(strstr(list, TWIN_A "=jane@a.test"));
	ck_assert_int_eq(strstr(list, TWIN_B "=jane@a.test") != NULL, both);
	list[0] = '\0';
	expect_ok(alias_table_each(txn, &jane, alias_list_add, list));
	ck_assert_ptr_nonnull(strstr(list, TWIN_A "=jane@a.test"));
	ck_assert_int_eq(strstr(list, TWIN_B "=jane@a.test") != NULL, both);
	expect_ok(alias_remove(TWIN_A));
	alias_expect(txn, TWIN_B, both ? "jane@a.test" : NULL);
	expect_error(both ? OK : ERR_NOTFOUND, alias_remove(TWIN_B));
	aliases_expect(NULL, "");
}
END_TEST

START_TEST(aliases_with_one_hash_go_with_their_domain)
{
	expect_ok(alias_add("jane@a.test", TWIN_A));
	ck_assert_int_ne(alias_add("jane@a.test", TWIN_B), ERR_DAMAGED);
	expect_ok(alias_table_remove_into(txn, "a.test"));
	aliases_expect(NULL, "");
	ck_assert_uint_eq(store_meta(txn)->aliases, 0);
}
END_TEST

START_TEST(alias_does_not_cross_tenants)
{
	expect_error(ERR_CONFLICT, alias_add("jane@a.test", "jane@b.test"));
	ck_assert_ptr_nonnull(strstr(why.text, "tenant b"));
	expect_error(ERR_CONFLICT, alias_add("jane@free.test", "jane@b.test"));
	expect_ok(alias_add("jane@a.test", "jane@a2.test"));
	expect_ok(alias_add("jane@a.test", "jane@free.test"));
	alias_expect(txn, "jane@b.test", NULL);
	aliases_expect("jane@free.test", "");
}
END_TEST

START_TEST(domain_is_not_given_where_aliases_would_cross)
{
	char owner[TENANT_NAME_MAX + 1];

	expect_ok(alias_add("jane@a.test", "jane@free.test"));
	expect_error(
	    ERR_CONFLICT, ownership_add_domain(txn, "free.test", "b", false, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "jane@free.test"));
	expect_ok(domain_table_get(txn, "free.test", owner));
	ck_assert_str_eq(owner, "");
	expect_ok(ownership_add_domain(txn, "free.test", "a", false, &why));
	/* now neither end may move alone */
	expect_error(
	    ERR_CONFLICT, ownership_add_domain(txn, "free.test", "b", true, &why));
	expect_ok(alias_table_remove_into(txn, "a.test"));
}
END_TEST

START_TEST(domain_moves_with_the_aliases_within_it)
{
	expect_ok(alias_add("jane@a.test", "jd@a.test"));
	expect_ok(alias_add("jane@a.test", "jd"));
	expect_ok(alias_add("jane@a.test", "jd@free.test"));
	expect_ok(ownership_add_domain(txn, "a.test", "b", true, &why));
	alias_expect(txn, "jd@a.test", "jane@a.test");
}
END_TEST

/* Who goes on after the refusal, as an import does, must not lose the domain. */
START_TEST(refused_move_changes_nothing)
{
	static const char *const moved[] = {"a.test", "a2.test"};
	struct digest digest;
	char owner[TENANT_NAME_MAX + 1];

	expect_ok(alias_add("jane@a.test", "jd@a2.test"));
	digest = store_meta(txn)->digest;
	expect_error(
	    ERR_CONFLICT, ownership_add_domain(txn, moved[_i], "b", true, &why));
	expect_ok(domain_table_get(txn, moved[_i], owner));
	ck_assert_str_eq(owner, "a");
	ck_assert_mem_eq(&digest, &store_meta(txn)->digest, sizeof(digest));
}
END_TEST

START_TEST(longest_names_fit)
{
	char mailbox[LOGIN_RAW_MAX + 1], alias[LOGIN_RAW_MAX + 1];

	memset(mailbox, 'm', LOGIN_RAW_MAX);
	memset(alias, 'n', LOGIN_RAW_MAX);
	mailbox[LOGIN_RAW_MAX] = alias[LOGIN_RAW_MAX] = '\0';
	memcpy(mailbox + LOGIN_RAW_MAX - 7, "@a.test", 7);
	expect_ok(alias_add(mailbox, alias));
	alias_expect(txn, alias, mailbox);
	expect_ok(alias_remove(alias));
	ck_assert_uint_eq(store_meta(txn)->aliases, 0);
}
END_TEST

START_TEST(removing_into_a_domain_leaves_the_others)
{
	expect_ok(alias_add("jane@a.test", "one"));
	expect_ok(alias_add("john@a.test", "two@a2.test"));
	expect_ok(alias_add("jane@a2.test", "three"));
	expect_ok(alias_table_remove_into(txn, "a.test"));
	aliases_expect(NULL, "three=jane@a2.test");
	expect_ok(alias_table_remove_into(txn, "a.test"));
	ck_assert_uint_eq(store_meta(txn)->aliases, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tables_alias");
	TCase *tcase = state_add_case(suite, "tables_alias");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, alias_leads_to_its_mailbox);
	tcase_add_test(tcase, alias_has_one_mailbox);
	tcase_add_test(tcase, alias_stands_for_nothing_else);
	tcase_add_test(tcase, alias_may_be_the_start_of_another_name);
	tcase_add_test(tcase, aliases_are_listed_by_mailbox);
	tcase_add_test(tcase, aliases_with_one_hash_do_not_mix);
	tcase_add_test(tcase, aliases_with_one_hash_go_with_their_domain);
	tcase_add_test(tcase, alias_does_not_cross_tenants);
	tcase_add_test(tcase, domain_is_not_given_where_aliases_would_cross);
	tcase_add_test(tcase, domain_moves_with_the_aliases_within_it);
	tcase_add_loop_test(tcase, refused_move_changes_nothing, 0, 2);
	tcase_add_test(tcase, longest_names_fit);
	tcase_add_test(tcase, removing_into_a_domain_leaves_the_others);
	return suite_run(suite);
}
