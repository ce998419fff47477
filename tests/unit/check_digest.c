/* SPDX-License-Identifier: BSD-2-Clause */
/* check_digest.c - the policy digest: SHA-256 of records, summed modulo 2^256. */
#include "tests/lib/suite.h"

#include "policy/crypto/digest.h"

#include <stdlib.h>
#include <string.h>

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

enum { MILLION = 1000000, LENGTH_BYTES = 2, RECORDS = 100, RECORD_SIZE = 8 };

static struct hasher *hasher;

static void
setup(void)
{
	hasher = hasher_new();
	ck_assert_ptr_nonnull(hasher);
}

static void
teardown(void)
{
	hasher_free(&hasher);
	ck_assert_ptr_null(hasher);
}

/* digest_expect - compares with hexadecimal digits */
static void
digest_expect(const struct digest *digest, const char *wanted)
{
	char text[DIGEST_TEXT_MAX];

	ck_assert_ptr_eq(digest_print(digest, text), text);
	ck_assert_str_eq(text, wanted);
}

static void
record_add(struct digest *sum, const void *key, size_t key_size, const void *value,
    size_t value_size)
{
	struct bytes k = {key, key_size}, v = {value, value_size};

	ck_assert_int_eq(digest_add(sum, hasher, k, v), OK);
}

static void
record_subtract(struct digest *sum, const void *key, size_t key_size, const void *value,
    size_t value_size)
{
	struct bytes k = {key, key_size}, v = {value, value_size};

	ck_assert_int_eq(digest_subtract(sum, hasher, k, v), OK);
}

/* digest_of_message - of a message of SIZE times C, whose first two bytes are then the
 * length of the key */
static struct digest
digest_of_message(char c, size_t size)
{
	size_t key_size = (size_t)(unsigned char)c << 8 | (unsigned char)c;
	struct digest sum = {{0}};
	char *message = malloc(size);

	ck_assert_ptr_nonnull(message);
	memset(message, c, size);
	record_add(&sum, message, key_size, message, size - LENGTH_BYTES - key_size);
	free(message);
	return sum;
}

/* From FIPS 180-2 (a million times "a") and NIST's additional examples for SHA-256. */
START_TEST(published_vectors_hold)
{
	static const struct {
		char c;
		size_t size;
		const char *digest;
	} vectors[] = {
	    {'a', MILLION,
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
	    {'\0', MILLION,
		"d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025"},
	    {'\0', 1000,
		"541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"},
	    {'\0', 64,
		"f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"},
	    {'\0', 56,
		"d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"},
	    {'\0', 4,
		"df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119"},
	};
	struct digest sum = digest_of_message(vectors[_i].c, vectors[_i].size);

	digest_expect(&sum, vectors[_i].digest);
}
END_TEST

/* The wanted sum was computed by another program; it overflows 2^256 three times. */
START_TEST(sum_of_five_records)
{
	char key[400], value[4096];
	struct digest sum = {{0}};

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = "sK"[i % 2];
	memset(value, 'v', sizeof(value));
	record_add(&sum, "tacme", 5, "\1\2\3", 3);
	record_add(&sum, "dacme.test", 10, "\1\0\4acme", 7);
	record_add(&sum, "macme.test\0jane", 15, "\1\2", 2);
	record_add(&sum, key, sizeof(key), "", 0);
	record_add(&sum, "a", 1, value, sizeof(value));
	digest_expect(
	    &sum, "291ac9efb299f6bbf6afbd762835083ab099043ecd95affd1e9f5abfd66d6fb9");
}
END_TEST

/* negated - 2^256 less the digest, byte by byte */
static struct digest
negated(struct digest digest)
{
	int i = DIGEST_BYTES - 1;

	while (i > 0 && digest.byte[i] == 0)
		i--;
	digest.byte[i] = (uint8_t)(256 - digest.byte[i]);
	while (--i >= 0)
		digest.byte[i] = (uint8_t)~digest.byte[i];
	return digest;
}

START_TEST(carry_runs_through_all_bytes)
{
	struct digest one = {{0}}, sum;

	record_add(&one, "k", 1, "v", 1);
	sum = negated(one);
	record_add(&sum, "k", 1, "v", 1);
	digest_expect(&sum, ZERO);
	memset(&sum, 0xFF, sizeof(sum));
	record_add(&sum, "k", 1, "v", 1);
	one = negated(one);
	for (int i = 0; i < DIGEST_BYTES; i++)
		ck_assert_uint_eq(sum.byte[i], (uint8_t)~one.byte[i]);
}
END_TEST

START_TEST(borrow_runs_through_all_bytes)
{
	struct digest one = {{0}}, wanted, sum = {{0}};

	record_add(&one, "k", 1, "v", 1);
	wanted = negated(one);
	record_subtract(&sum, "k", 1, "v", 1);
	ck_assert_mem_eq(&sum, &wanted, sizeof(sum));
	sum = one;
	record_subtract(&sum, "k", 1, "v", 1);
	digest_expect(&sum, ZERO);
	record_subtract(&sum, "k", 1, "v", 1);
	record_add(&sum, "k", 1, "v", 1);
	digest_expect(&sum, ZERO);
}
END_TEST

START_TEST(print_has_every_digit)
{
	struct digest digest;

	for (int i = 0; i < DIGEST_BYTES; i++)
		digest.byte[i] = (uint8_t)(i * 0x11 + i / 16);
	digest_expect(&digest,
	    "00112233445566778899aabbccddeeff112233445566778899aabbccddeeff10");
	memset(&digest, 0xFF, sizeof(digest));
	digest_expect(&digest, ONES);
}
END_TEST

/* numbered - one of a series of records */
static void
numbered(uint8_t record[RECORD_SIZE], unsigned n)
{
	for (unsigned i = 0; i < RECORD_SIZE; i++)
		record[i] = (uint8_t)(n * (i + 3) + (n >> 4));
}

START_TEST(order_does_not_matter_and_all_can_be_taken_out)
{
	struct digest up = {{0}}, down = {{0}}, before;
	uint8_t record[RECORD_SIZE];

	for (unsigned n = 0; n < RECORDS; n++) {
		before = up;
		numbered(record, n);
		record_add(&up, record, 4, record + 4, 4);
		ck_assert_mem_ne(&before, &up, sizeof(up));
		numbered(record, RECORDS - 1 - n);
		record_add(&down, record, 4, record + 4, 4);
	}
	ck_assert_mem_eq(&up, &down, sizeof(up));
	for (unsigned n = 0; n < RECORDS; n++) {
		numbered(record, n * 37 % RECORDS);
		record_subtract(&up, record, 4, record + 4, 4);
	}
	digest_expect(&up, ZERO);
}
END_TEST

START_TEST(key_and_value_are_told_apart)
{
	struct digest a = {{0}}, b = {{0}}, c = {{0}};

	record_add(&a, "ab", 2, "c", 1);
	record_add(&b, "a", 1, "bc", 2);
	record_add(&c, "abc", 3, "", 0);
	ck_assert_mem_ne(&a, &b, sizeof(a));
	ck_assert_mem_ne(&a, &c, sizeof(a));
	ck_assert_mem_ne(&b, &c, sizeof(b));
}
END_TEST

START_TEST(same_record_twice_is_not_none)
{
	struct digest sum = {{0}};

	record_add(&sum, "k", 1, "v", 1);
	record_add(&sum, "k", 1, "v", 1);
	record_subtract(&sum, "k", 1, "v", 1);
	record_subtract(&sum, "k", 1, "v", 1);
	digest_expect(&sum, ZERO);
	record_add(&sum, "k", 1, "v", 1);
	record_add(&sum, "k", 1, "v", 1);
	ck_assert_int_ne(sum.byte[0] | sum.byte[1] | sum.byte[2] | sum.byte[3], 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("digest");
	TCase *tcase = suite_add_case(suite, "digest");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, published_vectors_hold, 0, 6);
	tcase_add_test(tcase, sum_of_five_records);
	tcase_add_test(tcase, carry_runs_through_all_bytes);
	tcase_add_test(tcase, borrow_runs_through_all_bytes);
	tcase_add_test(tcase, print_has_every_digit);
	tcase_add_test(tcase, order_does_not_matter_and_all_can_be_taken_out);
	tcase_add_test(tcase, key_and_value_are_told_apart);
	tcase_add_test(tcase, same_record_twice_is_not_none);
	return suite_run(suite);
}
