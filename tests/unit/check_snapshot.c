/* SPDX-License-Identifier: BSD-2-Clause */
/* check_snapshot.c - signed snapshots: they come back whole, or are refused. */
#include "tests/lib/snapshot_image.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

#define TRUST SNAPSHOT_TRUST
#define OTHER SNAPSHOT_OTHER

enum { MANY = 3000 };

static void
expect_refused(const struct snapshot_image *image, const char *what, size_t where)
{
	struct error_text why = {""};
	enum error e = snapshot_image_verify(image, TRUST, &why);

	ck_assert_msg(e == ERR_DATA && strstr(why.text, "it") != NULL,
	    "%s at %zu: %s, \"%s\"", what, where, error_string(e), why.text);
}

/* large - records of all lengths, the longest among them */
static void
large(struct store_txn *txn, void *arg)
{
	char name[LOGIN_RAW_MAX + 1], note[NOTE_MAX + 1];

	snapshot_policy_small(txn, arg);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "user%d@acme.test", i * 7919 % MANY);
		memset(note, 'n', sizeof note);
		note[i % sizeof note] = '\0';
		mailbox_store(txn, name, SMTP_AUTH_ENABLED, note);
	}
	memset(name, 'x', 310);
	strcpy(name + 310, "@acme.test");
	mailbox_store(txn, name, SMTP_AUTH_ENABLED, "");
	memset(name, 'y', 310);
	alias_store(txn, "ann@acme.test", name);
}

START_TEST(comes_back)
{
	struct state here, there;
	struct snapshot_head head;
	struct digest a, b;
	struct snapshot_image image;

	state_open_ready(&here);
	state_change(&here, large, NULL);
	snapshot_state_small(&there);
	expect_ok(snapshot_image_write(&here, UINT64_C(1) << 40, &image, &head));
	ck_assert_uint_eq(head.count[SNAPSHOT_SETTINGS], 1);
	ck_assert_uint_eq(head.count[SNAPSHOT_TENANTS], 1);
	ck_assert_uint_eq(head.count[SNAPSHOT_DOMAINS], 1);
	ck_assert_uint_eq(head.count[SNAPSHOT_MAILBOXES], MANY + 3);
	ck_assert_uint_eq(head.count[SNAPSHOT_ALIASES], 2);
	ck_assert_uint_gt(head.body_len, 3 * 65536); /* several buffers */
	expect_ok(snapshot_image_apply(&there, &image));
	a = state_digest(&here);
	b = state_digest(&there);
	ck_assert(digest_equal(&a, &b) && digest_equal(&a, &head.policy));
	free(image.at);
}
END_TEST

START_TEST(same_policy_same_bytes)
{
	struct state state;
	struct snapshot_image a, b;

	snapshot_state_small(&state);
	a = snapshot_image_make(&state);
	b = snapshot_image_make(&state);
	ck_assert_uint_eq(a.n, b.n);
	ck_assert_mem_eq(a.at, b.at, a.n);
	free(a.at);
	free(b.at);
}
END_TEST

START_TEST(no_record_at_all)
{
	struct state here, there;
	struct error_text why;
	struct snapshot_image image;

	state_open_ready(&here);
	snapshot_state_small(&there);
	image = snapshot_image_make(&here);
	ck_assert_uint_eq(image.n, AT_BODY);
	expect_ok(snapshot_image_read(&image, NULL, 0, &why));
	expect_ok(snapshot_image_apply(&there, &image));
	free(image.at);
}
END_TEST

START_TEST(each_byte_counts)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	struct error_text why;
	struct snapshot_image image;
	struct state state;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	expect_ok(snapshot_image_verify(&image, TRUST, &why));
	for (size_t i = 0; i < image.n; i++)
		for (size_t k = 0; k < COUNT(flips); k++) {
			image.at[i] ^= flips[k];
			expect_refused(&image, "a flip", i);
			image.at[i] ^= flips[k];
		}
	expect_ok(snapshot_image_verify(&image, TRUST, &why));
	free(image.at);
}
END_TEST

START_TEST(each_length_counts)
{
	struct snapshot_image image, part;
	struct state state;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	for (size_t n = 0; n < image.n; n++) {
		part.at = malloc(n > 0 ? n : 1); /* of its size: no read behind it */
		part.n = n;
		memcpy(part.at, image.at, n);
		expect_refused(&part, "the end", n);
		free(part.at);
	}
	for (int byte = 0; byte < 256; byte += 51) {
		image.at[image.n] = (uint8_t)byte;
		part = (struct snapshot_image){image.at, image.n + 1};
		expect_refused(&part, "one more byte", image.n);
	}
	free(image.at);
}
END_TEST

START_TEST(two_files_do_not_mix)
{
	struct snapshot_image image, other;
	struct state state;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	state_open_ready(&state);
	other = snapshot_image_make(&state);
	memcpy(other.at, image.at, AT_BODY);
	expect_refused(&other, "the head of another one", 0);
	memcpy(image.at + SNAPSHOT_HEAD_BYTES, other.at + SNAPSHOT_HEAD_BYTES - 1,
	    SIGNATURE_BYTES);
	expect_refused(&image, "the signature of another one", 0);
	free(image.at);
	free(other.at);
}
END_TEST

START_TEST(keys_of_others)
{
	struct error_text why = {""};
	struct snapshot_image image;
	struct state state;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	expect_error(ERR_DATA, snapshot_image_verify(&image, OTHER, &why));
	ck_assert_msg(strstr(why.text, "the trusted one is"), "%s", why.text);
	expect_error(ERR_DATA, snapshot_image_verify(&image, OTHER OTHER, &why));
	ck_assert_msg(strstr(why.text, "none of the 2"), "%s", why.text);
	expect_ok(snapshot_image_verify(&image, OTHER TRUST, &why));
	expect_ok(
	    snapshot_image_verify(&image, "a remark\n" TRUST "and\n" OTHER, &why));
	free(image.at);
}
END_TEST

static void
flip(struct snapshot_image *image, size_t where)
{
	image->at[where] ^= 0x01;
}

static void
swap_halves(struct snapshot_image *image, size_t where)
{
	size_t n = (image->n - where) / 2;
	uint8_t *copy = malloc(n);

	memcpy(copy, image->at + where, n);
	memmove(image->at + where, image->at + image->n - n, n);
	memcpy(image->at + image->n - n, copy, n);
	free(copy);
}

START_TEST(changed_between_the_passes)
{
	struct error_text why;
	struct snapshot_image image;
	struct state state;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	for (size_t i = AT_BODY; i < image.n; i++) {
		enum error e = snapshot_image_read(&image, flip, i, &why);

		ck_assert_msg(e == ERR_DATA, "byte %zu: %s", i, error_string(e));
		flip(&image, i);
	}
	expect_error(ERR_DATA, snapshot_image_read(&image, swap_halves, AT_BODY, &why));
	swap_halves(&image, AT_BODY);
	/* The head is kept from the first pass: what the file says now is nothing. */
	expect_ok(snapshot_image_read(&image, flip, AT_DIGEST, &why));
	free(image.at);
}
END_TEST

/* file_reading - a snapshot in a real file, verified */
static struct snapshot *
file_reading(
    const struct snapshot_image *image, FILE *file, struct signature_keys *keys)
{
	struct error_text why;
	struct snapshot *s;

	setvbuf(file, NULL, _IONBF, 0);
	ck_assert_uint_eq(fwrite(image->at, 1, image->n, file), image->n);
	rewind(file);
	expect_ok(snapshot_open(&s, file, "it", &why));
	expect_ok(snapshot_verify(s, keys, &why));
	return s;
}

START_TEST(cut_or_grown_between_the_passes)
{
	struct signature_keys *keys = snapshot_trust(TRUST);
	struct bytes key, value;
	struct error_text why;
	struct snapshot_image image;
	struct state state;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	for (int grown = 0; grown < 2; grown++) {
		FILE *file = tmpfile();
		struct snapshot *s = file_reading(&image, file, keys);
		bool found;
		enum error e;

		ck_assert_int_eq(
		    ftruncate(fileno(file), (off_t)image.n + (grown ? 1 : -1)), 0);
		do {
			e = snapshot_next(s, &key, &value, &found, &why);
		} while (e == OK && found);
		expect_error(ERR_DATA, e);
		snapshot_close(&s);
		fclose(file);
	}
	signature_keys_free(&keys);
	free(image.at);
}
END_TEST

START_TEST(not_read_before_it_is_verified)
{
	struct signature_keys *keys = snapshot_trust(OTHER);
	struct bytes key, value;
	struct error_text why;
	struct snapshot_image image;
	struct snapshot *s;
	struct state state;
	bool found;
	FILE *from;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	from = snapshot_image_stream(&image);
	expect_ok(snapshot_open(&s, from, "it", &why));
	expect_error(ERR_INTERNAL, snapshot_next(s, &key, &value, &found, &why));
	expect_error(ERR_DATA, snapshot_verify(s, keys, &why));
	expect_error(ERR_INTERNAL, snapshot_next(s, &key, &value, &found, &why));
	snapshot_close(&s);
	signature_keys_free(&keys);
	fclose(from);
	free(image.at);
}
END_TEST

START_TEST(serials)
{
	struct snapshot_head head;
	struct snapshot_image image;
	struct state state;

	snapshot_state_small(&state);
	expect_error(ERR_LIMIT, snapshot_image_write(&state, 0, &image, &head));
	free(image.at);
	expect_error(ERR_LIMIT,
	    snapshot_image_write(
		&state, (uint64_t)SNAPSHOT_SERIAL_MAX + 1, &image, &head));
	free(image.at);
	expect_ok(snapshot_image_write(&state, SNAPSHOT_SERIAL_MAX, &image, &head));
	free(image.at);
}
END_TEST

/* slip_in - a record behind the back of the digest */
static void
slip_in(struct store_txn *txn, void *arg)
{
	struct key key;
	uint8_t value[] = {1, 0, 4, 'a', 'c', 'm', 'e'};

	(void)arg;
	mailbox_store(txn, "bob@acme.test", SMTP_AUTH_ENABLED, "");
	key_name(&key, TABLE_DOMAIN, "b.test");
	expect_ok(db_put(store_db(txn), &key, (struct bytes){value, sizeof value}));
}

START_TEST(damaged_policy_is_not_signed)
{
	struct snapshot_head head;
	struct snapshot_image image;
	struct state state;

	snapshot_state_small(&state);
	state_change(&state, slip_in, NULL);
	expect_error(ERR_DAMAGED, snapshot_image_write(&state, 1, &image, &head));
	for (size_t i = 0; i < image.n && i < AT_BODY; i++)
		ck_assert_uint_eq(image.at[i], 0);
	free(image.at);
}
END_TEST

START_TEST(full_disk)
{
	struct snapshot_head head = {.serial = 1, .made = SNAPSHOT_MADE};
	struct signature_keys *key = snapshot_key();
	FILE *to = fopen("/dev/full", "w");
	struct error_text why;
	struct state state;
	struct store *store;
	struct store_txn *txn;

	ck_assert_ptr_nonnull(to);
	snapshot_state_small(&state);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	expect_error(ERR_FULL, snapshot_write(to, txn, key, &head, &why));
	state_abandon(&store, &txn);
	signature_keys_free(&key);
	fclose(to);
}
END_TEST

/* write_after - what the next writer does, in another process */
static int
write_after(void *arg)
{
	const struct state *state = arg;
	struct error_text why;
	struct store_txn *txn;
	struct store *store;

	if (store_open(&store, state->dir, STORE_WRITE, &why) != OK ||
	    store_begin(store, &txn) != OK)
		return 1;
	store_set_serial(txn, 99, &store_meta(txn)->digest);
	if (store_commit(&txn) != OK)
		return 1;
	store_close(&store);
	return 0;
}

START_TEST(yields_to_the_next_writer)
{
	struct store_txn *txn;
	struct store *store;
	struct state state;

	snapshot_state_small(&state);
	store = state_store(&state, STORE_WRITE);
	txn = txn_begin(store);
	store_set_serial(txn, 41, &store_meta(txn)->digest);
	txn_commit(&txn);
	expect_ok(store_yield(store, &txn));
	ck_assert_int_eq(child_run(write_after, &state), 0);
	ck_assert_uint_eq(store_meta(txn)->serial, 41);
	store_abort(&txn);
	txn = txn_begin(store);
	ck_assert_uint_eq(store_meta(txn)->serial, 99);
	state_abandon(&store, &txn);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tcase = state_add_case(suite, "snapshot");

	tcase_add_test(tcase, comes_back);
	tcase_add_test(tcase, same_policy_same_bytes);
	tcase_add_test(tcase, no_record_at_all);
	tcase_add_test(tcase, each_byte_counts);
	tcase_add_test(tcase, each_length_counts);
	tcase_add_test(tcase, two_files_do_not_mix);
	tcase_add_test(tcase, keys_of_others);
	tcase_add_test(tcase, changed_between_the_passes);
	tcase_add_test(tcase, cut_or_grown_between_the_passes);
	tcase_add_test(tcase, not_read_before_it_is_verified);
	tcase_add_test(tcase, serials);
	tcase_add_test(tcase, damaged_policy_is_not_signed);
	tcase_add_test(tcase, full_disk);
	tcase_add_test(tcase, yields_to_the_next_writer);
	return suite_run(suite);
}
