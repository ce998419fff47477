/* SPDX-License-Identifier: BSD-2-Clause */
/* check_memory.c - each allocation of an operation fails once: the operation says so,
 * keeps nothing and changes nothing. */
#include "policy/audit/audit_verify.h"
#include "policy/ctl/notify/notice_template.h"
#include "policy/db/db.h"
#include "policy/doctor/findings.h"
#include "policy/import/csv_rows.h"
#include "policy/import/import.h"
#include "policy/import/jsonl.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/verify.h"
#include "policy/transfer/backup.h"
#include "policy/transfer/replace.h"
#include "policy/usage/tenant_usage.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_file.h"
#include "policy/usage/usage_merge.h"
#include "tests/lib/failing_allocation.h"
#include "tests/lib/snapshot_image.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/usage_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { MOST = 200 }; /* allocations of one operation */

static struct state state;
static struct snapshot_image snapshot; /* of another policy */
static struct usage_image usage;
static struct error_text why;

/* What operations use is made before: in them libcheck would take memory as well. */
static struct mailbox mailbox;
static struct login login;
static struct recording_host host;

/* other_policy - what the snapshot has */
static void
other_policy(struct store_txn *txn, void *arg)
{
	(void)arg;
	tenant_store_with(txn, "other", SMTP_AUTH_ENABLED, "other.test");
	mailbox_store(txn, "eve@other.test", SMTP_AUTH_DISABLED, "");
}

static void
setup(void)
{
	static const struct usage_sample samples[] = {
	    {"ann@acme.test", 20000, 3}, {"bob@acme.test", 20001, 2}};
	char path[STATE_PATH];

	mailbox = mailbox_make(SMTP_AUTH_ENABLED, "");
	login = login_make("new@acme.test");
	host = recording_host_make("mx1", 1700000000, 1790000000);
	state_open_ready(&state);
	state_change(&state, other_policy, NULL);
	snapshot = snapshot_image_make(&state);
	usage = usage_image_make(samples, COUNT(samples), &host);
	snapshot_state_small(&state);
	snprintf(path, sizeof path, "%s/usage", state.dir);
	ck_assert_int_eq(mkdir(path, 0770), 0);
}

static void
teardown(void)
{
	free(snapshot.at);
	free(usage.at);
}

/* with_store - FN within a transaction, which is committed if all is well */
static enum error
with_store(enum store_mode mode, enum error (*fn)(struct store_txn *txn))
{
	struct store *store;
	struct store_txn *txn;
	enum error e = store_open(&store, state.dir, mode, &why);

	if (e != OK)
		return e;
	e = store_begin(store, &txn);
	if (e == OK)
		e = fn(txn);
	if (e == OK && mode == STORE_WRITE)
		e = store_commit(&txn);
	state_abandon(&store, &txn);
	return e;
}

static enum error
put_mailbox(struct store_txn *txn)
{
	return mailbox_table_put(txn, &login, &mailbox);
}

static enum error
change(void)
{
	return with_store(STORE_WRITE, put_mailbox);
}

static enum error
create(void)
{
	struct store *store;
	bool created;
	enum error e;

	unlink(state.data);
	e = store_create(&store, state.dir, &created, &why);
	store_close(&store);
	return e;
}

static enum error
verify_all(struct store_txn *txn)
{
	return verify_txn(txn, NULL, &why);
}

static enum error
verify(void)
{
	return with_store(STORE_READ, verify_all);
}

/* audit_found - the samples were made without entries: that is not the point here */
static void
audit_found(void *arg, const struct audit_finding *f)
{
	(void)arg;
	(void)f;
}

static enum error
audit_all(struct store_txn *txn)
{
	struct audit_account account;

	return audit_verify(txn, NULL, audit_found, NULL, &account);
}

static enum error
audit(void)
{
	return with_store(STORE_READ, audit_all);
}

/* stream - bytes to be read */
static FILE *
stream(const void *at, size_t n)
{
	FILE *from = tmpfile();

	if (from == NULL || fwrite(at, 1, n, from) != n)
		abort();
	rewind(from);
	return from;
}

static const char lines[] =
    "{\"type\":\"tenant\",\"name\":\"new\",\"smtp_auth\":\"enabled\","
    "\"domains\":[\"new.test\",\"n.test\"]}\n"
    "{\"type\":\"tenant\",\"name\":\"n\\u0065wer\",\"smtp_auth\":\"enabled\","
    "\"domains\":[\"a.test\",\"b.test\"]}\n"
    "{\"type\":\"setting\",\"key\":\"exempt-clients\",\"value\":[\"192.0.2.1\"]}\n"
    "{\"type\":\"setting\",\"key\":\"usage-nodes\",\"value\":1}\n"
    "{\"type\":\"mailbox\",\"address\":\"x@new.test\",\"smtp_auth\":\"enabled\"}\n";

static enum error
import_lines(struct store_txn *txn)
{
	FILE *from = stream(lines, strlen(lines));
	struct row row = {.domain = NULL};
	struct import *import;
	struct jsonl jsonl;
	bool found = true;
	enum error e = import_open(&import, txn, NULL, 1790000000);

	jsonl_start(&jsonl, from, 1, 1790000000);
	while (e == OK && found)
		if ((e = jsonl_next(&jsonl, &row, &found, &why)) == OK && found)
			e = import_row(import, &row, &why);
	jsonl_end(&jsonl);
	free(row.domain);
	import_close(&import);
	fclose(from);
	return e;
}

static enum error
import_jsonl(void)
{
	return with_store(STORE_WRITE, import_lines);
}

static const char table[] = "address,smtp_auth,note\n"
			    "x@acme.test,enabled,one\n"
			    "ann@acme.test,disabled,two\n";

static enum error
import_table(struct store_txn *txn)
{
	FILE *from = stream(table, strlen(table));
	struct row row = {.domain = NULL};
	struct import *import;
	struct csv_rows rows;
	bool found = true;
	enum error e = import_open(&import, txn, "acme", 1790000000);

	csv_rows_start(&rows, from, 1, true, 1790000000);
	while (e == OK && found)
		if ((e = csv_rows_next(&rows, &row, &found, &why)) == OK && found)
			e = import_row(import, &row, &why);
	if (e == OK)
		e = import_remove_others(import);
	csv_rows_end(&rows);
	import_close(&import);
	fclose(from);
	return e;
}

static enum error
import_csv(void)
{
	return with_store(STORE_WRITE, import_table);
}

static enum error
snapshot_all(struct store_txn *txn)
{
	struct snapshot_head head = {.serial = 1, .made = SNAPSHOT_MADE};
	struct signature_keys *key = NULL;
	FILE *to = stream("", 0);
	enum error e = signature_keys_read(
	    &key, SIGNATURE_PRIVATE, SNAPSHOT_KEY, strlen(SNAPSHOT_KEY), "a key", &why);

	if (e == OK)
		e = snapshot_write(to, txn, key, &head, &why);
	signature_keys_free(&key);
	fclose(to);
	return e;
}

static enum error
snapshot_create(void)
{
	return with_store(STORE_READ, snapshot_all);
}

static enum error
snapshot_take(struct store_txn *txn)
{
	FILE *from = stream(snapshot.at, snapshot.n);
	struct signature_keys *keys = NULL;
	struct snapshot *s = NULL;
	enum error e = signature_keys_read(&keys, SIGNATURE_PUBLIC, SNAPSHOT_TRUST,
	    strlen(SNAPSHOT_TRUST), "a key", &why);

	if (e == OK)
		e = snapshot_open(&s, from, "it", &why);
	if (e == OK)
		e = snapshot_verify(s, keys, &why);
	if (e == OK)
		e = replace_from_snapshot(txn, s, &why);
	snapshot_close(&s);
	signature_keys_free(&keys);
	fclose(from);
	return e;
}

static enum error
snapshot_apply(void)
{
	return with_store(STORE_WRITE, snapshot_take);
}

static enum error
copy_all(struct store_txn *txn)
{
	struct backup b;
	char copy[STATE_PATH];
	enum error e;

	snprintf(copy, sizeof copy, "%s/copy", state.dir);
	unlink(copy);
	e = backup_copy(txn, copy, 0, &b, &why);
	return e == OK ? backup_verify(copy, 0, &b, &why) : e;
}

static enum error
backup(void)
{
	return with_store(STORE_READ, copy_all);
}

static enum error
usage_record(void)
{
	struct usage_entry entry = {.login = login, .day = {1, {1}, 1}};
	struct db_txn *txn = NULL;
	FILE *to = stream("", 0);
	struct db *db = NULL;
	enum error e = usage_database_open(&db, state.dir, true, &why);

	usage_init(&entry.usage);
	if (e == OK)
		e = db_begin(db, true, &txn);
	if (e == OK)
		e = usage_database_add(txn, &entry);
	if (e == OK)
		e = usage_database_put_host(txn, &host);
	if (e == OK)
		e = db_commit(&txn);
	db_abort(&txn);
	if (e == OK)
		e = usage_file_write(db, to, NULL);
	db_close(&db);
	fclose(to);
	return e;
}

static enum error
survey_all(struct store_txn *txn)
{
	FILE *from = stream(usage.at, usage.n);
	struct usage_merge *merge = usage_merge_new();
	struct usage_file_reader *reader;
	struct tenant_usage_list list = {.since = 1700000000, .now = 1790000000};
	const char *left_out;
	enum error e = merge == NULL ? ERR_MEMORY : OK;

	if (e == OK)
		e = usage_file_reader_open(&reader, from, "it", &why);
	if (e == OK)
		e = usage_merge_add(merge, reader, &left_out);
	if (e == OK)
		e = tenant_usage_read(&list, txn, merge, NULL, NULL, &why);
	tenant_usage_free(&list);
	usage_merge_free(&merge);
	fclose(from);
	return e;
}

static enum error
survey(void)
{
	return with_store(STORE_READ, survey_all);
}

static enum error
notice_template(void)
{
	static const char text[] = "Subject: {tenant}\n\n{mailboxes}\n";
	struct notice_template *t;
	enum error e = notice_template_parse(&t, text, strlen(text), "it", &why);

	notice_template_free(&t);
	return e;
}

static enum error
findings(void)
{
	struct findings list = {0};
	bool failed;

	findings_add(&list, "one", "here", "a %s", "text");
	findings_fix(&list, "so");
	findings_add(&list, "two", "there", "another");
	if (!list.failed)
		findings_drop(&list, 0);
	failed = list.failed;
	findings_free(&list);
	return failed ? ERR_MEMORY : OK;
}

static const struct {
	const char *name;
	enum error (*run)(void);
	bool changes; /* the policy */
} operations[] = {
    {"create", create, true},
    {"change", change, true},
    {"verify", verify, false},
    {"audit", audit, false},
    {"import of lines", import_jsonl, true},
    {"import of a table", import_csv, true},
    {"snapshot", snapshot_create, false},
    {"apply", snapshot_apply, true},
    {"backup", backup, false},
    {"usage", usage_record, false},
    {"survey", survey, false},
    {"template", notice_template, false},
    {"findings", findings, false},
};

/* without_one - the operation, while its allocation N fails; false: it has no N */
static bool
without_one(int i, unsigned n)
{
	enum error e;
	bool failed;

	failing_allocation_begin(n);
	e = operations[i].run();
	failed = failing_allocation_end();
	ck_assert_msg(e == (failed ? ERR_MEMORY : OK), "%s, allocation %u: %s (%s)",
	    operations[i].name, n, error_string(e), why.text);
	return failed;
}

START_TEST(each_allocation_fails_once)
{
	struct digest before = state_digest(&state), after = before;
	bool create_it = operations[_i].run == create;
	unsigned n = 0;

	while (without_one(_i, n)) {
		ck_assert_msg(++n < MOST, "%s does not end", operations[_i].name);
		if (create_it)
			continue;
		after = state_digest(&state);
		ck_assert_msg(digest_equal(&before, &after), "%s changed the policy",
		    operations[_i].name);
	}
	ck_assert_uint_gt(n, 0);
	after = state_digest(&state);
	ck_assert(digest_equal(&before, &after) == !operations[_i].changes);
	ck_assert_int_eq(verify(), OK);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tcase = state_add_case(suite, "memory");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, each_allocation_fails_once, 0, COUNT(operations));
	return suite_run(suite);
}
