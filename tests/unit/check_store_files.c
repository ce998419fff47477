/* SPDX-License-Identifier: BSD-2-Clause */
/* check_store_files.c - the store's files: making, refusing, permissions, versions. */
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/db/lmdb_file.h"
#include "policy/kernel/network_fs.h"
#include "policy/store/state_dir.h"
#include "policy/tables/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GARBAGE_SIZE = 8192, NOBODY = 65534, OTHER_GROUP = 23456, META_SIZE = 96 };

static struct state state;
static struct error_text why;

static void
setup(void)
{
	state_open(&state);
	why.text[0] = '\0';
}

/* open_expect - opening in both modes gives this error and leaves nothing open */
static void
open_expect(enum error wanted)
{
	struct store *store;

	expect_error(wanted, store_open(&store, state.dir, STORE_READ, &why));
	ck_assert_ptr_null(store);
	expect_error(wanted, store_open(&store, state.dir, STORE_WRITE, &why));
	ck_assert_ptr_null(store);
	ck_assert_ptr_nonnull(strstr(why.text, state.dir));
}

static void
open_expect_ok(void)
{
	struct store *reader = state_store(&state, STORE_READ);

	store_expect_sound(reader);
	store_close(&reader);
}

static void
create_expect(enum error wanted)
{
	struct store *store;
	bool created;

	expect_error(wanted, store_create(&store, state.dir, &created, &why));
	if (wanted == OK)
		store_close(&store);
	else
		ck_assert_ptr_null(store);
}

static unsigned
mode_of(const char *path)
{
	struct stat file;

	ck_assert_int_eq(stat(path, &file), 0);
	return file.st_mode & 07777;
}

/* turn_path - of the file that nobody but the owner may open */
static const char *
turn_path(void)
{
	static char path[STATE_PATH];

	snprintf(path, sizeof(path), "%s/" TURN_FILE, state.dir);
	return path;
}

START_TEST(create_sets_modes_under_any_umask)
{
	static const mode_t masks[] = {0, 022, 027, 0077, 0177};
	mode_t old = umask(masks[_i]);

	create_expect(OK);
	umask(old);
	ck_assert_uint_eq(mode_of(state.data), 0640);
	ck_assert_uint_eq(mode_of(state.writers), 0640);
	ck_assert_uint_eq(mode_of(turn_path()), 0600);
	ck_assert_int_eq(file_size(state.lock), -1);
}
END_TEST

START_TEST(create_can_be_repeated)
{
	struct store *store;
	struct store_txn *txn;
	struct store_meta meta;
	bool created = false;

	for (int i = 0; i < 3; i++) {
		expect_ok(store_create(&store, state.dir, &created, &why));
		ck_assert_int_eq(created, i == 0);
		txn = txn_begin(store);
		if (i == 0)
			meta = *store_meta(txn);
		ck_assert_mem_eq(meta.id, store_meta(txn)->id, sizeof(meta.id));
		store_abort(&txn);
		store_close(&store);
		chmod(state.data, 0666);
		chmod(state.writers, 0600);
		ck_assert(file_write(state.lock, "", 0)); /* of an older version */
	}
	create_expect(OK);
	ck_assert_uint_eq(mode_of(state.data), 0640);
	ck_assert_uint_eq(mode_of(state.writers), 0640);
	ck_assert_int_eq(file_size(state.lock), -1);
}
END_TEST

START_TEST(create_gives_files_the_group_of_the_folder)
{
	struct stat file;

	if (geteuid() != 0) {
		suite_skip("create_gives_files_the_group_of_the_folder", "not root");
		return;
	}
	ck_assert_int_eq(chown(state.dir, 0, OTHER_GROUP), 0);
	create_expect(OK);
	ck_assert_int_eq(stat(state.data, &file), 0);
	ck_assert_uint_eq(file.st_gid, OTHER_GROUP);
	ck_assert_int_eq(stat(state.writers, &file), 0);
	ck_assert_uint_eq(file.st_gid, OTHER_GROUP);
}
END_TEST

START_TEST(folder_is_made_with_the_one_for_usage)
{
	char dir[STATE_PATH], usage[STATE_PATH + 8];
	mode_t old = umask(0077);

	snprintf(dir, sizeof(dir), "%s/state", state.dir);
	snprintf(usage, sizeof(usage), "%s/usage", dir);
	expect_ok(state_dir_create(dir, &why));
	umask(old);
	ck_assert_uint_eq(mode_of(dir), 0750);
	ck_assert_uint_eq(mode_of(usage), 0700);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	expect_ok(state_dir_create(dir, &why));
	ck_assert_uint_eq(mode_of(dir), 0755);
	ck_assert_int_eq(rmdir(usage), 0);
	ck_assert(file_write(usage, "", 0));
	expect_error(ERR_CREATE, state_dir_create(dir, &why));
	snprintf(dir, sizeof(dir), "%s/no/state", state.dir);
	expect_error(ERR_CREATE, state_dir_create(dir, &why));
}
END_TEST

START_TEST(missing_is_an_error_that_names_init)
{
	struct store *store;

	open_expect(ERR_MISSING);
	ck_assert_ptr_nonnull(strstr(why.text, "smtpauthctl init"));
	ck_assert_ptr_null(strstr(why.text, "restore"));
	ck_assert_int_eq(file_size(state.data), -1);
	ck_assert_int_eq(file_size(state.lock), -1);
	strcat(state.dir, "/no");
	expect_error(ERR_MISSING, store_open(&store, state.dir, STORE_READ, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "smtpauthctl init"));
	expect_error(ERR_MISSING, store_open(&store, state.dir, STORE_WRITE, &why));
	create_expect(ERR_MISSING);
}
END_TEST

/* lost_expect - the policy is not taken for one that was never made */
static void
lost_expect(void)
{
	open_expect(ERR_MISSING);
	ck_assert_ptr_nonnull(strstr(why.text, "smtpauthctl restore"));
	ck_assert_ptr_null(strstr(why.text, "init"));
	expect_error(ERR_MISSING, store_mend(state.dir, &why));
	ck_assert_int_le(file_size(state.data), 0);
}

START_TEST(lost_is_an_error_that_names_restore)
{
	create_expect(OK);
	expect_ok(store_mend(state.dir, &why));
	ck_assert_int_eq(unlink(state.data), 0);
	lost_expect();
	ck_assert(file_write(state.data, "", 0));
	lost_expect();
	create_expect(OK);
	open_expect_ok();
}
END_TEST

START_TEST(empty_file_is_filled_by_create_only)
{
	ck_assert(file_write(state.data, "", 0));
	open_expect(ERR_MISSING); /* there may have been one */
	ck_assert_int_eq(file_size(state.data), 0);
	create_expect(OK);
	open_expect_ok();
}
END_TEST

/* garbage_write - a file that LMDB did not make */
static void
garbage_write(const char *start, size_t size)
{
	char garbage[GARBAGE_SIZE] = "";

	memcpy(garbage, start, strlen(start));
	ck_assert(file_write(state.data, garbage, size));
}

START_TEST(foreign_files_are_refused_and_kept)
{
	static const struct {
		const char *start;
		size_t size;
	} files[] = {{"SQLite format 3", GARBAGE_SIZE}, {"x", 1}, {"", GARBAGE_SIZE},
	    {"text", 63}, {"", 4096}};
	char *kept;
	size_t size;

	garbage_write(files[_i].start, files[_i].size);
	open_expect(ERR_FORMAT);
	create_expect(ERR_FORMAT);
	kept = file_read(state.data, &size);
	ck_assert_uint_eq(size, files[_i].size);
	ck_assert_mem_eq(kept, files[_i].start, strlen(files[_i].start));
	free(kept);
}
END_TEST

/* header_put - number N at AT, as another machine may write it */
static void
header_put(char *file, size_t at, uint32_t n, bool swapped)
{
	n = swapped ? __builtin_bswap32(n) : n;
	memcpy(file + at, &n, sizeof(n));
}

/* machine_write - LMDB's first page of a machine whose words have WORD bytes */
static void
machine_write(size_t word, bool swapped)
{
	static char file[2 * 4096];
	const size_t meta = word + 8; /* behind the head of the page */

	memset(file, 0, sizeof(file));
	header_put(file, meta, 0xBEEFC0DE, swapped);
	header_put(file, meta + 8 + 2 * word, 4096, swapped);
	ck_assert(file_write(state.data, file, sizeof(file)));
}

START_TEST(files_of_other_machines_are_told_from_garbage)
{
	const size_t other = sizeof(size_t) == 8 ? 4 : 8;
	const struct {
		size_t word;
		bool swapped;
	} machines[] = {{other, false}, {other, true}, {sizeof(size_t), true}};

	machine_write(machines[_i].word, machines[_i].swapped);
	open_expect(ERR_MACHINE);
	create_expect(ERR_MACHINE);
	ck_assert_ptr_nonnull(strstr(why.text, "another word size"));
}
END_TEST

/* The check itself: the same page as this machine writes it gets as far as LMDB. */
START_TEST(file_of_this_machine_is_none_of_them)
{
	machine_write(sizeof(size_t), false);
	open_expect(ERR_DAMAGED);
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused)
{
	char other[STATE_PATH];

	ck_assert_int_eq(mkdir(state.data, 0700), 0);
	open_expect(ERR_FORMAT);
	ck_assert_int_eq(rmdir(state.data), 0);
	ck_assert_int_eq(mkfifo(state.data, 0600), 0);
	open_expect(ERR_FORMAT);
	ck_assert_int_eq(unlink(state.data), 0);
	create_expect(OK);
	snprintf(other, sizeof(other), "%s/other.mdb", state.dir);
	ck_assert_int_eq(rename(state.data, other), 0);
	ck_assert_int_eq(symlink("other.mdb", state.data), 0);
	open_expect(ERR_FORMAT);
	create_expect(ERR_FORMAT);
}
END_TEST

/* begin_expect - the files open, but no transaction begins */
static void
begin_expect(enum error wanted)
{
	static const enum store_mode modes[] = {STORE_READ, STORE_WRITE};
	struct store_txn *txn;

	for (int i = 0; i < 2; i++) {
		struct store *store = state_store(&state, modes[i]);

		expect_error(wanted, store_begin(store, &txn));
		ck_assert_ptr_null(txn);
		expect_error(wanted, verify_store(store, NULL, &why));
		store_close(&store);
	}
	create_expect(wanted);
}

START_TEST(lmdb_file_of_another_program_is_refused)
{
	struct key key;

	key_name(&key, (enum table)'z', "one");
	state_raw_put(&state, &key, (struct bytes){"value", 5});
	begin_expect(ERR_FORMAT);
	key_name(&key, (enum table)'\1', "first");
	state_raw_put(&state, &key, (struct bytes){"value", 5});
	begin_expect(ERR_FORMAT);
}
END_TEST

START_TEST(lmdb_file_without_any_record_becomes_ours)
{
	struct key key;
	const struct db_options options = {.writable = true};
	struct db_txn *txn;
	struct db *db;

	key_name(&key, (enum table)'z', "one");
	state_raw_put(&state, &key, (struct bytes){"value", 5});
	expect_ok(db_open(&db, state.data, &options, &why));
	expect_ok(db_begin(db, true, &txn));
	expect_ok(db_delete(txn, &key));
	expect_error(ERR_DAMAGED, db_delete(txn, &key));
	expect_error(ERR_DAMAGED, db_commit(&txn));
	expect_ok(db_begin(db, true, &txn));
	expect_ok(db_delete(txn, &key));
	expect_ok(db_commit(&txn));
	db_close(&db);
	create_expect(OK);
	open_expect_ok();
}
END_TEST

START_TEST(other_versions_and_broken_meta_records_are_told_apart)
{
	static const struct {
		uint8_t version;
		size_t size;
		enum error wanted;
	} rows[] = {{5, 1, ERR_NEWER}, {5, META_SIZE, ERR_NEWER}, {5, 4096, ERR_NEWER},
	    {255, 200, ERR_NEWER}, {0, META_SIZE, ERR_DAMAGED}, {4, 1, ERR_DAMAGED},
	    {4, META_SIZE - 1, ERR_DAMAGED}, {4, 0, ERR_DAMAGED}, {3, 1, ERR_OLDER},
	    {2, META_SIZE, ERR_OLDER}, {1, 200, ERR_OLDER}};
	uint8_t value[4096] = {0};
	struct key key;

	create_expect(OK);
	key_table(&key, TABLE_META);
	value[0] = rows[_i].version;
	state_raw_put(&state, &key, (struct bytes){value, rows[_i].size});
	begin_expect(rows[_i].wanted);
}
END_TEST

/* Though it has the size and the fields of today's. */
START_TEST(meta_record_of_an_older_version_is_told)
{
	struct store *store;
	struct store_txn *txn;
	uint8_t buf[4096];
	struct bytes value;
	struct key key;

	create_expect(OK);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	key_table(&key, TABLE_META);
	expect_ok(db_get(store_db(txn), &key, buf, sizeof buf, &value));
	state_abandon(&store, &txn);
	buf[0]--;
	state_raw_put(&state, &key, value);
	begin_expect(ERR_OLDER);
	create_expect(ERR_OLDER);
}
END_TEST

START_TEST(newer_records_do_not_pass_verification)
{
	static const char tables[] = {
	    TABLE_TENANT, TABLE_MAILBOX, TABLE_DOMAIN, TABLE_ALIAS, TABLE_SETTING};
	struct store *store;
	struct store_txn *txn;
	struct key key;

	create_expect(OK);
	store = state_store(&state, STORE_WRITE);
	txn = txn_begin(store);
	key_name(&key, (enum table)tables[_i], "enforce");
	if (tables[_i] == TABLE_MAILBOX || tables[_i] == TABLE_ALIAS) {
		struct login login = login_make("jane@acme.test");

		key_login(&key, (enum table)tables[_i], &login);
	}
	expect_ok(store_put(txn, &key, (struct bytes){"\2no", 3}));
	txn_commit(&txn);
	expect_error(ERR_NEWER, verify_store(store, NULL, &why));
	store_close(&store);
}
END_TEST

/* open_as_nobody - the error for a user who is in no group of the files */
static int
open_as_nobody(void *arg)
{
	const enum store_mode *mode = arg;
	struct store *store;

	if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
		return ERR_INTERNAL;
	return (int)store_open(&store, state.dir, *mode, &why);
}

START_TEST(permissions_are_those_of_the_files)
{
	enum store_mode reading = STORE_READ, writing = STORE_WRITE;

	if (geteuid() != 0) {
		suite_skip("permissions_are_those_of_the_files", "not root");
		return;
	}
	create_expect(OK);
	ck_assert_int_eq(chmod(state.dir, 0755), 0);
	expect_error(ERR_PERMISSION, child_run(open_as_nobody, &reading));
	ck_assert_int_eq(chmod(state.data, 0644), 0);
	expect_ok(child_run(open_as_nobody, &reading)); /* which needs no other right */
	expect_error(ERR_PERMISSION, child_run(open_as_nobody, &writing));
}
END_TEST

/* What a writer needs of the folder, see held_file_open_dir(). */
#ifdef LINUX_CALLS
enum { FOLDER_RIGHTS = 0730 };
#else
enum { FOLDER_RIGHTS = 0770 };
#endif

START_TEST(folder_need_not_be_readable)
{
	enum store_mode writing = STORE_WRITE;

	if (geteuid() != 0) {
		suite_skip("folder_need_not_be_readable", "not root");
		return;
	}
	create_expect(OK);
	ck_assert_int_eq(chown(state.dir, 0, NOBODY), 0);
	ck_assert_int_eq(chmod(state.dir, FOLDER_RIGHTS), 0);
	ck_assert_int_eq(chown(state.data, NOBODY, NOBODY), 0);
	ck_assert_int_eq(chown(state.writers, NOBODY, NOBODY), 0);
	ck_assert_int_eq(chown(turn_path(), NOBODY, NOBODY), 0);
	expect_ok(child_run(open_as_nobody, &writing));
}
END_TEST

START_TEST(network_file_systems_are_known)
{
	static const unsigned long network[] = {0x6969 /* NFS */, 0x517B /* SMB */,
	    0xFF534D42 /* CIFS */, 0xFE534D42 /* SMB2 */, 0x00C36400 /* Ceph */,
	    0x5346414F /* OpenAFS */, 0x73757245 /* Coda */, 0x01021997 /* 9P */,
	    0x7461636F /* OCFS2 */, 0x01161970 /* GFS2 */, 0x0BD00BD0 /* Lustre */,
	    0x6B414653 /* the kernel's AFS */, 0x47504653 /* GPFS */,
	    0x19830326 /* BeeGFS */, 0x20030528 /* OrangeFS */, 0xAAD7AAEA /* PanFS */};

	ck_assert_msg(network_fs_type(network[_i]), "%lx", network[_i]);
	/* f_type is a signed int on some systems */
	ck_assert(network_fs_type((unsigned long)(long)(int)network[_i]));
}
END_TEST

START_TEST(local_file_systems_are_taken)
{
	static const unsigned long local[] = {0xEF53 /* ext4 */, 0x58465342 /* XFS */,
	    0x9123683E /* Btrfs */, 0x01021994 /* tmpfs */, 0x794C7630 /* overlay */,
	    0x2FC12FC1 /* ZFS */, 0xF2F52010 /* F2FS */, 0};

	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		ck_assert_msg(!network_fs_type(local[i]), "%lx", local[i]);
	expect_ok(network_fs_check(state.dir));
	expect_error(ERR_MISSING, network_fs_check(""));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_files");
	TCase *tcase = state_add_case(suite, "store_files");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, create_sets_modes_under_any_umask, 0, 5);
	tcase_add_test(tcase, create_can_be_repeated);
	tcase_add_test(tcase, create_gives_files_the_group_of_the_folder);
	tcase_add_test(tcase, folder_is_made_with_the_one_for_usage);
	tcase_add_test(tcase, missing_is_an_error_that_names_init);
	tcase_add_test(tcase, lost_is_an_error_that_names_restore);
	tcase_add_test(tcase, empty_file_is_filled_by_create_only);
	tcase_add_loop_test(tcase, foreign_files_are_refused_and_kept, 0, 5);
	tcase_add_loop_test(tcase, files_of_other_machines_are_told_from_garbage, 0, 3);
	tcase_add_test(tcase, file_of_this_machine_is_none_of_them);
	tcase_add_test(tcase, what_is_no_regular_file_is_refused);
	tcase_add_test(tcase, lmdb_file_of_another_program_is_refused);
	tcase_add_test(tcase, lmdb_file_without_any_record_becomes_ours);
	tcase_add_test(tcase, meta_record_of_an_older_version_is_told);
	tcase_add_loop_test(
	    tcase, other_versions_and_broken_meta_records_are_told_apart, 0, 11);
	tcase_add_loop_test(tcase, newer_records_do_not_pass_verification, 0, 5);
	tcase_add_test(tcase, permissions_are_those_of_the_files);
	tcase_add_test(tcase, folder_need_not_be_readable);
	tcase_add_loop_test(tcase, network_file_systems_are_known, 0, 16);
	tcase_add_test(tcase, local_file_systems_are_taken);
	return suite_run(suite);
}
