/* SPDX-License-Identifier: BSD-2-Clause */
/* hasher - SHA-256 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"

#define SHA256_BYTES 32

/*
 * For a program that does nothing but hash, before its first hash: OpenSSL does not
 * read its configuration file, in which a mistake about keys or ciphers must not stop
 * mail. It takes 0.7 MB less memory, too.
 */
void hasher_without_config(void);

struct hasher;

/* Makes a hasher; it is used by one thread at a time. NULL when out of memory. */
struct hasher *hasher_new(void);
void hasher_free(struct hasher **h);

/*
 * One hash: begin, add any number of times, end, which writes SHA256_BYTES bytes to
 * OUT. No allocation. If OpenSSL fails at any of them, the end returns ERR_INTERNAL.
 */
void hasher_begin(struct hasher *h);
void hasher_add(struct hasher *h, const void *p, size_t n);
enum error hasher_end(struct hasher *h, uint8_t *out) MUST_USE;
