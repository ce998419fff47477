/* SPDX-License-Identifier: BSD-2-Clause */
/* crypto - SHA-256 (the only file with OpenSSL) */
#ifndef POLICY_CRYPTO_H
#define POLICY_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "policy/error.h"

#define SHA256_BYTES 32

struct hasher;

/* Makes a hasher; it is used by one thread at a time. NULL when out of memory. */
struct hasher *hasher_new(void);
void hasher_free(struct hasher **h);

/*
 * One hash: begin, add any number of times, end, which writes SHA256_BYTES bytes to
 * OUT. No allocation; ERR_INTERNAL if OpenSSL fails.
 */
enum error hasher_begin(struct hasher *h) MUST_USE;
enum error hasher_add(struct hasher *h, const void *p, size_t n) MUST_USE;
enum error hasher_end(struct hasher *h, uint8_t *out) MUST_USE;

#endif
