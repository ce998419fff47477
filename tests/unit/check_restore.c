/* SPDX-License-Identifier: BSD-2-Clause */
/* check_restore.c - a backup goes back into any state of the live database, or not at
 * all. */
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/tables/notice_table.h"
#include "policy/tables/verify.h"
#include "policy/transfer/backup.h"
#include "policy/transfer/restore.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FEW = 60, BACKUP_SERIAL = 7 };

static struct state state;
static char copy[STATE_PATH]; /* the backup */
static struct digest policy;  /* ... whose digest this is */
static struct audit_log audit = {.origin = {.command = "test"}};
static struct restore done;
static struct error_text why;

/* first_write - what the backup has */
static void
first_write(struct store_txn *txn, void *arg)
{
	const struct notice notice = {.address = "old@a.test"};
	char name[40];

	(void)arg;
	audit_table_watch(txn, &audit);
	tenant_store_with(txn, "a", SMTP_AUTH_DISABLED, "a.test");
	tenant_store_with(txn, "gone", SMTP_AUTH_DISABLED, "gone.test");
	for (int i = 0; i < FEW; i++) {
		snprintf(name, sizeof(name), "u%d@a.test", i);
		mailbox_store(txn, name, SMTP_AUTH_ENABLED, name);
	}
	alias_store(txn, "u1@a.test", "short");
	expect_ok(notice_table_put(txn, "a", &notice));
	store_set_serial(txn, BACKUP_SERIAL, &store_meta(txn)->digest);
}

/* later_write - what has happened since: two new, one changed, one gone */
static void
later_write(struct store_txn *txn, void *arg)
{
	const struct notice notice = {.address = "new@a.test"};
	struct login login = login_make("u2@a.test");
	uint64_t *serial = arg;
	struct key key;

	audit_table_watch(txn, &audit);
	tenant_store(txn, "b", SMTP_AUTH_ENABLED);
	mailbox_store(txn, "new@a.test", SMTP_AUTH_DISABLED, "new");
	mailbox_store(txn, "u1@a.test", SMTP_AUTH_DISABLED, "later");
	key_login(&key, TABLE_MAILBOX, &login);
	expect_ok(store_delete(txn, &key));
	expect_ok(notice_table_put(txn, "a", &notice));
	if (serial != NULL)
		store_set_serial(txn, *serial, &store_meta(txn)->digest);
}

static void
more_write(struct store_txn *txn, void *arg)
{
	(void)arg;
	audit_table_watch(txn, &audit);
	mailbox_store(txn, "more@a.test", SMTP_AUTH_DISABLED, "more");
	mailbox_store(txn, "u3@a.test", SMTP_AUTH_DISABLED, "more");
}

static void
setup(void)
{
	struct store *store;
	struct store_txn *txn;
	struct backup b;

	state_open_ready(&state);
	snprintf(copy, sizeof(copy), "%s/copy", state.dir);
	state_change(&state, first_write, NULL);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	policy = store_meta(txn)->digest;
	expect_ok(backup_copy(txn, copy, 0, &b, &why));
	expect_ok(backup_verify(copy, 0, &b, &why));
	state_abandon(&store, &txn);
}

/* restore_try - as the command does it: the backup is verified first */
static enum error
restore_try(void)
{
	struct store *store;
	struct store_txn *txn;
	enum error e = store_open_file(&store, copy, 0, STORE_READ, &why);

	if (e != OK)
		return e;
	e = store_begin(store, &txn);
	if (e == OK)
		e = verify_txn(txn, NULL, &why);
	if (e == OK)
		e = restore_run(state.dir, txn, false, &audit, &done, &why);
	state_abandon(&store, &txn);
	return e;
}

/* live_meta - of the live database, which has to hold */
static struct store_meta
live_meta(void)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct store_meta meta = *store_meta(txn);

	store_abort(&txn);
	store_expect_sound(store);
	store_close(&store);
	return meta;
}

/* policy_expect - that the live one is that of the backup */
static void
policy_expect(void)
{
	struct store_meta meta = live_meta();

	ck_assert(digest_equal(&meta.digest, &policy));
}

/* last_take - the entry visited last */
static enum error
last_take(void *arg, const struct audit_entry *e)
{
	*(struct audit_entry *)arg = *e;
	return OK;
}

/* entry_last - the last one of the live audit log, which chains to the head */
static struct audit_entry
entry_last(void)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct audit_entry entry = {.number = 0};

	expect_ok(audit_table_each(txn, 1, last_take, &entry));
	ck_assert_uint_eq(entry.number, store_meta(txn)->audit_count);
	ck_assert(digest_equal(&entry.hash, &store_meta(txn)->audit_head));
	state_abandon(&store, &txn);
	return entry;
}

/* notice_expect - to whom tenant a's last notice went */
static void
notice_expect(const char *address)
{
	struct store *store = state_store(&state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct notice notice;
	bool found;

	expect_ok(notice_table_get(txn, "a", &notice, &found));
	ck_assert(found);
	ck_assert_str_eq(notice.address, address);
	state_abandon(&store, &txn);
}

START_TEST(into_a_live_database)
{
	uint64_t serial = BACKUP_SERIAL + (uint64_t)_i - 1;
	struct store_meta before, after;
	struct audit_entry entry;

	state_change(&state, later_write, &serial);
	before = live_meta();
	expect_ok(restore_try());
	ck_assert_int_eq(done.way, RESTORE_POLICY);
	ck_assert_uint_eq(done.changes.created, 1);
	ck_assert_uint_eq(done.changes.changed, 1);
	ck_assert_uint_eq(done.changes.removed, 2);
	after = live_meta();
	ck_assert(digest_equal(&after.digest, &policy));
	ck_assert_mem_eq(after.id, before.id, sizeof(after.id));
	ck_assert_uint_eq(after.audit_count, before.audit_count + 1);
	ck_assert_uint_eq(
	    after.serial, serial > BACKUP_SERIAL ? serial : BACKUP_SERIAL);
	entry = entry_last();
	ck_assert_int_eq(entry.kind, AUDIT_SUMMARY);
	ck_assert_uint_eq(entry.summary.created, 1);
	ck_assert_uint_eq(entry.summary.changed, 1);
	ck_assert_uint_eq(entry.summary.removed, 2);
	ck_assert_uint_eq(entry.summary.serial, BACKUP_SERIAL);
	ck_assert(digest_equal(&entry.summary.content, &policy));
	ck_assert(digest_equal(&entry.policy, &policy));
	notice_expect("new@a.test");
	ck_assert_mem_eq(&done.meta, &after, sizeof(after));
}
END_TEST

START_TEST(nothing_to_do)
{
	struct store_meta before = live_meta(), after;

	expect_ok(restore_try());
	ck_assert_int_eq(done.way, RESTORE_NOTHING);
	after = live_meta();
	ck_assert_mem_eq(&after, &before, sizeof(after));
}
END_TEST

/* The serial alone is worth a transaction: it keeps older snapshots out. */
START_TEST(only_the_serial_is_higher)
{
	struct store *store = state_store(&state, STORE_WRITE);
	struct store_txn *txn = txn_begin(store);

	store_set_serial(txn, BACKUP_SERIAL - 1, &store_meta(txn)->digest);
	txn_commit(&txn);
	store_close(&store);
	expect_ok(restore_try());
	ck_assert_int_eq(done.way, RESTORE_POLICY);
	ck_assert_uint_eq(live_meta().serial, BACKUP_SERIAL);
	ck_assert_int_eq(entry_last().kind, AUDIT_SUMMARY);
}
END_TEST

static uint64_t
mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* replaced_expect - a new database, which is that of the backup and one entry more */
static void
replaced_expect(void)
{
	struct store_meta meta = live_meta();
	struct audit_entry entry = entry_last();

	ck_assert_int_eq(done.way, RESTORE_FILE);
	ck_assert(digest_equal(&meta.digest, &policy));
	ck_assert_uint_eq(meta.serial, BACKUP_SERIAL);
	ck_assert_uint_eq(meta.audit_count, FEW + 6);
	ck_assert_int_eq(entry.kind, AUDIT_SUMMARY);
	ck_assert_uint_eq(entry.summary.created, 0);
	notice_expect("old@a.test");
	ck_assert_uint_eq(mode_of(state.data), STORE_DATA_MODE);
}

START_TEST(in_the_place_of_none)
{
	ck_assert_int_eq(unlink(state.data), 0);
	expect_ok(restore_try());
	replaced_expect();
	ck_assert(!done.kept);
}
END_TEST

START_TEST(in_the_place_of_another_file)
{
	char kept[STATE_PATH + 16];
	size_t size;
	char *bytes;

	snprintf(kept, sizeof(kept), "%s.damaged", state.data);
	for (int i = 0; i < 2; i++) { /* an empty one, too */
		unlink(state.data);
		ck_assert(file_write(state.data, "another file", i == 0 ? 12 : 0));
		expect_ok(restore_try());
		replaced_expect();
		ck_assert(done.kept);
		bytes = file_read(kept, &size);
		ck_assert_ptr_nonnull(bytes);
		ck_assert_uint_eq(size, i == 0 ? 12 : 0);
		free(bytes);
	}
}
END_TEST

/* Whatever page is lost, and wherever the file ends: afterwards all is well. */
START_TEST(over_a_damaged_database)
{
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE), replaced = 0;
	char *whole, *bytes;

	state_change(&state, later_write, NULL);
	state_change(&state, more_write, NULL); /* some pages are free */
	whole = file_read(state.data, &size);
	bytes = malloc(size);
	for (size_t at = 0; at < size; at += page) {
		memcpy(bytes, whole, size);
		memset(bytes + at, 0, page);
		unlink(state.data);
		ck_assert(file_write(state.data, _i == 0 ? bytes : whole,
		    _i == 0 ? size : at + page / 2));
		expect_ok(restore_try());
		policy_expect();
		ck_assert_int_eq(entry_last().kind, AUDIT_SUMMARY);
		if (done.way == RESTORE_FILE) {
			replaced++;
			replaced_expect();
		}
		/* and it can be written to */
		state_change(&state, more_write, NULL);
		ck_assert_uint_eq(live_meta().mailboxes, FEW + 1);
	}
	ck_assert_uint_gt(replaced, size / page / 3);
	ck_assert_uint_lt(replaced, size / page);
	free(whole);
	free(bytes);
}
END_TEST

/* A backup that is damaged changes nothing, whatever the live database is like. */
START_TEST(damaged_backup_is_refused)
{
	size_t size, live_size, page = (size_t)sysconf(_SC_PAGESIZE), refused = 0;
	char *whole = file_read(copy, &size), *bytes = malloc(size), *live, *now;
	bool missing = _i >= 2;

	state_change(&state, later_write, NULL);
	live = file_read(state.data, &live_size);
	for (size_t at = 0; at < size; at += page) {
		unlink(state.data);
		if (!missing)
			ck_assert(file_write(state.data, live, live_size));
		memcpy(bytes, whole, size);
		memset(bytes + at, 0, page);
		ck_assert(file_write(copy, _i % 2 == 0 ? bytes : whole,
		    _i % 2 == 0 ? size : at + page / 2));
		if (restore_try() == OK) {
			policy_expect();
			continue;
		}
		refused++;
		now = file_read(state.data, NULL);
		ck_assert(missing ? now == NULL
				  : now != NULL && memcmp(now, live, live_size) == 0);
		free(now);
	}
	ck_assert_uint_gt(refused, size / page / 2);
	free(whole);
	free(bytes);
	free(live);
}
END_TEST

/* A backup whose digest holds, yet with a record that cannot be, says nothing about the
 * live database: that one stays, with its audit log. */
START_TEST(senseless_backup_is_refused)
{
	struct store *store;
	struct store_txn *txn;
	struct store_meta before;
	struct login login = login_make("u2@a.test");
	uint8_t buf[RECORD_MAX];
	struct bytes value;
	struct key key;
	char *live, *now;
	size_t size;

	state_change(&state, later_write, NULL);
	before = live_meta();
	live = file_read(state.data, &size);
	expect_ok(store_open_file(&store, copy, 0, STORE_WRITE, &why));
	txn = txn_begin(store);
	key_login(&key, TABLE_MAILBOX, &login);
	expect_ok(store_get(txn, &key, buf, &value));
	ck_assert_ptr_nonnull(value.at);
	key.at[1] = '\0'; /* as if it had no domain */
	expect_ok(store_put(txn, &key, value));
	expect_ok(store_commit(&txn));
	store_close(&store);
	expect_error(ERR_DATA, restore_try());
	ck_assert_ptr_nonnull(strstr(why.text, "makes no sense"));
	now = file_read(state.data, NULL);
	ck_assert_mem_eq(now, live, size);
	ck_assert_uint_eq(live_meta().audit_count, before.audit_count);
	free(live);
	free(now);
}
END_TEST

/* newer_write - a meta record, or another one, of a version that is to come */
static void
newer_write(int which)
{
	struct bytes newer = {"\x63 and so on", 11};
	struct store_txn *txn;
	struct store *store;
	struct key key;

	if (which == 0) {
		key_table(&key, TABLE_META);
		state_raw_put(&state, &key, newer);
		return;
	}
	store = state_store(&state, STORE_WRITE);
	txn = txn_begin(store);
	key_name(&key, TABLE_TENANT, "a");
	expect_ok(store_put(txn, &key, newer));
	txn_commit(&txn);
	store_close(&store);
}

START_TEST(newer_database_is_left_alone)
{
	size_t size, size_now;
	char *before, *after;

	newer_write(_i);
	before = file_read(state.data, &size);
	expect_error(ERR_NEWER, restore_try());
	ck_assert_ptr_nonnull(strstr(why.text, "newer version, and is left alone"));
	after = file_read(state.data, &size_now);
	ck_assert_uint_eq(size, size_now);
	ck_assert_mem_eq(before, after, size);
	free(before);
	free(after);
}
END_TEST

/* Nothing here can read it; the old version can, and its file is kept. */
START_TEST(in_the_place_of_an_older_database)
{
	struct bytes older = {"\3 and so on", 11};
	struct key key;

	key_table(&key, TABLE_META);
	state_raw_put(&state, &key, older);
	expect_ok(restore_try());
	replaced_expect();
	ck_assert(done.kept);
	ck_assert(done.locks_lost);
	ck_assert_ptr_nonnull(strstr(done.cause.text, "older version"));
}
END_TEST

START_TEST(other_writer_is_waited_for)
{
	int fd = open(state.writers, O_RDWR);

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	expect_error(ERR_BUSY, restore_try());
	close(fd);
	expect_ok(restore_try());
}
END_TEST

START_TEST(no_folder)
{
	folder_remove(state.dir);
	state_open(&state);
	snprintf(copy, sizeof(copy), "%s/copy", state.dir);
	expect_error(ERR_MISSING, restore_try());
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("restore");
	TCase *tcase = state_add_case(suite, "restore");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, into_a_live_database, 0, 3);
	tcase_add_test(tcase, nothing_to_do);
	tcase_add_test(tcase, only_the_serial_is_higher);
	tcase_add_test(tcase, in_the_place_of_none);
	tcase_add_test(tcase, in_the_place_of_another_file);
	tcase_add_loop_test(tcase, over_a_damaged_database, 0, 2);
	tcase_add_loop_test(tcase, damaged_backup_is_refused, 0, 4);
	tcase_add_test(tcase, senseless_backup_is_refused);
	tcase_add_loop_test(tcase, newer_database_is_left_alone, 0, 2);
	tcase_add_test(tcase, in_the_place_of_an_older_database);
	if (LOCKS_ARE_SEEN && suite_at_length())
		tcase_add_test(tcase, other_writer_is_waited_for);
	tcase_add_test(tcase, no_folder);
	return suite_run(suite);
}
