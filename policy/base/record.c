/* SPDX-License-Identifier: BSD-2-Clause */
/* record - the bytes of stored records, written and read */
#include "policy/base/record.h"

#include <string.h>

void
record_write_start(struct record_writer *w, uint8_t *buf, size_t cap)
{
	w->at = buf;
	w->len = 0;
	w->cap = cap;
	w->failed = false;
}

void
record_put_bytes(struct record_writer *w, const void *p, size_t n)
{
	if (w->failed || n > w->cap - w->len) {
		w->failed = true;
		return;
	}
	if (n > 0) /* P may be NULL then */
		memcpy(w->at + w->len, p, n);
	w->len += n;
}

void
record_put_u8(struct record_writer *w, uint8_t v)
{
	record_put_bytes(w, &v, 1);
}

/* put_big_endian - the low N bytes of V */
static void
put_big_endian(struct record_writer *w, uint64_t v, unsigned n)
{
	while (n-- > 0)
		record_put_u8(w, (uint8_t)(v >> (8 * n)));
}

void
record_put_u32(struct record_writer *w, uint32_t v)
{
	put_big_endian(w, v, 4);
}

void
record_put_u64(struct record_writer *w, uint64_t v)
{
	put_big_endian(w, v, 8);
}

void
record_put_string(struct record_writer *w, const char *s)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX)
		w->failed = true;
	put_big_endian(w, n, 2);
	record_put_bytes(w, s, n);
}

void
record_read_start(struct record_reader *r, struct bytes from)
{
	r->at = from.at;
	r->left = from.len;
	r->failed = false;
}

/* record_take - the next N bytes, or NULL where there are not so many */
static const uint8_t *
record_take(struct record_reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->failed || n > r->left) {
		r->failed = true;
		return NULL;
	}
	r->at += n;
	r->left -= n;
	return at;
}

static uint64_t
get_big_endian(struct record_reader *r, size_t n)
{
	const uint8_t *at = record_take(r, n);
	uint64_t v = 0;

	while (at != NULL && n-- > 0)
		v = v << 8 | *at++;
	return v;
}

void
record_get_bytes(struct record_reader *r, void *out, size_t n)
{
	const uint8_t *at = record_take(r, n);

	if (at != NULL)
		memcpy(out, at, n);
	else
		memset(out, 0, n);
}

uint8_t
record_get_u8(struct record_reader *r)
{
	return (uint8_t)get_big_endian(r, 1);
}

uint32_t
record_get_u32(struct record_reader *r)
{
	return (uint32_t)get_big_endian(r, 4);
}

uint64_t
record_get_u64(struct record_reader *r)
{
	return get_big_endian(r, 8);
}

void
record_get_string(struct record_reader *r, char *out, size_t cap)
{
	size_t n = get_big_endian(r, 2);

	out[0] = '\0';
	if (n >= cap)
		r->failed = true;
	if (n == 0 || n >= cap)
		return;
	record_get_bytes(r, out, n);
	out[n] = '\0';
	if (!r->failed && memchr(out, '\0', n) != NULL)
		r->failed = true;
}

enum error
record_read_version(struct record_reader *r, struct bytes from, uint8_t known)
{
	uint8_t version;

	record_read_start(r, from);
	version = record_get_u8(r);
	if (r->failed || version == 0)
		return ERR_DAMAGED;
	return version > known ? ERR_NEWER : OK;
}

enum error
record_end(const struct record_reader *r)
{
	return r->failed || r->left != 0 ? ERR_DAMAGED : OK;
}
