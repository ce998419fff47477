/* SPDX-License-Identifier: BSD-2-Clause */
/* audit - an entry of the audit log, as a struct and as a stored record */
#include "policy/audit/audit.h"

#include <string.h>

#define AUDIT_VERSION 1

/* The flag byte: which records follow. */
enum { FLAG_BEFORE = 0x01, FLAG_AFTER = 0x02, FLAG_ALL = 0x03 };

/* ... and all that has a fixed length */
#define FIXED_MAX 128

_Static_assert(AUDIT_ENTRY_MAX >=
	2 * RECORD_MAX + KEY_MAX + AUDIT_ACTOR_MAX + AUDIT_COMMAND_MAX + FIXED_MAX,
    "the longest entry fits");

void
audit_summary_count(struct audit_summary *s, struct bytes before, struct bytes after)
{
	s->created += before.at == NULL;
	s->removed += before.at != NULL && after.at == NULL;
	s->changed += before.at != NULL && after.at != NULL;
}

uint64_t
audit_summary_total(const struct audit_summary *s)
{
	return s->created + s->changed + s->removed;
}

/* put_bytes - a length in four bytes, then the bytes */
static void
put_bytes(struct record_writer *w, struct bytes b)
{
	record_put_u32(w, (uint32_t)b.len);
	if (b.len > 0)
		record_put_bytes(w, b.at, b.len);
}

static void
put_summary(struct record_writer *w, const struct audit_summary *s)
{
	record_put_bytes(w, s->content.byte, sizeof s->content.byte);
	record_put_bytes(w, s->previous.byte, sizeof s->previous.byte);
	record_put_u64(w, s->serial);
	record_put_u64(w, s->created);
	record_put_u64(w, s->changed);
	record_put_u64(w, s->removed);
}

static void
put_body(struct record_writer *w, const struct audit_entry *e)
{
	record_put_u8(w, AUDIT_VERSION);
	record_put_u8(w, (uint8_t)e->kind);
	record_put_u64(w, (uint64_t)e->when);
	record_put_u64(w, (uint64_t)e->latest);
	record_put_u32(w, e->origin.uid);
	record_put_u32(w, e->origin.login_uid);
	record_put_string(w, e->origin.actor);
	record_put_string(w, e->origin.command);
	record_put_bytes(w, e->policy.byte, sizeof e->policy.byte);
	put_bytes(w, e->object);
	if (e->kind != AUDIT_CHANGE) {
		put_summary(w, &e->summary);
		return;
	}
	record_put_u8(w,
	    (e->before.at != NULL ? FLAG_BEFORE : 0) |
		(e->after.at != NULL ? FLAG_AFTER : 0));
	if (e->before.at != NULL)
		put_bytes(w, e->before);
	if (e->after.at != NULL)
		put_bytes(w, e->after);
}

enum error
audit_hash(uint64_t number, struct bytes value, const struct digest *previous,
    struct hasher *h, struct digest *out_r)
{
	struct key key;

	if (value.len < DIGEST_BYTES)
		return ERR_DAMAGED;
	key_number(&key, TABLE_AUDIT, number);
	hasher_begin(h);
	hasher_add(h, previous->byte, sizeof previous->byte);
	hasher_add(h, key.at, key.len);
	hasher_add(h, value.at, value.len - DIGEST_BYTES);
	return hasher_end(h, out_r->byte);
}

enum error
audit_encode(struct audit_entry *e, const struct digest *previous, struct hasher *h,
    struct record_writer *w)
{
	struct bytes with_hash;
	enum error error = OK;

	put_body(w, e);
	if (w->failed)
		return ERR_LIMIT;
	with_hash = (struct bytes){w->at, w->len + DIGEST_BYTES};
	if (e->kind != AUDIT_STUB)
		error = audit_hash(e->number, with_hash, previous, h, &e->hash);
	record_put_bytes(w, e->hash.byte, sizeof e->hash.byte);
	return error == OK && w->failed ? ERR_LIMIT : error;
}

void
audit_stub(struct audit_entry *out, uint64_t number, const struct digest *hash)
{
	memset(out, 0, sizeof *out);
	out->number = number;
	out->kind = AUDIT_STUB;
	out->when = out->latest = INSTANT_NONE;
	out->origin.uid = out->origin.login_uid = AUDIT_NO_UID;
	out->hash = *hash;
}

/* get_bytes - what put_bytes() wrote, borrowed */
static struct bytes
get_bytes(struct record_reader *r)
{
	struct bytes b = {NULL, record_get_u32(r)};

	if (r->failed || b.len > r->left) {
		r->failed = true;
		return (struct bytes){NULL, 0};
	}
	b.at = r->at;
	r->at += b.len;
	r->left -= b.len;
	return b;
}

static void
get_summary(struct record_reader *r, struct audit_summary *s)
{
	record_get_bytes(r, s->content.byte, sizeof s->content.byte);
	record_get_bytes(r, s->previous.byte, sizeof s->previous.byte);
	s->serial = record_get_u64(r);
	s->created = record_get_u64(r);
	s->changed = record_get_u64(r);
	s->removed = record_get_u64(r);
}

/* get_records - the two records of a change */
static void
get_records(struct record_reader *r, struct audit_entry *e)
{
	unsigned flags = record_get_u8(r);

	if ((flags & ~(unsigned)FLAG_ALL) != 0 || flags == 0 || e->object.len == 0)
		r->failed = true;
	if (flags & FLAG_BEFORE)
		e->before = get_bytes(r);
	if (flags & FLAG_AFTER)
		e->after = get_bytes(r);
}

static void
get_body(struct record_reader *r, struct audit_entry *e)
{
	e->kind = (enum audit_kind)record_get_u8(r);
	e->when = (instant)record_get_u64(r);
	e->latest = (instant)record_get_u64(r);
	e->origin.uid = record_get_u32(r);
	e->origin.login_uid = record_get_u32(r);
	record_get_string(r, e->origin.actor, sizeof e->origin.actor);
	record_get_string(r, e->origin.command, sizeof e->origin.command);
	record_get_bytes(r, e->policy.byte, sizeof e->policy.byte);
	e->object = get_bytes(r);
	if (e->kind < AUDIT_CHANGE || e->kind > AUDIT_STUB)
		r->failed = true;
	else if (e->kind == AUDIT_CHANGE)
		get_records(r, e);
	else
		get_summary(r, &e->summary);
	record_get_bytes(r, e->hash.byte, sizeof e->hash.byte);
}

enum error
audit_decode(struct bytes key, struct bytes value, struct audit_entry *out_r)
{
	struct record_reader r;
	enum error e = key_to_number(key, &out_r->number);

	if (e != OK)
		return e;
	e = record_read_version(&r, value, AUDIT_VERSION);
	if (e != OK)
		return e;
	out_r->before = out_r->after = (struct bytes){NULL, 0};
	memset(&out_r->summary, 0, sizeof out_r->summary);
	get_body(&r, out_r);
	return record_end(&r);
}
