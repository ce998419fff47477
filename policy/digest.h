/* SPDX-License-Identifier: BSD-2-Clause */
/* digest - the policy digest (the only file with OpenSSL) */
#ifndef POLICY_DIGEST_H
#define POLICY_DIGEST_H

#include <stdint.h>

#include "policy/error.h"
#include "policy/record.h"

#define DIGEST_BYTES 32
#define DIGEST_TEXT_MAX (2 * DIGEST_BYTES + 1)

/*
 * The sum modulo 2^256 of SHA-256(length of the key in two bytes, key, value) over
 * all policy records; a key starts with its table byte. The order of the records
 * does not matter, and a record can be taken out again. It shows damage and drift;
 * it is no proof against someone who can write the file.
 */
struct digest {
	uint8_t byte[DIGEST_BYTES]; /* big-endian */
};

struct hasher;

/* Makes a hasher; it is used by one thread at a time. NULL when out of memory. */
struct hasher *hasher_new(void);
void hasher_free(struct hasher **h);

/* Adds or takes out one record. No allocation; ERR_INTERNAL if OpenSSL fails. */
enum error digest_add(struct digest *sum, struct hasher *h, struct bytes key,
    struct bytes value) MUST_USE;
enum error digest_subtract(struct digest *sum, struct hasher *h, struct bytes key,
    struct bytes value) MUST_USE;

/* Prints 64 hexadecimal digits to BUF (DIGEST_TEXT_MAX bytes) and returns BUF. */
const char *digest_print(const struct digest *sum, char *buf);

#endif
