/* SPDX-License-Identifier: BSD-2-Clause */
/* check_import.c - rows into the policy, and a policy in the place of another. */
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/import/import.h"
#include "policy/import/key_set.h"
#include "policy/model/policy_record.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/setting_table.h"
#include "policy/tables/tenant_table.h"
#include "policy/transfer/policy_iterator.h"
#include "policy/transfer/replace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct state state;
static struct store *store;
static struct store_txn *txn;
static struct import *import;
static struct error_text why;

/* setup - acme owns acme.test, other owns other.test */
static void
setup(void)
{
	state_begin(&state, &store, &txn);
	tenant_store_with(txn, "acme", SMTP_AUTH_DISABLED, "acme.test");
	tenant_store_with(txn, "other", SMTP_AUTH_ENABLED, "other.test");
	mailbox_store(txn, "old@acme.test", SMTP_AUTH_ENABLED, "note");
	import = NULL;
}

static void
teardown(void)
{
	import_close(&import);
	state_end(&store, &txn);
}

static void
begin(const char *only)
{
	expect_ok(import_open(&import, txn, only, 1900000000));
}

static enum error
put_mailbox(const char *address, enum smtp_auth smtp_auth, unsigned says)
{
	struct row *row = calloc(1, sizeof *row);
	enum error e;

	row_start(row, ROW_MAILBOX);
	row->name = address;
	row->says = says;
	row->mailbox.smtp_auth = smtp_auth;
	e = import_row(import, row, &why);
	free(row);
	return e;
}

static enum error
put_tenant(const char *name, const char *domain)
{
	struct row *row = calloc(1, sizeof *row);
	const char *domains[] = {domain};
	enum error e;

	row_start(row, ROW_TENANT);
	expect_ok(row_set(row, row_field_find(ROW_TENANT, "name"), name, 0, &why));
	row->domain = domains;
	row->domains = domain != NULL;
	e = import_row(import, row, &why);
	free(row);
	return e;
}

static enum error
put_pair(enum row_type type, const char *name, const char *value)
{
	struct row *row = calloc(1, sizeof *row);
	enum error e;

	row_start(row, type);
	row->name = name;
	row->value = value;
	e = import_row(import, row, &why);
	free(row);
	return e;
}

#define ENABLED SMTP_AUTH_ENABLED

START_TEST(rows_count_like_commands)
{
	begin(NULL);
	expect_ok(put_pair(ROW_SETTING, "default-domain", "new.test"));
	expect_error(ERR_DATA, put_mailbox("u@new.test", ENABLED, ROW_ALL));
	expect_ok(put_tenant("New", "NEW.test"));
	expect_ok(put_mailbox("U@new.test", ENABLED, ROW_ALL));
	expect_ok(put_mailbox("v", ENABLED, ROW_ALL));
	expect_ok(put_pair(ROW_ALIAS, "w", "u@new.test"));
	mailbox_expect(txn, "u@new.test", true);
	mailbox_expect(txn, "v@new.test", true);
	alias_expect(txn, "w", "u@new.test");
}
END_TEST

START_TEST(what_is_said_twice_is_told)
{
	begin(NULL);
	expect_ok(put_mailbox("u@acme.test", ENABLED, ROW_ALL));
	expect_error(ERR_EXISTS, put_mailbox("U@ACME.test", ENABLED, ROW_ALL));
	ck_assert_ptr_nonnull(
	    strstr(why.text, "mailbox u@acme.test is in an earlier line"));
	/* also where nothing is stored, or nothing changes */
	expect_ok(put_mailbox("n@acme.test", SMTP_AUTH_INHERIT, ROW_ALL));
	expect_error(ERR_EXISTS, put_mailbox("n@acme.test", ENABLED, ROW_ALL));
	expect_ok(put_tenant("acme", "acme.test"));
	expect_error(ERR_EXISTS, put_tenant("ACME", NULL));
	expect_error(ERR_EXISTS, put_tenant("new", "acme.test"));
	expect_ok(put_pair(ROW_SETTING, "enforce", "no"));
	expect_error(ERR_EXISTS, put_pair(ROW_SETTING, "enforce", "no"));
	expect_ok(put_pair(ROW_ALIAS, "l", "u@acme.test"));
	/* an export names a login in two columns: that is no contradiction */
	expect_ok(put_pair(ROW_ALIAS, "L", "u@acme.test"));
	expect_error(ERR_EXISTS, put_pair(ROW_ALIAS, "L", "n@acme.test"));
}
END_TEST

START_TEST(bad_rows_are_of_the_row)
{
	begin(NULL);
	expect_error(ERR_DATA, put_pair(ROW_SETTING, "nonsense", "1"));
	expect_error(ERR_DATA, put_pair(ROW_SETTING, "enforce", "perhaps"));
	expect_error(ERR_DATA, put_tenant("new", "not a domain"));
	expect_error(ERR_CONFLICT, put_tenant("newer", "other.test"));
	expect_error(ERR_DATA, put_mailbox("@", ENABLED, ROW_ALL));
	expect_error(ERR_DATA, put_mailbox("nobody", ENABLED, ROW_ALL));
	expect_error(ERR_DATA, put_mailbox("u@nowhere.test", ENABLED, ROW_ALL));
	ck_assert_ptr_nonnull(strstr(why.text, "u@nowhere.test"));
	expect_ok(put_pair(ROW_ALIAS, "l@acme.test", "u@acme.test"));
	expect_error(ERR_CONFLICT, put_mailbox("l@acme.test", ENABLED, ROW_ALL));
	expect_error(ERR_CONFLICT, put_pair(ROW_ALIAS, "x@other.test", "u@acme.test"));
	for (int e = OK; e < WALK_STOP; e++)
		ck_assert_int_eq(import_is_of_row((enum error)e),
		    e == ERR_DATA || e == ERR_CONFLICT || e == ERR_EXISTS ||
			e == ERR_LIMIT);
}
END_TEST

START_TEST(what_a_row_does_not_say_is_kept)
{
	struct login address = login_make("old@acme.test");
	struct mailbox m, got;

	mailbox_init(&m);
	m.smtp_auth = SMTP_AUTH_ENABLED;
	m.until = 2000000000;
	strcpy(m.note, "note");
	expect_ok(cidr_list_parse("10.0.0.0/8", &m.clients, &why));
	expect_ok(mailbox_table_put(txn, &address, &m));
	begin(NULL);
	expect_ok(put_mailbox("old@acme.test", ENABLED, _i));
	expect_ok(mailbox_table_get(txn, &address, &got, NULL));
	ck_assert_int_eq(got.until, _i & ROW_UNTIL ? INSTANT_NONE : 2000000000);
	ck_assert_uint_eq(got.clients.count, _i & ROW_CLIENTS ? 0 : 1);
	ck_assert_str_eq(got.note, _i & ROW_NOTE ? "" : "note");
}
END_TEST

START_TEST(what_does_not_go_with_the_setting_goes)
{
	struct login address = login_make("old@acme.test");
	struct mailbox m, got;

	mailbox_init(&m);
	m.smtp_auth = SMTP_AUTH_ENABLED;
	m.until = 2000000000;
	expect_ok(cidr_list_parse("10.0.0.0/8", &m.clients, &why));
	expect_ok(mailbox_table_put(txn, &address, &m));
	begin(NULL);
	expect_ok(put_mailbox("old@acme.test", SMTP_AUTH_DISABLED, 0));
	expect_ok(mailbox_table_get(txn, &address, &got, NULL));
	ck_assert_int_eq(got.until, INSTANT_NONE);
	ck_assert_uint_eq(got.clients.count, 0);
	import_close(&import);
	begin(NULL);
	expect_ok(put_mailbox("old@acme.test", SMTP_AUTH_INHERIT, 0));
	mailbox_expect(txn, "old@acme.test", false);
}
END_TEST

START_TEST(one_tenant_alone)
{
	begin("acme");
	expect_error(ERR_DATA, put_pair(ROW_SETTING, "enforce", "no"));
	expect_error(ERR_DATA, put_tenant("other", NULL));
	expect_error(ERR_DATA, put_mailbox("u@other.test", ENABLED, ROW_ALL));
	expect_error(ERR_DATA, put_pair(ROW_ALIAS, "l", "u@other.test"));
	expect_ok(put_tenant("acme", NULL));
	expect_ok(put_mailbox("u@acme.test", ENABLED, ROW_ALL));
	expect_ok(put_pair(ROW_ALIAS, "l", "u@acme.test"));
	mailbox_store(txn, "other@other.test", ENABLED, "");
	expect_ok(import_remove_others(import));
	mailbox_expect(txn, "u@acme.test", true);
	mailbox_expect(txn, "old@acme.test", false);
	mailbox_expect(txn, "other@other.test", true);
}
END_TEST

START_TEST(locks_stay)
{
	struct lock_state lock = {.set = false};
	struct login address = login_make("old@acme.test");

	mailbox_store(txn, "old@acme.test", ENABLED, "note");
	lock_store(txn, "old@acme.test", INSTANT_NONE);
	begin("acme");
	expect_ok(import_remove_others(import));
	mailbox_expect(txn, "old@acme.test", false);
	expect_ok(lock_table_add_login(txn, &address, &lock));
	ck_assert(lock.set);
}
END_TEST

START_TEST(others_of_the_catch_all_tenant_are_found)
{
	domain_store(txn, "*", "acme");
	mailbox_store(txn, "a@nowhere.test", ENABLED, "");
	mailbox_store(txn, "b@nowhere.test", ENABLED, "");
	mailbox_store(txn, "c@zzz.test", ENABLED, "");
	mailbox_store(txn, "d@other.test", ENABLED, "");
	begin("acme");
	expect_ok(put_mailbox("b@nowhere.test", ENABLED, ROW_ALL));
	expect_ok(import_remove_others(import));
	mailbox_expect(txn, "a@nowhere.test", false);
	mailbox_expect(txn, "b@nowhere.test", true);
	mailbox_expect(txn, "c@zzz.test", false);
	mailbox_expect(txn, "d@other.test", true);
}
END_TEST

START_TEST(content_is_the_same_in_any_order)
{
	struct digest one, two;

	txn_commit(&txn);
	txn = txn_begin(store);
	begin(NULL);
	expect_ok(put_tenant("acme", "acme.test"));
	expect_ok(put_mailbox("u@acme.test", ENABLED, ROW_ALL));
	expect_ok(put_mailbox("old@acme.test", SMTP_AUTH_DISABLED, ROW_ALL));
	one = *store_content(txn);
	import_close(&import);
	txn_commit(&txn);
	txn = txn_begin(store);
	begin(NULL);
	expect_ok(put_mailbox("OLD@acme.test", SMTP_AUTH_DISABLED, ROW_ALL));
	expect_ok(put_mailbox("u@acme.test", ENABLED, ROW_ALL));
	expect_ok(put_tenant("acme", "acme.test"));
	two = *store_content(txn);
	ck_assert(digest_equal(&one, &two));
}
END_TEST

START_TEST(keys_are_told_apart)
{
	struct key_set set;
	struct key key;
	char name[20];
	bool new;

	expect_ok(key_set_start(&set));
	key_name(&key, TABLE_TENANT, "x");
	ck_assert(!key_set_has(&set, key_bytes(&key)));
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof name, "t%d", i);
		key_name(&key, TABLE_TENANT, name);
		expect_ok(key_set_add(&set, key_bytes(&key), &new));
		ck_assert(new);
	}
	for (int i = 0; i < 200000; i++) {
		snprintf(name, sizeof name, "t%d", i);
		key_name(&key, TABLE_TENANT, name);
		ck_assert_int_eq(key_set_has(&set, key_bytes(&key)), i < 100000);
	}
	expect_ok(key_set_add(&set, (struct bytes){"tt5", 3}, &new));
	ck_assert(!new);
	key_set_end(&set);
}
END_TEST

/* fill - a random policy: tenants, domains, mailboxes, aliases, a setting */
static void
fill(struct store_txn *to, unsigned seed)
{
	char text[40], other[40];

	srand(seed);
	for (int i = 0; i < 12; i++) {
		if (rand() % 3 == 0)
			continue;
		snprintf(text, sizeof text, "t%02d", i);
		tenant_store(to, text, rand() % 2 ? ENABLED : SMTP_AUTH_DISABLED);
		snprintf(other, sizeof other, "d%02d.test", i);
		domain_store(to, other, text);
		for (int n = 0; n < 20; n++) {
			snprintf(text, sizeof text, "u%02d@d%02d.test", n, i);
			if (rand() % 2)
				mailbox_store(to, text, ENABLED, rand() % 2 ? "" : "x");
			snprintf(other, sizeof other, "alias%d-%d", n, i);
			if (rand() % 4 == 0)
				alias_store(to, text, other);
		}
	}
	for (int i = 0; i < 5; i++) {
		struct lock_subject subject;
		struct lock lock;

		snprintf(text, sizeof text, "l%d", rand() % 8);
		lock_table_subject_tenant(&subject, text);
		lock_init(&lock);
		expect_ok(lock_table_put(to, LOCK_BROUGHT, &subject, &lock));
		lock_store(to, text, INSTANT_NONE);
	}
	if (rand() % 2)
		expect_ok(setting_table_set(to, settings_find("enforce"), "no", &why));
	expect_ok(store_reload_settings(to));
}

/* count_records - of the policy */
static unsigned
count_records(struct store_txn *of)
{
	struct policy_iterator walk;
	struct bytes key, value;
	unsigned n = 0;
	bool found;

	expect_ok(policy_iterator_open(&walk, of));
	for (;;) {
		expect_ok(policy_iterator_next(&walk, &key, &value, &found));
		if (!found)
			break;
		expect_ok(policy_record_check(key, value));
		n++;
	}
	policy_iterator_close(&walk);
	return n;
}

/* count_change - the watcher */
static enum error
count_change(void *arg, struct store_txn *in, struct bytes key, struct bytes before,
    struct bytes after)
{
	(void)in;
	(void)key;
	(void)before;
	(void)after;
	++*(unsigned *)arg;
	return OK;
}

START_TEST(a_policy_takes_the_place_of_another)
{
	struct store *scratch;
	struct store_txn *from;
	struct digest local;
	unsigned changes = 0;

	fill(txn, (unsigned)_i);
	local = store_meta(txn)->local;
	expect_ok(store_scratch(&scratch, state.dir, &why));
	expect_ok(store_begin(scratch, &from));
	fill(from, (unsigned)_i * 7 + 1);
	expect_ok(store_checkpoint(from));
	store_watch(txn, count_change, &changes);
	expect_ok(replace_from(txn, from, &why));
	ck_assert_uint_gt(changes, 0);
	ck_assert(digest_equal(&store_meta(txn)->digest, &store_meta(from)->digest));
	ck_assert(digest_equal(&store_meta(txn)->local, &local));
	ck_assert_uint_eq(count_records(txn), count_records(from));
	ck_assert_int_eq(store_settings(txn)->enforce, store_settings(from)->enforce);
	changes = 0;
	expect_ok(replace_from(txn, from, &why));
	ck_assert_uint_eq(changes, 0);
	store_watch(txn, NULL, NULL);
	store_abort(&from);
	store_close(&scratch);
}
END_TEST

/* Records as a source gives them that lies. */
struct list {
	const struct bytes (*at)[2];
	size_t n;
};

static enum error
next_of_list(void *arg, struct bytes *key_r, struct bytes *value_r, bool *found_r,
    struct error_text *why_r)
{
	struct list *list = arg;

	(void)why_r;
	*found_r = list->n > 0;
	if (!*found_r)
		return OK;
	*key_r = (*list->at)[0];
	*value_r = (*list->at)[1];
	list->at++;
	list->n--;
	return OK;
}

#define BYTES(s) \
	{ \
		s, sizeof s - 1 \
	}

START_TEST(a_source_that_lies_is_refused)
{
	static const struct bytes lists[][2][2] = {
	    {{BYTES("zb.test\0u"), BYTES("\1\1")},
		{BYTES("za.test\0u"), BYTES("\1\1")}},
	    {{BYTES("zb.test\0u"), BYTES("\1\1")},
		{BYTES("zb.test\0u"), BYTES("\1\1")}},
	    {{BYTES("zb.test\0u"), BYTES("\1\1")}, {BYTES("nnotice"), BYTES("\1\1")}},
	    {{BYTES("zb.test\0u"), BYTES("\1\1")},
		{BYTES("zc.test\0u"), BYTES("\1\3")}},
	    {{BYTES("zb.test\0u"), BYTES("\1\1")},
		{BYTES("zc.test\0u"), BYTES("\1\1")}},
	    {{BYTES("!"), BYTES("\1\1")}, {BYTES("zc.test\0u"), BYTES("\1\1")}},
	    {{BYTES("u\0\0\0\0\0\0\0\1"), BYTES("\1\1")}, {BYTES("v"), BYTES("\1\1")}},
	    {{BYTES("ssettingx"), BYTES("\1\0\1x")}, {BYTES("v"), BYTES("\1\1")}},
	};
	struct list list = {lists[_i], 2};
	struct replace_source source = {next_of_list, &list};
	static const struct digest wrong = {{1}};

	txn_commit(&txn);
	txn = txn_begin(store);
	ck_assert_int_ne(replace_policy(txn, &source, &wrong, &why), OK);
	store_abort(&txn);
	txn = txn_begin(store);
}
END_TEST

START_TEST(records_of_no_form_are_refused)
{
	static const struct bytes records[][2] = {
	    {BYTES("z"), BYTES("\1\1")},
	    {BYTES("za.test\0u"), BYTES("")},
	    {BYTES("za.test\0u"), BYTES("\1\0")},
	    {BYTES("z\0u"), BYTES("\1\1")},
	    {BYTES("za.testu"), BYTES("\1\1")},
	    {BYTES("tACME"), BYTES("\1\1")},
	    {BYTES("tacme\0"), BYTES("\1\1")},
	    {BYTES("dA.test"), BYTES("\1\0\4acme")},
	    {BYTES("da.test"), BYTES("\1\0\5acme")},
	    {BYTES("da b"), BYTES("\1\0\4acme")},
	    {BYTES("senforce"), BYTES("\1\0\5maybe")},
	    {BYTES("senforce"), BYTES("\1\0\2no!")},
	    {BYTES("aa.test\0u"), BYTES("\1")},
	    {BYTES("Aa.test\0u"), BYTES("\1u@a.test")},
	};

	ck_assert_int_ne(policy_record_check(records[_i][0], records[_i][1]), OK);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("import");
	TCase *tcase = state_add_case(suite, "import");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, rows_count_like_commands);
	tcase_add_test(tcase, what_is_said_twice_is_told);
	tcase_add_test(tcase, bad_rows_are_of_the_row);
	tcase_add_loop_test(tcase, what_a_row_does_not_say_is_kept, 0, ROW_ALL + 1);
	tcase_add_test(tcase, what_does_not_go_with_the_setting_goes);
	tcase_add_test(tcase, one_tenant_alone);
	tcase_add_test(tcase, locks_stay);
	tcase_add_test(tcase, others_of_the_catch_all_tenant_are_found);
	tcase_add_test(tcase, content_is_the_same_in_any_order);
	tcase_add_test(tcase, keys_are_told_apart);
	tcase_add_loop_test(tcase, a_policy_takes_the_place_of_another, 0, 20);
	tcase_add_loop_test(tcase, a_source_that_lies_is_refused, 0, 8);
	tcase_add_loop_test(tcase, records_of_no_form_are_refused, 0, 14);
	return suite_run(suite);
}
