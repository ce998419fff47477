/* SPDX-License-Identifier: BSD-2-Clause */
/* check_damage.c - over a thousand damaged copies of a database: none may lie. */
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/lmdb_page.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/tables/mailbox_table.h"
#include "policy/tables/verify.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* One variant of so many is checked, where not at length: no multiple of the
	 * kinds of damage to a page, so that all of them have their turn. */
	SAMPLE = 11,
	RECORDS = 400,
	EARLY = 250,       /* of these the older copy has */
	PAGE_MOST = 32768, /* LMDB's limit */
	META_BYTES = 200,
	META_FLIPS = 200,
	LEAF_FLIPS = 200,
	BRANCH_FLIPS = 600,
	VARIANTS_LEAST = 1000,
	SECONDS = 20,
	ADDRESS_SIZE = 220,
	PID_SIZE = 8
};

/* A file's bytes. */
struct image {
	char *bytes;
	size_t size;
};

static struct state state;
static size_t page_size;                 /* the system's, as LMDB takes it */
static struct login logins[2 * RECORDS]; /* the second half has no records */
static struct image whole, older;
static unsigned variants, checked, held;
static uint64_t dice;

/* roll - a number below SIDES (splitmix64) */
static size_t
roll(size_t sides)
{
	uint64_t z = dice += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (size_t)((z ^ (z >> 31)) % sides);
}

/* address_make - long ones, so that a few hundred need branches of branches */
static void
address_make(char *address, int n)
{
	snprintf(
	    address, ADDRESS_SIZE, "%0100d@%060d.%d.test", n * 7919 % 10007, 0, n % 3);
}

/* records_write - a part of the mailboxes */
static void
records_write(struct store_txn *txn, void *arg)
{
	const int *range = arg;
	char address[ADDRESS_SIZE], note[16];

	for (int i = range[0]; i < range[1]; i++) {
		int n = i * 149 % RECORDS;

		address_make(address, n);
		snprintf(note, sizeof(note), "%d", n);
		mailbox_store(txn, address, SMTP_AUTH_DISABLED, note);
	}
}

/* outside_write - a last transaction that changes no policy: a damaged page of the last
 * one makes LMDB take the one before, which has to be right as well */
static void
outside_write(struct store_txn *txn, void *arg)
{
	struct key key;

	key_name(&key, (enum table)'L', "entry");
	expect_ok(store_put(txn, &key, (struct bytes){arg, 1}));
}

static void
image_take(struct image *image)
{
	image->bytes = file_read(state.data, &image->size);
	ck_assert_ptr_nonnull(image->bytes);
	ck_assert_uint_eq(image->size % page_size, 0);
}

static void
setup(void)
{
	static const int early[] = {0, EARLY}, late[] = {EARLY, RECORDS};
	char address[ADDRESS_SIZE];
	int range[2];

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	if (page_size > PAGE_MOST)
		page_size = PAGE_MOST;
	for (int i = 0; i < 2 * RECORDS; i++) {
		address_make(address, i);
		logins[i] = login_make(address);
	}
	state_open_ready(&state);
	memcpy(range, early, sizeof(range));
	state_change(&state, records_write, range);
	image_take(&older);
	memcpy(range, late, sizeof(range));
	state_change(&state, records_write, range);
	state_change(&state, outside_write, range);
	image_take(&whole);
	variants = checked = held = 0;
	dice = 1;
}

static void
teardown(void)
{
	free(whole.bytes);
	free(older.bytes);
}

/* lookups_expect - every record that is there, and none that is not */
static void
lookups_expect(struct store *store, const char *variant, size_t page)
{
	struct store_txn *txn = txn_begin(store);
	struct mailbox mailbox;
	char note[16];
	enum error e;
	bool found;

	for (int i = 0; i < 2 * RECORDS; i++) {
		snprintf(note, sizeof(note), "%d", i);
		e = mailbox_table_get(txn, &logins[i], &mailbox, &found);
		/* An assertion that holds writes to a pipe, and these are millions. */
		if (e != OK || found != (i < RECORDS))
			ck_abort_msg("%s, page %zu: record %d is %s: \"%s\"", variant,
			    page, i, found ? "there" : "missing", error_string(e));
		if (found &&
		    (mailbox.smtp_auth != SMTP_AUTH_DISABLED ||
			strcmp(mailbox.note, note) != 0))
			ck_abort_msg(
			    "%s, page %zu: record %d is wrong", variant, page, i);
	}
	store_abort(&txn);
}

static enum error
record_ignore(void *arg, struct bytes key, struct bytes value)
{
	(void)arg;
	(void)key;
	(void)value;
	return OK;
}

/* part_scan - in a snapshot of its own: LMDB gives one up after an error */
static enum error
part_scan(struct store *store, unsigned part, unsigned parts)
{
	struct store_txn *txn;
	enum error e = store_begin(store, &txn);

	if (e == OK) {
		e = db_scan(store_db(txn), part, parts, record_ignore, NULL);
		store_abort(&txn);
	}
	return e;
}

/* parts_expect - scanned in two parts, the variant holds where the whole does */
static void
parts_expect(struct store *store, const char *variant, size_t page)
{
	enum error all = part_scan(store, 0, 1);
	enum error even = part_scan(store, 0, 2), odd = part_scan(store, 1, 2);

	ck_assert_msg((all == OK) == (even == OK && odd == OK),
	    "%s, page %zu: \"%s\" as a whole, \"%s\" and \"%s\" in parts", variant,
	    page, error_string(all), error_string(even), error_string(odd));
}

/* links_walk - a walk from record to record ends, whatever it says */
static void
links_walk(struct store *store)
{
	struct error_text why;
	struct store_txn *txn;

	if (store_begin(store, &txn) != OK)
		return;
	if (verify_links(txn, &why) != OK)
		ck_assert_str_ne(why.text, "");
	store_abort(&txn);
}

/* variant_check - opens, verifies, and believes only what held */
static void
variant_check(const char *variant, size_t page, const void *bytes, size_t size)
{
	struct error_text why;
	struct store *store;

	if (variants++ % SAMPLE != 0 && !suite_at_length())
		return;
	checked++;
	unlink(state.data); /* cutting it to nothing would make ext4 flush it */
	ck_assert(file_write(state.data, bytes, size));
	if (store_open(&store, state.dir, STORE_READ, &why) != OK) {
		ck_assert_ptr_null(store);
		return;
	}
	parts_expect(store, variant, page);
	links_walk(store);
	if (verify_store(store, NULL, &why) == OK) {
		held++;
		lookups_expect(store, variant, page);
	}
	store_close(&store);
}

/* pages_damage - every page zeroed, random, swapped, and as it was before */
static void
pages_damage(void)
{
	size_t pages = whole.size / page_size;
	char *copy = malloc(whole.size);

	ck_assert_ptr_nonnull(copy);
	for (size_t i = 0; i < pages; i++) {
		char *page = copy + i * page_size;
		size_t other = (i + 1 + roll(pages - 1)) % pages;

		memcpy(copy, whole.bytes, whole.size);
		memset(page, 0, page_size);
		variant_check("zeroed", i, copy, whole.size);
		for (size_t k = 0; k < page_size; k++)
			page[k] = (char)roll(256);
		variant_check("random", i, copy, whole.size);
		memcpy(page, whole.bytes + other * page_size, page_size);
		variant_check("repeated", i, copy, whole.size);
		memcpy(
		    copy + other * page_size, whole.bytes + i * page_size, page_size);
		variant_check("swapped", i, copy, whole.size);
		memcpy(copy, whole.bytes, whole.size);
		/* the page's own number stays that of its place */
		memcpy(page + PID_SIZE, whole.bytes + other * page_size + PID_SIZE,
		    page_size - PID_SIZE);
		variant_check("disguised", i, copy, whole.size);
		if ((i + 1) * page_size > older.size)
			continue;
		memcpy(page, older.bytes + i * page_size, page_size);
		variant_check("older", i, copy, whole.size);
	}
	free(copy);
}

START_TEST(damaged_pages)
{
	int64_t start = clock_now();

	pages_damage();
	ck_assert_uint_gt(variants, 5 * (whole.size / page_size));
	ck_assert_uint_gt(held, 0); /* free pages do not matter */
	ck_assert_uint_lt(held, checked);
	ck_assert_int_lt(clock_now() - start, SECONDS * 1000 * deadline_factor());
}
END_TEST

START_TEST(truncated_files)
{
	variant_check("whole", 0, whole.bytes, whole.size);
	ck_assert_uint_eq(held, 1);
	for (size_t size = 0; size < whole.size; size += page_size / 4)
		variant_check("truncated", size / page_size, whole.bytes, size);
	ck_assert_uint_gt(checked, 1);
}
END_TEST

/* flip_check - one bit of the page, within its first ROOM bytes */
static void
flip_check(const char *variant, size_t page, size_t room)
{
	size_t bit = roll(room * 8), at = page * page_size + bit / 8;

	whole.bytes[at] = (char)(whole.bytes[at] ^ 1 << bit % 8);
	variant_check(variant, page, whole.bytes, whole.size);
	whole.bytes[at] = (char)(whole.bytes[at] ^ 1 << bit % 8);
}

/* flips_check - COUNT flips in pages of that kind */
static void
flips_check(const char *variant, unsigned kind, int count)
{
	size_t pages[1024], found = 0;

	for (size_t i = 2; i < whole.size / page_size && found < 1024; i++)
		if (lmdb_page_kind(whole.bytes + i * page_size) == kind)
			pages[found++] = i;
	ck_assert_uint_ge(found, 1);
	for (int i = 0; i < count; i++)
		flip_check(variant, pages[i % (int)found], page_size);
}

START_TEST(flipped_bits)
{
	variant_check("whole", 0, whole.bytes, whole.size);
	ck_assert_uint_eq(held, 1);
	flips_check("flip in a branch", LMDB_PAGE_BRANCH, BRANCH_FLIPS);
	flips_check("flip in a leaf", LMDB_PAGE_LEAF, LEAF_FLIPS);
	for (size_t i = 0; i < META_FLIPS; i++)
		flip_check("flip in a meta page", i % 2, META_BYTES);
	ck_assert_uint_ge(variants, VARIANTS_LEAST);
	ck_assert_uint_lt(held, checked);
}
END_TEST

/* The same records, and so the same digest: only their order can tell. */
START_TEST(neighbours_that_change_places)
{
	for (size_t i = 2; i < whole.size / page_size; i++) {
		char *page = whole.bytes + i * page_size;

		for (size_t k = 0; lmdb_page_swap(page, k); k++) {
			variant_check("places changed", i, whole.bytes, whole.size);
			ck_assert(lmdb_page_swap(page, k));
		}
	}
	ck_assert_uint_gt(variants, RECORDS);
	ck_assert_uint_lt(held, checked);
}
END_TEST

/* Every bit of the header and of the first pointers. */
START_TEST(flipped_bits_in_headers_of_branches)
{
	enum { HEADER = 24 };

	for (size_t i = 2; i < whole.size / page_size; i++) {
		if (lmdb_page_kind(whole.bytes + i * page_size) != LMDB_PAGE_BRANCH)
			continue;
		for (size_t bit = 0; bit < HEADER * 8; bit++) {
			size_t at = i * page_size + bit / 8;

			whole.bytes[at] = (char)(whole.bytes[at] ^ 1 << bit % 8);
			variant_check("flip in a header", i, whole.bytes, whole.size);
			whole.bytes[at] = (char)(whole.bytes[at] ^ 1 << bit % 8);
		}
	}
	ck_assert_uint_lt(held, checked);
}
END_TEST

/* The indexes are outside the digest, but tenants and aliases are removed by them. */
START_TEST(index_that_contradicts_the_records_does_not_hold)
{
	struct login mailbox = login_make("jane@a.test"), alias = login_make("jd");
	struct store *store;
	struct store_txn *txn;
	struct error_text why;
	struct key key;

	state_begin(&state, &store, &txn);
	tenant_store_with(txn, "a", SMTP_AUTH_ENABLED, "a.test");
	txn_commit(&txn);
	expect_ok(verify_store(store, NULL, &why));
	txn = txn_begin(store);
	key_tenant_domain(&key, "a", "a.test");
	if (_i == 1) {
		expect_ok(store_delete(txn, &key));
		key_tenant_domain(&key, "b", "a.test");
	}
	if (_i == 2)
		key_mailbox_alias(&key, &mailbox, &alias);
	if (_i > 0)
		expect_ok(store_put(txn, &key, (struct bytes){"\1jd", 3}));
	else
		expect_ok(store_delete(txn, &key));
	txn_commit(&txn);
	ck_assert_int_ne(verify_store(store, NULL, &why), OK);
	store_close(&store);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("damage");
	TCase *tcase = state_add_case(suite, "damage");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, damaged_pages);
	tcase_add_test(tcase, truncated_files);
	tcase_add_test(tcase, flipped_bits);
	tcase_add_test(tcase, neighbours_that_change_places);
	tcase_add_test(tcase, flipped_bits_in_headers_of_branches);
	tcase_add_loop_test(
	    tcase, index_that_contradicts_the_records_does_not_hold, 0, 3);
	return suite_run(suite);
}
