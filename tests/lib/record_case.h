/* SPDX-License-Identifier: BSD-2-Clause */
/* record_case.h - what every stored record promises, whatever its fields. */
#pragma once

#include "policy/base/record.h"

/* An object and its record. */
struct record_case {
	size_t size; /* of the object */
	void (*encode)(const void *object, struct record_writer *w);
	enum error (*decode)(struct bytes from, void *object_r);
	bool (*valid)(const void *object); /* whether it may come of a record */
	bool (*same)(const void *one, const void *other);
};

/* Writes the record to BUF, of RECORD_MAX bytes, and returns its length. */
size_t record_case_encode(
    const struct record_case *c, const void *object, uint8_t *buf);

/* Decodes from a copy that ends where its block of memory ends, into a used object. */
enum error record_case_decode(
    const struct record_case *c, const uint8_t *at, size_t n, void *object_r);

/* Fails the test unless the object comes back from its record, and gives it again. */
void record_case_expect_return(const struct record_case *c, const void *object);

/* Fails the test unless the record is damaged when it is shorter or longer. */
void record_case_expect_length(const struct record_case *c, const void *object);

/* Fails the test unless the record of the next version is newer, and that of none is
 * damaged. */
void record_case_expect_version(const struct record_case *c, const void *object);

/* Fails the test unless the record, with any byte changed, is an error, or another
 * valid object with this very record. */
void record_case_expect_bytes(const struct record_case *c, const void *object);
