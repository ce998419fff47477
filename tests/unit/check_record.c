/* SPDX-License-Identifier: BSD-2-Clause */
/* check_record.c - the bytes of records, and the records of settings. */
#include "policy/base/record.h"
#include "policy/model/settings.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { CANARY = 0x5A };

/* write_all - one of each, 31 bytes */
static void
write_all(struct record_writer *w)
{
	record_put_u8(w, 0x01);
	record_put_u32(w, 0x02030405);
	record_put_u64(w, UINT64_C(0x060708090A0B0C0D));
	record_put_bytes(w, "raw", 3);
	record_put_string(w, "string");
	record_put_string(w, "");
	record_put_u8(w, 0xFF);
	record_put_u32(w, 0);
}

static const uint8_t all[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 'r', 'a', 'w',
    0, 6, 's', 't', 'r', 'i', 'n', 'g', 0, 0, 0xFF, 0, 0, 0, 0};

START_TEST(write_bytes)
{
	struct record_writer w;
	uint8_t buf[64];

	record_write_start(&w, buf, sizeof buf);
	write_all(&w);
	ck_assert(!w.failed);
	ck_assert_uint_eq(w.len, sizeof all);
	ck_assert_mem_eq(buf, all, sizeof all);
}
END_TEST

START_TEST(write_into_small_room)
{
	for (size_t cap = 0; cap <= sizeof all; cap++) {
		struct record_writer w;
		uint8_t buf[64];

		memset(buf, CANARY, sizeof buf);
		record_write_start(&w, buf, cap);
		write_all(&w);
		ck_assert_msg(w.failed == (cap < sizeof all), "room %zu", cap);
		ck_assert_msg(w.len <= cap, "room %zu: length", cap);
		for (size_t i = cap; i < sizeof buf; i++)
			ck_assert_msg(buf[i] == CANARY, "room %zu: byte %zu", cap, i);
	}
}
END_TEST

START_TEST(write_a_string_too_long_for_its_length)
{
	enum { TOO_LONG = UINT16_MAX + 1 };
	static char s[TOO_LONG + 1];
	static uint8_t buf[TOO_LONG + 16];
	struct record_writer w;

	memset(s, 'x', TOO_LONG);
	record_write_start(&w, buf, sizeof buf);
	record_put_string(&w, s);
	ck_assert(w.failed);
	s[UINT16_MAX] = '\0';
	record_write_start(&w, buf, sizeof buf);
	record_put_string(&w, s);
	ck_assert(!w.failed);
	ck_assert_uint_eq(w.len, UINT16_MAX + 2);
}
END_TEST

/* read_all - reads what write_all() wrote; whether it is that */
static bool
read_all(struct record_reader *r)
{
	char raw[3], string[7] = "x", empty[1] = {'x'};
	bool same = record_get_u8(r) == 0x01;

	same = record_get_u32(r) == 0x02030405 && same;
	same = record_get_u64(r) == UINT64_C(0x060708090A0B0C0D) && same;
	record_get_bytes(r, raw, sizeof raw);
	record_get_string(r, string, sizeof string);
	record_get_string(r, empty, sizeof empty);
	same = record_get_u8(r) == 0xFF && same;
	same = record_get_u32(r) == 0 && same;
	return same && memcmp(raw, "raw", 3) == 0 && strcmp(string, "string") == 0 &&
	    empty[0] == '\0';
}

START_TEST(read_bytes)
{
	struct record_reader r;

	record_read_start(&r, (struct bytes){all, sizeof all});
	ck_assert(read_all(&r));
	ck_assert(!r.failed);
	ck_assert_int_eq(record_end(&r), OK);
}
END_TEST

START_TEST(read_every_prefix)
{
	for (size_t n = 0; n < sizeof all; n++) {
		uint8_t *copy = malloc(n + 1);
		struct record_reader r;

		ck_assert_ptr_nonnull(copy);
		memcpy(copy + 1, all, n); /* its end is the end of the block */
		record_read_start(&r, (struct bytes){copy + 1, n});
		(void)read_all(&r);
		ck_assert_msg(r.failed, "%zu bytes", n);
		ck_assert_msg(record_end(&r) == ERR_DAMAGED, "%zu bytes", n);
		ck_assert_msg(record_get_u64(&r) == 0, "%zu bytes: a number", n);
		free(copy);
	}
}
END_TEST

START_TEST(read_what_is_left_over)
{
	uint8_t longer[sizeof all + 1] = {0};
	struct record_reader r;

	memcpy(longer, all, sizeof all);
	record_read_start(&r, (struct bytes){longer, sizeof longer});
	ck_assert(read_all(&r));
	ck_assert_int_eq(record_end(&r), ERR_DAMAGED);
}
END_TEST

START_TEST(read_nothing)
{
	struct record_reader r;

	record_read_start(&r, (struct bytes){NULL, 0});
	ck_assert_int_eq(record_end(&r), OK);
	ck_assert_uint_eq(record_get_u32(&r), 0);
	ck_assert_int_eq(record_end(&r), ERR_DAMAGED);
}
END_TEST

START_TEST(read_strings)
{
	static const struct {
		const char *name;
		uint8_t at[8];
		size_t len, cap;
		bool good;
	} cases[] = {{"empty", {0, 0}, 2, 1, true},
	    {"fits", {0, 3, 'a', 'b', 'c'}, 5, 4, true},
	    {"one too long", {0, 3, 'a', 'b', 'c'}, 5, 3, false},
	    {"too long for all", {0xFF, 0xFF, 'a', 'b', 'c'}, 5, 8, false},
	    {"NUL at the end", {0, 3, 'a', 'b', 0}, 5, 8, false},
	    {"NUL first", {0, 3, 0, 'b', 'c'}, 5, 8, false},
	    {"NUL alone", {0, 1, 0}, 3, 8, false},
	    {"cut", {0, 3, 'a', 'b'}, 4, 8, false},
	    {"half a length", {0}, 1, 8, false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record_reader r;
		char out[16];

		memset(out, CANARY, sizeof out);
		record_read_start(&r, (struct bytes){cases[i].at, cases[i].len});
		record_get_string(&r, out, cases[i].cap);
		ck_assert_msg(
		    (record_end(&r) == OK) == cases[i].good, "%s", cases[i].name);
		ck_assert_msg(memchr(out, '\0', cases[i].cap) != NULL, "%s: no NUL",
		    cases[i].name);
		ck_assert_msg(out[cases[i].cap] == CANARY, "%s: bounds", cases[i].name);
		if (cases[i].good)
			ck_assert_msg(
			    strlen(out) == cases[i].len - 2, "%s", cases[i].name);
	}
}
END_TEST

START_TEST(read_versions)
{
	static const struct {
		uint8_t at;
		size_t len;
		uint8_t known;
		enum error e;
	} cases[] = {{1, 1, 1, OK}, {1, 1, 2, OK}, {2, 1, 2, OK}, {2, 1, 1, ERR_NEWER},
	    {255, 1, 1, ERR_NEWER}, {255, 1, 255, OK}, {0, 1, 1, ERR_DAMAGED},
	    {0, 1, 255, ERR_DAMAGED}, {1, 0, 1, ERR_DAMAGED}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record_reader r;

		ck_assert_msg(
		    record_read_version(&r, (struct bytes){&cases[i].at, cases[i].len},
			cases[i].known) == cases[i].e,
		    "version %u, %u known", cases[i].at, cases[i].known);
	}
}
END_TEST

START_TEST(setting_round_trip)
{
	static const char *const values[] = {"", "yes", "192.0.2.0/24,2001:db8::/32",
	    "j\xC3\xBCrgen", "a text with = and \\ and %"};

	for (size_t i = 0; i < COUNT(values); i++) {
		uint8_t buf[RECORD_MAX];
		char out[SETTING_TEXT_MAX + 1];
		struct record_writer w;
		size_t need = strlen(values[i]) + 1;

		record_write_start(&w, buf, sizeof buf);
		settings_encode(values[i], &w);
		ck_assert(!w.failed);
		ck_assert_int_eq(
		    settings_decode((struct bytes){buf, w.len}, out, sizeof out), OK);
		ck_assert_str_eq(out, values[i]);
		ck_assert_int_eq(
		    settings_decode((struct bytes){buf, w.len}, out, need), OK);
		ck_assert_msg(need == 1 ||
			settings_decode((struct bytes){buf, w.len}, out, need - 1) ==
			    ERR_DAMAGED,
		    "\"%s\" in small room", values[i]);
	}
}
END_TEST

START_TEST(setting_of_the_longest_value)
{
	char in[SETTING_TEXT_MAX + 1], out[SETTING_TEXT_MAX + 1];
	struct record_writer w;
	uint8_t buf[RECORD_MAX];

	memset(in, 'x', SETTING_TEXT_MAX);
	in[SETTING_TEXT_MAX] = '\0';
	record_write_start(&w, buf, sizeof buf);
	settings_encode(in, &w);
	ck_assert(!w.failed);
	ck_assert_int_eq(
	    settings_decode((struct bytes){buf, w.len}, out, sizeof out), OK);
	ck_assert_str_eq(out, in);
}
END_TEST

START_TEST(setting_damaged)
{
	uint8_t good[32], buf[33];
	char out[64];
	struct record_writer w;

	record_write_start(&w, good, sizeof good);
	settings_encode("a value", &w);
	for (size_t n = 0; n <= w.len + 1; n++) {
		memset(buf, 0, sizeof buf);
		memcpy(buf, good, n < w.len ? n : w.len);
		ck_assert_msg((settings_decode((struct bytes){buf, n}, out,
				   sizeof out) == OK) == (n == w.len),
		    "%zu of %zu bytes", n, w.len);
	}
	for (size_t i = 0; i < w.len; i++)
		for (unsigned byte = 0; byte < 256; byte++) {
			enum error e;

			memcpy(buf, good, w.len);
			buf[i] = (uint8_t)byte;
			e = settings_decode(
			    (struct bytes){buf, w.len}, out, sizeof out);
			/* the version and the length have one good value each */
			if (i < 3 && buf[i] != good[i] && e == OK)
				ck_abort_msg("byte %zu is %02X: taken", i, byte);
			if (e == OK && memcmp(out, buf + 3, w.len - 3) != 0)
				ck_abort_msg("byte %zu is %02X: another text", i, byte);
			if (e != OK && e != ERR_DAMAGED && !(e == ERR_NEWER && i == 0))
				ck_abort_msg("byte %zu is %02X: %d", i, byte, (int)e);
		}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("record");
	TCase *writer = suite_add_case(suite, "write");
	TCase *reader = suite_add_case(suite, "read");
	TCase *setting = suite_add_case(suite, "setting");

	tcase_add_test(writer, write_bytes);
	tcase_add_test(writer, write_into_small_room);
	tcase_add_test(writer, write_a_string_too_long_for_its_length);
	tcase_add_test(reader, read_bytes);
	tcase_add_test(reader, read_every_prefix);
	tcase_add_test(reader, read_what_is_left_over);
	tcase_add_test(reader, read_nothing);
	tcase_add_test(reader, read_strings);
	tcase_add_test(reader, read_versions);
	tcase_add_test(setting, setting_round_trip);
	tcase_add_test(setting, setting_of_the_longest_value);
	tcase_add_test(setting, setting_damaged);
	return suite_run(suite);
}
