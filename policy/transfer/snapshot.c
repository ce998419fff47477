/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot - the whole policy as one signed file */
#include "policy/transfer/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/hex.h"
#include "policy/model/policy_record.h"
#include "policy/transfer/policy_iterator.h"

#define SNAPSHOT_MAGIC "smtpauth-snapshot\n"
#define SNAPSHOT_MAGIC_BYTES (sizeof SNAPSHOT_MAGIC - 1)
#define SNAPSHOT_VERSION 1

/* More than any disk has: sums of lengths and counts do not overflow. */
#define SNAPSHOT_BODY_MAX (INT64_MAX / 2)

/* The tables that the head counts; locks have no number of their own. */
static const enum table snapshot_tables[SNAPSHOT_COUNTS] = {
    [SNAPSHOT_SETTINGS] = TABLE_SETTING,
    [SNAPSHOT_TENANTS] = TABLE_TENANT,
    [SNAPSHOT_DOMAINS] = TABLE_DOMAIN,
    [SNAPSHOT_MAILBOXES] = TABLE_MAILBOX,
    [SNAPSHOT_ALIASES] = TABLE_ALIAS,
};

/* A snapshot while it is written. */
struct snapshot_writer {
	FILE *to;
	struct hasher *hasher; /* of the body */
	struct hasher *one;    /* of a record */
	struct key last;
	struct digest sum;
	struct snapshot_head *head;
};

/* A snapshot while it is read. */
struct snapshot {
	FILE *from;
	const char *name;
	struct hasher *hasher; /* of one pass over the body */
	struct snapshot_head head;
	uint8_t head_bytes[SNAPSHOT_BODY_AT];
	bool verified, reading;
	uint64_t left; /* bytes of the body */
	uint64_t records;
	/* The last record: */
	struct key key;
	uint8_t value[RECORD_MAX];
};

static void
snapshot_encode_head(const struct snapshot_head *head, uint8_t *out)
{
	struct record_writer w;

	record_write_start(&w, out, SNAPSHOT_HEAD_BYTES);
	record_put_bytes(&w, SNAPSHOT_MAGIC, SNAPSHOT_MAGIC_BYTES);
	record_put_u32(&w, SNAPSHOT_VERSION);
	record_put_u64(&w, head->serial);
	record_put_u64(&w, (uint64_t)head->made);
	for (int i = 0; i < SNAPSHOT_COUNTS; i++)
		record_put_u64(&w, head->count[i]);
	record_put_bytes(&w, head->policy.byte, sizeof head->policy.byte);
	record_put_u64(&w, head->body_len);
	record_put_bytes(&w, head->body_hash, sizeof head->body_hash);
	record_put_bytes(&w, head->key_id, sizeof head->key_id);
}

/* snapshot_is_sound - whether the numbers can be printed and added up */
static bool
snapshot_is_sound(const struct snapshot_head *head)
{
	for (int i = 0; i < SNAPSHOT_COUNTS; i++)
		if (head->count[i] > SNAPSHOT_BODY_MAX)
			return false;
	return head->body_len <= SNAPSHOT_BODY_MAX && head->serial > 0 &&
	    head->serial <= SNAPSHOT_SERIAL_MAX && instant_is_valid(head->made);
}

/* snapshot_decode_head - ERR_FORMAT for another kind of file; ERR_NEWER; ERR_DAMAGED */
static enum error
snapshot_decode_head(const uint8_t *at, struct snapshot_head *head)
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
	head->serial = record_get_u64(&r);
	head->made = (instant)record_get_u64(&r);
	for (int i = 0; i < SNAPSHOT_COUNTS; i++)
		head->count[i] = record_get_u64(&r);
	record_get_bytes(&r, head->policy.byte, sizeof head->policy.byte);
	head->body_len = record_get_u64(&r);
	record_get_bytes(&r, head->body_hash, sizeof head->body_hash);
	record_get_bytes(&r, head->key_id, sizeof head->key_id);
	return record_end(&r) == OK && snapshot_is_sound(head) ? OK : ERR_DAMAGED;
}

/* snapshot_put_number - below 2^15 */
static void
snapshot_put_number(struct record_writer *w, size_t n)
{
	if (n >= 0x80)
		record_put_u8(w, (uint8_t)(0x80 | n >> 8));
	record_put_u8(w, (uint8_t)n);
}

/* snapshot_shared - how many bytes two keys have in common at the start */
static size_t
snapshot_shared(const struct key *a, struct bytes b)
{
	const uint8_t *at = b.at;
	size_t n = 0;

	while (n < a->len && n < b.len && a->at[n] == at[n])
		n++;
	return n;
}

/* snapshot_put_record - to the file and to the sums */
static enum error
snapshot_put_record(struct snapshot_writer *s, struct bytes key, struct bytes value)
{
	uint8_t buf[KEY_MAX + RECORD_MAX + 6];
	size_t shared = snapshot_shared(&s->last, key);
	struct record_writer w;
	enum error e;

	if (key.len > KEY_MAX || value.len > RECORD_MAX)
		return ERR_DAMAGED;
	for (int i = 0; i < SNAPSHOT_COUNTS; i++)
		s->head->count[i] += *(const uint8_t *)key.at == snapshot_tables[i];
	record_write_start(&w, buf, sizeof buf);
	snapshot_put_number(&w, shared);
	snapshot_put_number(&w, key.len - shared);
	record_put_bytes(&w, (const uint8_t *)key.at + shared, key.len - shared);
	snapshot_put_number(&w, value.len);
	record_put_bytes(&w, value.at, value.len);
	s->last = key_copy(key);
	s->head->body_len += w.len;
	e = digest_add(&s->sum, s->one, key, value);
	hasher_add(s->hasher, buf, w.len);
	if (e == OK && fwrite(buf, 1, w.len, s->to) != w.len)
		e = error_from_errno(errno);
	return e;
}

/* snapshot_put_body - every record of the policy; they must add up to its digest */
static enum error
snapshot_put_body(struct snapshot_writer *s, struct store_txn *txn)
{
	struct policy_iterator records;
	struct bytes key, value;
	bool found;
	enum error e = policy_iterator_open(&records, txn);

	hasher_begin(s->hasher);
	if (e != OK)
		return e;
	do {
		e = policy_iterator_next(&records, &key, &value, &found);
		if (e == OK && found)
			e = snapshot_put_record(s, key, value);
	} while (e == OK && found);
	policy_iterator_close(&records);
	if (e == OK && !digest_equal(&s->sum, &store_meta(txn)->digest))
		return ERR_DAMAGED;
	return e == OK ? hasher_end(s->hasher, s->head->body_hash) : e;
}

/* snapshot_put_head - with its signature, in the room that was left for both */
static enum error
snapshot_put_head(const struct snapshot_writer *s, const struct signature_keys *key)
{
	uint8_t at[SNAPSHOT_BODY_AT];
	enum error e;

	snapshot_encode_head(s->head, at);
	e = signature_sign(key, at, SNAPSHOT_HEAD_BYTES, at + SNAPSHOT_HEAD_BYTES);
	if (e != OK)
		return e;
	if (fseeko(s->to, 0, SEEK_SET) != 0 ||
	    fwrite(at, 1, sizeof at, s->to) != sizeof at || fflush(s->to) != 0)
		return error_from_errno(errno);
	return OK;
}

/* snapshot_put - body first, then the head, which has its sums */
static enum error
snapshot_put(
    struct snapshot_writer *s, struct store_txn *txn, const struct signature_keys *key)
{
	enum error e;

	if (!snapshot_is_sound(s->head))
		return ERR_LIMIT;
	if (s->hasher == NULL || s->one == NULL)
		return ERR_MEMORY;
	if (fseeko(s->to, SNAPSHOT_BODY_AT, SEEK_SET) != 0)
		return error_from_errno(errno);
	e = snapshot_put_body(s, txn);
	return e == OK ? snapshot_put_head(s, key) : e;
}

enum error
snapshot_write(FILE *to, struct store_txn *txn, const struct signature_keys *key,
    struct snapshot_head *head, struct error_text *why)
{
	struct snapshot_writer s = {
	    .to = to, .head = head, .hasher = hasher_new(), .one = hasher_new()};
	enum error e;

	*head = (struct snapshot_head){.serial = head->serial,
	    .made = head->made,
	    .policy = store_meta(txn)->digest};
	memcpy(head->key_id, signature_keys_id(key, 0), sizeof head->key_id);
	e = snapshot_put(&s, txn, key);
	hasher_free(&s.hasher);
	hasher_free(&s.one);
	if (e == ERR_DAMAGED)
		return error_set(why, e,
		    "the database is damaged, see \"smtpauthctl verify\": its records do not add up to the policy digest");
	return e == OK ? OK : error_about(why, e, "the snapshot");
}

static enum error
snapshot_cannot_read(const struct snapshot *s, struct error_text *why)
{
	return error_set(why, ERR_IO, "cannot read %s: %s", s->name, strerror(errno));
}

/* snapshot_check_length - must be what the head says: most damage is a cut */
static enum error
snapshot_check_length(struct snapshot *s, struct error_text *why)
{
	uint64_t wanted = s->head.body_len + SNAPSHOT_BODY_AT;
	off_t end;

	if (fseeko(s->from, 0, SEEK_END) != 0 || (end = ftello(s->from)) < 0)
		return snapshot_cannot_read(s, why);
	if ((uint64_t)end == wanted)
		return OK;
	return error_set(why, ERR_DATA,
	    "%s is %s: %" PRIu64 " bytes instead of %" PRIu64, s->name,
	    (uint64_t)end < wanted ? "not complete" : "longer than it should be",
	    (uint64_t)end, wanted);
}

/* snapshot_get_head - the first bytes, and what they say */
static enum error
snapshot_get_head(struct snapshot *s, struct error_text *why)
{
	size_t n = fread(s->head_bytes, 1, sizeof s->head_bytes, s->from);
	enum error e;

	if (ferror(s->from))
		return snapshot_cannot_read(s, why);
	if (n < sizeof s->head_bytes &&
	    memcmp(s->head_bytes, SNAPSHOT_MAGIC,
		n < SNAPSHOT_MAGIC_BYTES ? n : SNAPSHOT_MAGIC_BYTES) == 0)
		return error_set(
		    why, ERR_DATA, "%s is not complete: %zu bytes", s->name, n);
	e = snapshot_decode_head(s->head_bytes, &s->head);
	if (e == ERR_FORMAT)
		return error_set(why, ERR_DATA, "%s is not a snapshot", s->name);
	if (e == ERR_NEWER)
		return error_set(why, ERR_DATA,
		    "%s is a snapshot of a newer version of smtpauthctl", s->name);
	if (e != OK)
		return error_set(
		    why, ERR_DATA, "%s is damaged: its head makes no sense", s->name);
	return snapshot_check_length(s, why);
}

enum error
snapshot_open(
    struct snapshot **s_r, FILE *from, const char *name, struct error_text *why)
{
	struct snapshot *s = calloc(1, sizeof *s);
	enum error e;

	*s_r = NULL;
	if (s == NULL)
		return error_about(why, ERR_MEMORY, name);
	s->from = from;
	s->name = name;
	s->hasher = hasher_new();
	e = s->hasher != NULL ? snapshot_get_head(s, why)
			      : error_about(why, ERR_MEMORY, name);
	if (e == OK)
		*s_r = s;
	else
		snapshot_close(&s);
	return e;
}

void
snapshot_close(struct snapshot **s)
{
	if (*s == NULL)
		return;
	hasher_free(&(*s)->hasher);
	free(*s);
	*s = NULL;
}

const struct snapshot_head *
snapshot_head(const struct snapshot *s)
{
	return &s->head;
}

/* snapshot_start_pass - to the start of the body */
static enum error
snapshot_start_pass(struct snapshot *s, struct error_text *why)
{
	hasher_begin(s->hasher);
	s->left = s->head.body_len;
	s->records = 0;
	s->key.len = 0;
	return fseeko(s->from, SNAPSHOT_BODY_AT, SEEK_SET) == 0
	    ? OK
	    : snapshot_cannot_read(s, why);
}

/* snapshot_end_pass - whether the body was what is signed; WHAT if not */
static enum error
snapshot_end_pass(struct snapshot *s, const char *what, struct error_text *why)
{
	uint8_t hash[SHA256_BYTES];
	enum error e = hasher_end(s->hasher, hash);

	if (e != OK)
		return error_about(why, e, s->name);
	if (fgetc(s->from) != EOF)
		return error_set(
		    why, ERR_DATA, "%s is longer than it should be", s->name);
	if (ferror(s->from))
		return snapshot_cannot_read(s, why);
	return memcmp(hash, s->head.body_hash, sizeof hash) == 0
	    ? OK
	    : error_set(why, ERR_DATA, "%s %s", s->name, what);
}

/* snapshot_get - N bytes of the body; ERR_DAMAGED where it has not so many left */
static enum error
snapshot_get(struct snapshot *s, void *out, size_t n, struct error_text *why)
{
	if (n > s->left)
		return ERR_DAMAGED;
	s->left -= n;
	if (fread(out, 1, n, s->from) != n)
		return ferror(s->from)
		    ? snapshot_cannot_read(s, why)
		    : error_set(
			  why, ERR_DATA, "%s was cut off while it was read", s->name);
	hasher_add(s->hasher, out, n);
	return OK;
}

/* snapshot_unknown_key - for one that is signed with none of KEYS */
static enum error
snapshot_unknown_key(
    const struct snapshot *s, const struct signature_keys *keys, struct error_text *why)
{
	char id[SIGNATURE_ID_TEXT_MAX], ours[SIGNATURE_ID_TEXT_MAX];

	hex_print(s->head.key_id, SIGNATURE_ID_BYTES, id);
	if (signature_keys_count(keys) != 1)
		return error_set(why, ERR_DATA,
		    "%s is signed with the key %s, which is none of the %zu trusted ones",
		    s->name, id, signature_keys_count(keys));
	return error_set(why, ERR_DATA,
	    "%s is signed with the key %s, and the trusted one is %s", s->name, id,
	    hex_print(signature_keys_id(keys, 0), SIGNATURE_ID_BYTES, ours));
}

enum error
snapshot_verify(
    struct snapshot *s, const struct signature_keys *keys, struct error_text *why)
{
	enum error e = signature_verify(keys, s->head.key_id, s->head_bytes,
	    SNAPSHOT_HEAD_BYTES, s->head_bytes + SNAPSHOT_HEAD_BYTES);

	s->verified = s->reading = false;
	if (e == ERR_NOTFOUND)
		return snapshot_unknown_key(s, keys, why);
	if (e == ERR_DATA)
		return error_set(why, e,
		    "the signature of %s does not hold: its head was altered", s->name);
	if (e != OK)
		return error_about(why, e, s->name);
	e = snapshot_start_pass(s, why);
	while (e == OK && s->left > 0)
		e = snapshot_get(s, s->value,
		    s->left < sizeof s->value ? (size_t)s->left : sizeof s->value, why);
	if (e == OK)
		e = snapshot_end_pass(
		    s, "is not what was signed: its body was altered", why);
	s->verified = e == OK;
	return e;
}

/* snapshot_get_number - of one or two bytes */
static enum error
snapshot_get_number(struct snapshot *s, size_t *n_r, struct error_text *why)
{
	uint8_t byte[2] = {0};
	enum error e = snapshot_get(s, &byte[0], 1, why);

	*n_r = byte[0];
	if (e != OK || byte[0] < 0x80)
		return e;
	e = snapshot_get(s, &byte[1], 1, why);
	*n_r = (size_t)(byte[0] & 0x7f) << 8 | byte[1];
	return e;
}

/* snapshot_get_record - ERR_DAMAGED for one that cannot be; LEN_R of its value */
static enum error
snapshot_get_record(struct snapshot *s, size_t *len_r, struct error_text *why)
{
	size_t shared = 0, rest = 0;
	enum error e = snapshot_get_number(s, &shared, why);

	if (e == OK)
		e = snapshot_get_number(s, &rest, why);
	if (e != OK)
		return e;
	if (shared > s->key.len || rest > KEY_MAX - shared)
		return ERR_DAMAGED;
	s->key.len = shared + rest;
	e = snapshot_get(s, s->key.at + shared, rest, why);
	if (e == OK)
		e = snapshot_get_number(s, len_r, why);
	if (e != OK)
		return e;
	if (*len_r > sizeof s->value)
		return ERR_DAMAGED;
	e = snapshot_get(s, s->value, *len_r, why);
	return e == OK
	    ? policy_record_check(key_bytes(&s->key), (struct bytes){s->value, *len_r})
	    : e;
}

enum error
snapshot_next(struct snapshot *s, struct bytes *key_r, struct bytes *value_r,
    bool *found_r, struct error_text *why)
{
	size_t len = 0;
	enum error e = OK;

	if (!s->verified)
		return error_set(
		    why, ERR_INTERNAL, "%s is read before it is verified", s->name);
	if (!s->reading)
		e = snapshot_start_pass(s, why);
	if (e != OK)
		return e;
	s->reading = true;
	*found_r = s->left > 0;
	if (!*found_r)
		return snapshot_end_pass(s, "was written to while it was read", why);
	s->records++;
	e = snapshot_get_record(s, &len, why);
	*key_r = key_bytes(&s->key);
	*value_r = (struct bytes){s->value, len};
	if (e == ERR_NEWER)
		return error_set(why, ERR_DATA,
		    "record %" PRIu64 " of %s is of a newer version of smtpauthctl",
		    s->records, s->name);
	if (e == ERR_DAMAGED)
		return error_set(why, ERR_DATA,
		    "record %" PRIu64 " of %s makes no sense", s->records, s->name);
	return e;
}
