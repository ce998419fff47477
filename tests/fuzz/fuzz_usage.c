/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_usage.c - usage files of any bytes, also such that are whole, as others write */
#include "fuzz.h"

#include "policy/base/text.h"
#include "policy/crypto/digest.h"
#include "policy/usage/auth_denied.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_frame.h"
#include "policy/usage/usage_key.h"
#include "policy/usage/usage_merge.h"

#include <stdlib.h>
#include <string.h>

/*
 * An input that begins with 's' (sealed) lacks the last frame, which is then made to
 * hold for what is there; one that begins with anything else is a file as it is.
 */

static uint32_t
number(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
	    at[3];
}

/* sum_frame - the first is the machine's, behind the first line; others are rows */
static void
sum_frame(struct digest *sum, struct hasher *h, uint64_t frames, struct bytes body)
{
	const uint8_t *at = body.at;
	struct bytes name = {USAGE_FILE_MAGIC, strlen(USAGE_FILE_MAGIC)};

	if (frames > 0 && body.len >= 2) {
		name.len = (size_t)at[0] << 8 | at[1];
		name.at = at + 2;
		if (name.len > body.len - 2 || name.len > LOGIN_MAX)
			name.len = 0;
	}
	fuzz_expect(digest_add(sum, h, name, body) == OK);
}

/* seal - the last frame, into BUF */
static size_t
seal(const uint8_t *at, size_t left, uint8_t *buf, size_t room)
{
	static struct hasher *hasher;
	size_t skip = strlen(USAGE_FILE_MAGIC), n;
	struct digest sum = {{0}};
	struct record_writer w;
	uint64_t frames = 0;

	if (hasher == NULL)
		hasher = hasher_new();
	for (at += skip, left -= skip; left >= USAGE_FRAME_HEAD;
	     at += USAGE_FRAME_HEAD + n, left -= USAGE_FRAME_HEAD + n, frames++) {
		n = number(at);
		if (n > left - USAGE_FRAME_HEAD)
			break;
		sum_frame(
		    &sum, hasher, frames, (struct bytes){at + USAGE_FRAME_HEAD, n});
	}
	record_write_start(&w, buf, room);
	record_put_u32(&w, 8 + DIGEST_BYTES);
	record_put_u8(&w, USAGE_FRAME_END);
	record_put_u64(&w, frames > 0 ? frames - 1 : 0);
	record_put_bytes(&w, sum.byte, sizeof sum.byte);
	fuzz_expect(!w.failed);
	return w.len;
}

/* is_printable - what will be shown to a person, as root */
static void
is_printable(instant t)
{
	fuzz_expect(t == INSTANT_NONE || instant_is_valid(t));
}

static void
expect_host(const struct recording_host *n)
{
	fuzz_expect(strlen(n->name) <= RECORDING_HOST_NAME_MAX);
	fuzz_expect(text_is_line(n->name, strlen(n->name)));
	fuzz_expect(instant_is_valid(n->since) && instant_is_valid(n->until));
	is_printable(n->last_dropped);
}

static void
expect_denied(const struct auth_denied *d)
{
	fuzz_expect(instant_is_valid(d->last));
	fuzz_expect(d->days <= AUTH_DENIED_DAYS_MAX);
	for (uint32_t i = 1; i < d->days; i++)
		fuzz_expect(d->day[i - 1].day < d->day[i].day);
}

static void
expect_row(const struct usage_row *row)
{
	fuzz_expect(row->login.len <= LOGIN_MAX); /* 0: usage_others(), the first */
	fuzz_expect(text_is_line(row->login.text, row->login.len));
	is_printable(row->usage.first_seen);
	is_printable(row->usage.last_seen);
	is_printable(row->usage.last_use);
	is_printable(row->usage.last_password_use);
	is_printable(row->usage.last_exempt);
	fuzz_expect(row->days <= USAGE_DAYS_MAX);
	for (size_t i = 1; i < row->days; i++)
		fuzz_expect(row->day[i - 1].day < row->day[i].day);
	if (row->auth_denied != NULL)
		expect_denied(row->auth_denied);
}

static struct usage_file_reader *
reader_open(FILE *from)
{
	struct error_text why = {""};
	struct usage_file_reader *reader;
	enum error e = usage_file_reader_open(&reader, from, "FILE", &why);

	fuzz_expect((e == OK) == (why.text[0] == '\0'));
	fuzz_expect((e == OK) == (reader != NULL));
	return reader;
}

/* read_alone - the number of rows; 0 where the file is not whole */
static size_t
read_alone(const uint8_t *file, size_t size)
{
	FILE *from = fuzz_stream(file, size);
	struct usage_file_reader *reader = reader_open(from);
	struct error_text why = {""};
	struct login last = {.len = 0};
	struct usage_row row;
	size_t n = 0;
	bool found = true;
	enum error e = reader != NULL ? OK : ERR_DAMAGED;

	if (reader != NULL)
		expect_host(usage_file_reader_host(reader));
	while (e == OK && found) {
		e = usage_file_reader_next(reader, &row, &found, &why);
		fuzz_expect((e == OK) == (why.text[0] == '\0'));
		if (e != OK || !found)
			break;
		expect_row(&row);
		if (n++ > 0)
			fuzz_expect(usage_key_order(&last, &row.login) < 0);
		last = row.login;
	}
	usage_file_reader_close(&reader);
	fclose(from);
	return e == OK ? n : 0;
}

/* read_merged - twice the same machine is that machine once, row by row */
static size_t
read_merged(const uint8_t *file, size_t size)
{
	FILE *from[] = {fuzz_stream(file, size), fuzz_stream(file, size)};
	struct usage_merge *merge = usage_merge_new();
	struct error_text why = {""};
	struct usage_row row;
	const char *left_out;
	size_t n = 0;
	bool found = true;
	enum error e = OK;

	for (int i = 0; i < 2 && e == OK; i++) {
		struct usage_file_reader *reader = reader_open(from[i]);

		e = usage_merge_add(merge, reader, &left_out);
		fuzz_expect(e == OK && (left_out != NULL) == (i == 1));
	}
	fuzz_expect(usage_merge_coverage(merge).hosts == 1);
	usage_merge_show_auth_denied(merge);
	while ((e = usage_merge_next(merge, &row, &found, &why)) == OK && found) {
		expect_row(&row);
		n++;
	}
	fuzz_expect(e == OK);
	usage_merge_free(&merge);
	fclose(from[0]);
	fclose(from[1]);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	bool sealed = fuzz_byte(&input) == 's';
	size_t n = input.left, room = n + USAGE_FRAME_HEAD + 8 + DIGEST_BYTES;
	uint8_t *file = malloc(room);

	fuzz_expect(file != NULL);
	if (n > 0)
		memcpy(file, input.at, n);
	if (sealed && n >= strlen(USAGE_FILE_MAGIC))
		n += seal(file, n, file + n, room - n);
	if (read_alone(file, n) > 0)
		fuzz_expect(read_merged(file, n) == read_alone(file, n));
	free(file);
	return 0;
}
