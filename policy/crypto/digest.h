/* SPDX-License-Identifier: BSD-2-Clause */
/* digest - the policy digest: a sum of the hashes of records */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/base/record.h"
#include "policy/crypto/hasher.h"

#define DIGEST_BYTES SHA256_BYTES
#define DIGEST_TEXT_MAX (2 * DIGEST_BYTES + 1)

/*
 * The sum modulo 2^256 of SHA-256(length of the key in two bytes, key, value) over
 * all policy records; a key starts with its table byte. The order of the records
 * does not matter, and a record can be taken out again. It shows damage and drift;
 * it is no proof against someone who can write the file, or who can choose records:
 * for a sum of hashes another set is found in minutes (Wagner's generalized birthday
 * attack). What identifies a policy is policy_hash().
 */
struct digest {
	uint8_t byte[DIGEST_BYTES]; /* big-endian */
};

/* The hash of one record. No allocation; ERR_INTERNAL if OpenSSL fails. */
enum error digest_of(struct hasher *h, struct bytes key, struct bytes value,
    struct digest *one_r) MUST_USE;

/* Adds the hash of a record to a sum. */
void digest_plus(struct digest *sum, const struct digest *one);

/* Adds a record to a sum, or takes it out. */
enum error digest_add(struct digest *sum, struct hasher *h, struct bytes key,
    struct bytes value) MUST_USE;
enum error digest_subtract(struct digest *sum, struct hasher *h, struct bytes key,
    struct bytes value) MUST_USE;

bool digest_equal(const struct digest *a, const struct digest *b);

/* Prints 64 hexadecimal digits to BUF (DIGEST_TEXT_MAX bytes) and returns BUF. */
const char *digest_print(const struct digest *sum, char *buf);

/* Reads 64 hexadecimal digits; false for anything else. */
bool digest_parse(const char *s, struct digest *out_r);
