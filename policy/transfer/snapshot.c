/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot - the whole policy as one signed file: writing it, and its head */
#include "policy/transfer/snapshot.h"

#include <errno.h>
#include <string.h>

#include "policy/transfer/policy_iterator.h"
#include "policy/transfer/snapshot_format.h"

static void
encode_head(const struct snapshot_head *head, uint8_t *out)
{
	struct record_writer w;

	record_write_start(&w, out, SNAPSHOT_HEAD_BYTES);
	record_put_bytes(&w, SNAPSHOT_MAGIC, SNAPSHOT_MAGIC_BYTES);
	record_put_u32(&w, SNAPSHOT_VERSION);
	record_put_u64(&w, head->serial);
	record_put_u64(&w, (uint64_t)head->made);
	record_put_u64(&w, head->settings);
	record_put_u64(&w, head->tenants);
	record_put_u64(&w, head->domains);
	record_put_u64(&w, head->mailboxes);
	record_put_u64(&w, head->aliases);
	record_put_bytes(&w, head->policy.byte, sizeof head->policy.byte);
	record_put_u64(&w, head->body_len);
	record_put_bytes(&w, head->body_hash, sizeof head->body_hash);
	record_put_bytes(&w, head->key_id, sizeof head->key_id);
}

static void
decode_body(struct record_reader *r, struct snapshot_head *head)
{
	head->serial = record_get_u64(r);
	head->made = (instant)record_get_u64(r);
	head->settings = record_get_u64(r);
	head->tenants = record_get_u64(r);
	head->domains = record_get_u64(r);
	head->mailboxes = record_get_u64(r);
	head->aliases = record_get_u64(r);
	record_get_bytes(r, head->policy.byte, sizeof head->policy.byte);
	head->body_len = record_get_u64(r);
	record_get_bytes(r, head->body_hash, sizeof head->body_hash);
	record_get_bytes(r, head->key_id, sizeof head->key_id);
}

/* is_sound - whether the numbers can be printed and reckoned with */
static bool
is_sound(const struct snapshot_head *head)
{
	const uint64_t counts[] = {head->settings, head->tenants, head->domains,
	    head->mailboxes, head->aliases, head->body_len};

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		if (counts[i] > SNAPSHOT_BODY_MAX)
			return false;
	return head->serial > 0 && head->serial <= SNAPSHOT_SERIAL_MAX &&
	    instant_is_valid(head->made);
}

enum error
snapshot_head_decode(const uint8_t *at, struct snapshot_head *head_r)
{
	struct record_reader r;
	uint8_t magic[SNAPSHOT_MAGIC_BYTES];
	uint32_t version;

	record_read_start(&r, (struct bytes){at, SNAPSHOT_HEAD_BYTES});
	record_get_bytes(&r, magic, sizeof magic);
	if (memcmp(magic, SNAPSHOT_MAGIC, sizeof magic) != 0)
		return ERR_FORMAT;
	version = record_get_u32(&r);
	if (version != SNAPSHOT_VERSION)
		return version > SNAPSHOT_VERSION ? ERR_NEWER : ERR_DAMAGED;
	decode_body(&r, head_r);
	if (record_end(&r) != OK || !is_sound(head_r))
		return ERR_DAMAGED;
	return OK;
}

/* The body while it is written. */
struct body {
	FILE *to;
	struct hasher *hasher; /* of the body */
	struct hasher *one;    /* of a record */
	struct key last;
	struct digest sum;
	struct snapshot_head *head;
};

/* put_number - below 2^15 */
static void
put_number(struct record_writer *w, size_t n)
{
	if (n >= 0x80)
		record_put_u8(w, (uint8_t)(0x80 | n >> 8));
	record_put_u8(w, (uint8_t)n);
}

/* count - the record in the head's number of its kind */
static void
count(struct snapshot_head *head, struct bytes key)
{
	switch ((enum table) * (const uint8_t *)key.at) {
	case TABLE_SETTING:
		head->settings++;
		break;
	case TABLE_TENANT:
		head->tenants++;
		break;
	case TABLE_DOMAIN:
		head->domains++;
		break;
	case TABLE_MAILBOX:
		head->mailboxes++;
		break;
	case TABLE_ALIAS:
		head->aliases++;
		break;
	case TABLE_LOCK: /* has no number of its own in the head */
	case TABLE_LOCAL_LOCK:
	case TABLE_META:
	case TABLE_NOTICE:
	case TABLE_AUDIT:
	case INDEX_ALIAS:
	case INDEX_DOMAIN:
		break;
	}
}

/* common - bytes that two keys begin with */
static size_t
common(const struct key *a, struct bytes b)
{
	const uint8_t *at = b.at;
	size_t n = 0;

	while (n < a->len && n < b.len && a->at[n] == at[n])
		n++;
	return n;
}

/* put_record - one record, to the file and to the sums */
static enum error
put_record(struct body *b, struct bytes key, struct bytes value)
{
	uint8_t buf[KEY_MAX + RECORD_MAX + 6];
	size_t shared = common(&b->last, key);
	struct record_writer w;
	enum error e;

	if (key.len > KEY_MAX || value.len > RECORD_MAX)
		return ERR_DAMAGED;
	record_write_start(&w, buf, sizeof buf);
	put_number(&w, shared);
	put_number(&w, key.len - shared);
	record_put_bytes(&w, (const uint8_t *)key.at + shared, key.len - shared);
	put_number(&w, value.len);
	record_put_bytes(&w, value.at, value.len);
	memcpy(b->last.at, key.at, key.len);
	b->last.len = key.len;
	b->head->body_len += w.len;
	e = digest_add(&b->sum, b->one, key, value);
	if (e == OK)
		e = hasher_add(b->hasher, buf, w.len);
	if (e == OK && fwrite(buf, 1, w.len, b->to) != w.len)
		e = error_from_errno(errno);
	return e;
}

/* put_all - every record of the policy */
static enum error
put_all(struct body *b, struct store_txn *txn)
{
	struct policy_iterator walk;
	struct bytes key, value;
	enum error e = policy_iterator_open(&walk, txn);

	if (e != OK)
		return e;
	while ((e = policy_iterator_next(&walk, &key, &value)) == OK) {
		count(b->head, key);
		e = put_record(b, key, value);
		if (e != OK)
			break;
	}
	policy_iterator_close(&walk);
	return e == ERR_NOTFOUND ? OK : e;
}

/* put_body - ... and whether they are what the meta record says */
static enum error
put_body(struct body *b, struct store_txn *txn)
{
	enum error e = hasher_begin(b->hasher);

	if (e == OK)
		e = put_all(b, txn);
	if (e == OK)
		e = hasher_end(b->hasher, b->head->body_hash);
	if (e == OK && !digest_equal(&b->sum, &store_meta(txn)->digest))
		e = ERR_DAMAGED;
	return e;
}

/* put_head - with its signature, in the room that was left for both */
static enum error
put_head(FILE *to, const struct snapshot_head *head, const struct signature_keys *key)
{
	uint8_t at[SNAPSHOT_HEAD_BYTES + SIGNATURE_BYTES];
	enum error e;

	encode_head(head, at);
	e = signature_sign(key, at, SNAPSHOT_HEAD_BYTES, at + SNAPSHOT_HEAD_BYTES);
	if (e != OK)
		return e;
	if (fseeko(to, 0, SEEK_SET) != 0 || fwrite(at, 1, sizeof at, to) != sizeof at ||
	    fflush(to) != 0)
		return error_from_errno(errno);
	return OK;
}

/* start - a head without counts, and room for it in the file */
static enum error
start(struct body *b, struct store_txn *txn, const struct signature_keys *key)
{
	struct snapshot_head *head = b->head;
	const struct snapshot_head fresh = {.serial = head->serial,
	    .made = head->made,
	    .policy = store_meta(txn)->digest};

	*head = fresh;
	memcpy(head->key_id, signature_keys_id(key, 0), sizeof head->key_id);
	if (!is_sound(head))
		return ERR_LIMIT;
	b->hasher = hasher_new();
	b->one = hasher_new();
	if (b->hasher == NULL || b->one == NULL)
		return ERR_MEMORY;
	if (fseeko(b->to, SNAPSHOT_HEAD_BYTES + SIGNATURE_BYTES, SEEK_SET) != 0)
		return error_from_errno(errno);
	return OK;
}

enum error
snapshot_write(FILE *to, struct store_txn *txn, const struct signature_keys *key,
    struct snapshot_head *head, struct error_text *why)
{
	struct body b = {.to = to, .head = head};
	enum error e = start(&b, txn, key);

	if (e == OK)
		e = put_body(&b, txn);
	if (e == OK)
		e = put_head(to, head, key);
	hasher_free(&b.hasher);
	hasher_free(&b.one);
	if (e == ERR_DAMAGED)
		return error_set(why, e,
		    "the database is damaged, see \"smtpauthctl verify\": its records "
		    "do not add up to the policy digest");
	return e == OK ? OK : error_about(why, e, "the snapshot");
}
