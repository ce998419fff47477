/* SPDX-License-Identifier: BSD-2-Clause */
/* check_usage_file.c - usage as a file: it comes back whole or not at all, and
 * several machines add up. */
#include "policy/db/db.h"
#include "policy/usage/auth_denied.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_file.h"
#include "policy/usage/usage_frame.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/usage_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY INT64_C(86400)
#define NOW (INT64_C(20000) * DAY)

/* read_all - reads N bytes to the end; what the first error was */
static enum error
read_all(const void *at, size_t n, uint64_t *rows_r, struct error_text *why)
{
	/* A copy of its own size, so that a read past its end is seen. */
	char *copy = malloc(n > 0 ? n : 1);
	struct usage_file_reader *reader;
	struct usage_row row;
	bool found = true;
	enum error e;
	FILE *from;

	memcpy(copy, at, n);
	from = n > 0 ? fmemopen(copy, n, "r") : fopen("/dev/null", "r");
	ck_assert_ptr_nonnull(from);
	*rows_r = 0;
	e = usage_file_reader_open(&reader, from, "a file", why);
	while (e == OK && found) {
		e = usage_file_reader_next(reader, &row, &found, why);
		*rows_r += e == OK && found;
	}
	usage_file_reader_close(&reader);
	fclose(from);
	free(copy);
	return e;
}

/* The last ones are refusals at AUTH. */
enum { USED = 4, ROWS = 6 };
static const struct usage_sample some[] = {{"", 20000, 8}, {"", 19998, 2},
    {"ann@a.example", 20000, 3}, {"ann@a.example", 19999, 2}, {"bob", 19000, 1},
    {"c d@x", 1, 7}, {"!", 20000, 4}, {"!ann@a.example", 20000, 3},
    {"!ann@a.example", 19998, 9}, {"!bea@a.example", 19000, 2},
    {"!zoe@z.example", 20000, 1}};
#define SAMPLES (sizeof some / sizeof *some)
#define SAMPLES_USED (SAMPLES - 5)

/* export_some - some of the samples, with a machine that is the same each time */
static struct usage_image
export_some(size_t n)
{
	struct recording_host host = recording_host_make("mx1", NOW - 90 * DAY, NOW);

	memset(host.id, 7, sizeof host.id);
	host.dropped = 5;
	host.last_dropped = NOW - 7;
	return usage_image_make(some, n, &host);
}

START_TEST(comes_back)
{
	struct usage_image image = export_some(SAMPLES);
	struct error_text why = {.text = ""};
	uint64_t rows;

	ck_assert_msg(read_all(image.at, image.n, &rows, &why) == OK, "%s", why.text);
	ck_assert_uint_eq(rows, ROWS); /* one is that of others */
	free(image.at);
}
END_TEST

/*
 * Without refusals at AUTH a file is one that older programs read. They see version 2
 * of the machine's record as newer than they are.
 */
START_TEST(version_of_the_head)
{
	const size_t version = strlen(USAGE_FILE_MAGIC) + USAGE_FRAME_HEAD;
	struct error_text why = {.text = ""};
	struct usage_image image;
	uint64_t rows;

	for (size_t n = SAMPLES_USED; n <= SAMPLES_USED + 1; n++) {
		image = export_some(n);
		ck_assert_int_eq(image.at[version], n == SAMPLES_USED ? 1 : 2);
		ck_assert_int_eq(read_all(image.at, image.n, &rows, &why), OK);
		ck_assert_uint_eq(rows, USED);
		image.at[version] = 3;
		ck_assert_int_eq(read_all(image.at, image.n, &rows, &why), ERR_NEWER);
		free(image.at);
	}
}
END_TEST

/* The refusals are those that were stored, beside the usage of their logins. */
START_TEST(refusals_come_back)
{
	static const char *const want[ROWS] = {
	    "", "bob", "ann@a.example", "bea@a.example", "c d@x", "zoe@z.example"};
	static const uint64_t counts[ROWS] = {4, 0, 12, 2, 0, 1};
	struct usage_image image = export_some(SAMPLES);
	FILE *from = fmemopen(image.at, image.n, "r");
	struct usage_file_reader *reader;
	struct error_text why = {.text = ""};
	struct usage_row row;
	bool found;

	expect_ok(usage_file_reader_open(&reader, from, "a file", &why));
	for (size_t i = 0; i < ROWS; i++) {
		expect_ok(usage_file_reader_next(reader, &row, &found, &why));
		ck_assert_str_eq(row.login.text, want[i]);
		ck_assert(usage_row_is_used(&row) == (i != 3 && i != 5));
		ck_assert((row.auth_denied != NULL) == (counts[i] > 0));
		if (row.auth_denied != NULL)
			ck_assert_uint_eq(
			    auth_denied_count(row.auth_denied, 0), counts[i]);
		if (i != 2)
			continue;
		ck_assert_int_eq(row.auth_denied->last, NOW + 3);
		ck_assert(row.auth_denied->has_client && !row.auth_denied->guessed);
		ck_assert_uint_eq(auth_denied_count(row.auth_denied, 19999), 3);
	}
	expect_ok(usage_file_reader_next(reader, &row, &found, &why));
	ck_assert(!found);
	usage_file_reader_close(&reader);
	fclose(from);
	free(image.at);
}
END_TEST

/* expect_refused - with words, and never as the good end */
static void
expect_refused(const void *at, size_t n, const char *what, size_t where)
{
	struct error_text why = {.text = ""};
	uint64_t rows;
	enum error e = read_all(at, n, &rows, &why);

	if (e == OK)
		ck_abort_msg("%s %zu is taken", what, where);
	if (why.text[0] == '\0')
		ck_abort_msg("%s %zu: no words", what, where);
}

START_TEST(cut_anywhere)
{
	struct usage_image image = export_some(SAMPLES);

	for (size_t n = 0; n < image.n; n++)
		expect_refused(image.at, n, "a file cut at", n);
	free(image.at);
}
END_TEST

START_TEST(any_byte_altered)
{
	struct usage_image image = export_some(SAMPLES);

	for (size_t i = 0; i < image.n; i++)
		for (int change = 1; change < 256; change++) {
			image.at[i] = (char)(image.at[i] ^ change);
			expect_refused(image.at, image.n, "an altered byte", i);
			image.at[i] = (char)(image.at[i] ^ change);
		}
	free(image.at);
}
END_TEST

START_TEST(bytes_added_or_taken)
{
	struct usage_image image = export_some(SAMPLES);
	char *longer = malloc(2 * image.n);

	memcpy(longer, image.at, image.n);
	memcpy(longer + image.n, image.at, image.n);
	expect_refused(longer, image.n + 1, "a byte behind", image.n);
	expect_refused(longer, 2 * image.n, "a file twice", 2);
	for (size_t i = 0; i < image.n; i++) {
		memcpy(longer, image.at, i);
		memcpy(longer + i, image.at + i + 1, image.n - i - 1);
		expect_refused(longer, image.n - 1, "without byte", i);
		memcpy(longer, image.at, i);
		longer[i] = image.at[i];
		memcpy(longer + i + 1, image.at + i, image.n - i);
		expect_refused(longer, image.n + 1, "with twice byte", i);
	}
	free(longer);
	free(image.at);
}
END_TEST

/* Frames in another order, left out, or twice: the sum alone would not tell all. */
START_TEST(frames_moved)
{
	struct usage_image image = export_some(SAMPLES);
	size_t at[ROWS + 3], n = 0, i = strlen(USAGE_FILE_MAGIC);
	char *moved = malloc(2 * image.n);

	while (i < image.n) {
		const uint8_t *head = (const uint8_t *)image.at + i;

		at[n++] = i;
		i += USAGE_FRAME_HEAD + ((size_t)head[2] << 8 | head[3]);
	}
	at[n] = image.n;
	ck_assert_uint_eq(n, ROWS + 2);
	for (size_t f = 0; f < n; f++) {
		size_t len = at[f + 1] - at[f];

		memcpy(moved, image.at, at[f]);
		memcpy(moved + at[f], image.at + at[f + 1], image.n - at[f + 1]);
		expect_refused(moved, image.n - len, "without frame", f);
		memcpy(moved, image.at, at[f + 1]);
		memcpy(moved + at[f + 1], image.at + at[f], image.n - at[f]);
		expect_refused(moved, image.n + len, "with twice frame", f);
		if (f + 2 > n)
			continue;
		len = at[f + 2] - at[f + 1];
		memcpy(moved, image.at, image.n);
		memcpy(moved + at[f], image.at + at[f + 1], len);
		memcpy(moved + at[f] + len, image.at + at[f], at[f + 1] - at[f]);
		expect_refused(moved, image.n, "exchanged frame", f);
	}
	free(moved);
	free(image.at);
}
END_TEST

START_TEST(error_in_its_place)
{
	struct error_text why = {.text = ""};
	struct usage_image image = {NULL, 0};
	uint64_t rows;

	for (int e = OK; e <= WALK_STOP; e++) {
		FILE *to = open_memstream(&image.at, &image.n);
		enum error want = e == OK || e == ERR_NOTFOUND || e >= WALK_STOP
		    ? ERR_DAMAGED
		    : (enum error)e;

		usage_file_write_error(to, (enum error)e, "no luck");
		fclose(to);
		ck_assert_int_eq(read_all(image.at, image.n, &rows, &why), want);
		if (want == (enum error)e)
			ck_assert_str_eq(why.text, "no luck");
		free(image.at);
	}
}
END_TEST

/* The database is found bad when the head is out already. */
START_TEST(error_in_the_middle)
{
	struct recording_host host = recording_host_make("mx1", NOW, NOW);
	static const struct {
		const char *value;
		enum error want;
	} cases[] = {{"\4", ERR_NEWER}, {"\1", ERR_DAMAGED}};

	for (size_t i = 0; i < 2; i++) {
		struct error_text why = {.text = ""};
		struct key key = {5, "uz\0z"};
		struct usage_image image;
		struct state state;
		struct db_txn *txn;
		uint64_t rows;
		struct db *db;
		FILE *to;

		db = usage_image_open(&state);
		expect_ok(db_begin(db, true, &txn));
		expect_ok(usage_database_put_host(txn, &host));
		expect_ok(db_put(txn, &key, (struct bytes){cases[i].value, 1}));
		expect_ok(db_commit(&txn));
		to = open_memstream(&image.at, &image.n);
		expect_error(cases[i].want, usage_file_write(db, to, NULL));
		usage_file_write_error(to, ERR_IO, "must not be read");
		fclose(to);
		ck_assert_int_eq(
		    read_all(image.at, image.n, &rows, &why), cases[i].want);
		free(image.at);
		db_close(&db);
	}
}
END_TEST

/* Noise behind a good head. */
START_TEST(noise)
{
	unsigned short seed[3] = {4, 5, 6};
	char bytes[4096];

	memcpy(bytes, USAGE_FILE_MAGIC, strlen(USAGE_FILE_MAGIC));
	for (int round = 0; round < 3000; round++) {
		size_t n = strlen(USAGE_FILE_MAGIC) + (size_t)(nrand48(seed) % 3000);

		for (size_t i = strlen(USAGE_FILE_MAGIC); i < n; i++)
			bytes[i] = (char)(nrand48(seed) >> 8);
		bytes[strlen(USAGE_FILE_MAGIC)] = bytes[strlen(USAGE_FILE_MAGIC) + 1] =
		    0;
		if (round % 2)
			bytes[strlen(USAGE_FILE_MAGIC) + 4] = "nrex"[round / 2 % 4];
		expect_refused(bytes, n, "noise", (size_t)round);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("usage_stream");
	TCase *stream = state_add_case(suite, "usage_file");

	tcase_add_test(stream, comes_back);
	tcase_add_test(stream, version_of_the_head);
	tcase_add_test(stream, refusals_come_back);
	tcase_add_test(stream, cut_anywhere);
	tcase_add_test(stream, any_byte_altered);
	tcase_add_test(stream, bytes_added_or_taken);
	tcase_add_test(stream, frames_moved);
	tcase_add_test(stream, error_in_its_place);
	tcase_add_test(stream, error_in_the_middle);
	tcase_add_test(stream, noise);
	return suite_run(suite);
}
