/* SPDX-License-Identifier: BSD-2-Clause */
/* record - the bytes of stored records, written and read */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"

#define RECORD_MAX 4096 /* bytes of the longest record */

/* Borrowed bytes. */
struct bytes {
	const void *at;
	size_t len;
};

/* A record while it is written. A value that does not fit sets `failed`. */
struct record_writer {
	uint8_t *at;
	size_t len, cap;
	bool failed;
};

/*
 * A record while it is read. A read past the end sets `failed` and gives zero, so
 * that a decoder checks once, with record_end(). Integers are big-endian.
 */
struct record_reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

void record_write_start(struct record_writer *w, uint8_t *buf, size_t cap);
void record_put_u8(struct record_writer *w, uint8_t v);
void record_put_u32(struct record_writer *w, uint32_t v);
void record_put_u64(struct record_writer *w, uint64_t v);
void record_put_bytes(struct record_writer *w, const void *p, size_t n);
/* A length in two bytes, then the bytes of S without its NUL. */
void record_put_string(struct record_writer *w, const char *s);

void record_read_start(struct record_reader *r, struct bytes from);
/*
 * Starts to read a record of a version up to KNOWN: OK, ERR_NEWER if its first byte is
 * above that, ERR_DAMAGED if it is 0 or missing.
 */
enum error record_read_version(
    struct record_reader *r, struct bytes from, uint8_t known) MUST_USE;
uint8_t record_get_u8(struct record_reader *r);
uint32_t record_get_u32(struct record_reader *r);
uint64_t record_get_u64(struct record_reader *r);
void record_get_bytes(struct record_reader *r, void *out, size_t n);
/* Copies to OUT (CAP bytes with the NUL); a longer one, or one with a NUL, fails. */
void record_get_string(struct record_reader *r, char *out, size_t cap);

/* OK when everything was read and nothing is left over, else ERR_DAMAGED. */
enum error record_end(const struct record_reader *r) MUST_USE;
