/* SPDX-License-Identifier: BSD-2-Clause */
/* record_case.c - what every stored record promises, whatever its fields. */
#include "tests/lib/record_case.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECT_MAX = 8192 };

size_t
record_case_encode(const struct record_case *c, const void *object, uint8_t *buf)
{
	struct record_writer w;

	record_write_start(&w, buf, RECORD_MAX);
	c->encode(object, &w);
	ck_assert(!w.failed);
	return w.len;
}

enum error
record_case_decode(
    const struct record_case *c, const uint8_t *at, size_t n, void *object_r)
{
	uint8_t *copy = malloc(n + 1);
	enum error e;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy + 1, at, n);
	memset(object_r, 0xA5, c->size);
	e = c->decode((struct bytes){copy + 1, n}, object_r);
	free(copy);
	return e;
}

/* has_record - whether these bytes are the object's record */
static bool
has_record(const struct record_case *c, const void *object, const uint8_t *at, size_t n)
{
	uint8_t buf[RECORD_MAX];

	return record_case_encode(c, object, buf) == n && memcmp(buf, at, n) == 0;
}

/* room - for an object */
static void *
room(const struct record_case *c)
{
	static _Alignas(max_align_t) char object[OBJECT_MAX];

	ck_assert_uint_le(c->size, sizeof object);
	return object;
}

void
record_case_expect_return(const struct record_case *c, const void *object)
{
	void *back = room(c);
	uint8_t buf[RECORD_MAX];
	size_t len = record_case_encode(c, object, buf);

	ck_assert_int_eq(record_case_decode(c, buf, len, back), OK);
	ck_assert(c->same(object, back));
	ck_assert(has_record(c, back, buf, len));
}

void
record_case_expect_length(const struct record_case *c, const void *object)
{
	void *back = room(c);
	uint8_t buf[RECORD_MAX] = {0};
	size_t len = record_case_encode(c, object, buf);

	for (size_t n = 0; n < len + 9; n++)
		ck_assert_msg(record_case_decode(c, buf, n, back) ==
			(n == len ? OK : ERR_DAMAGED),
		    "%zu of %zu bytes", n, len);
}

void
record_case_expect_version(const struct record_case *c, const void *object)
{
	void *back = room(c);
	uint8_t buf[RECORD_MAX];
	size_t len = record_case_encode(c, object, buf);

	buf[0]++;
	ck_assert_int_eq(record_case_decode(c, buf, len, back), ERR_NEWER);
	ck_assert_int_eq(record_case_decode(c, buf, 1, back), ERR_NEWER);
	buf[0] = 0;
	ck_assert_int_eq(record_case_decode(c, buf, len, back), ERR_DAMAGED);
}

/* changed_expect - BAD differs from the object's record at byte I */
static void
changed_expect(const struct record_case *c, const void *object, const uint8_t *bad,
    size_t len, size_t i)
{
	void *back = room(c);
	enum error e = record_case_decode(c, bad, len, back);

	if (e != OK && e != ERR_DAMAGED && !(e == ERR_NEWER && i == 0))
		ck_abort_msg("byte %zu is %02X: %d", i, bad[i], (int)e);
	if (e == OK && !c->valid(back))
		ck_abort_msg("byte %zu is %02X: an invalid object", i, bad[i]);
	if (e == OK && c->same(object, back))
		ck_abort_msg("byte %zu is %02X: two records of one object", i, bad[i]);
	if (e == OK && !has_record(c, back, bad, len))
		ck_abort_msg("byte %zu is %02X: not its record", i, bad[i]);
}

void
record_case_expect_bytes(const struct record_case *c, const void *object)
{
	uint8_t good[RECORD_MAX], bad[RECORD_MAX];
	size_t len = record_case_encode(c, object, good);

	for (size_t i = 0; i < len; i++)
		for (unsigned byte = 0; byte < 256; byte++) {
			if (byte == good[i])
				continue;
			memcpy(bad, good, len);
			bad[i] = (uint8_t)byte;
			changed_expect(c, object, bad, len, i);
		}
}
