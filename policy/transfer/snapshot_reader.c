/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot_reader - the whole policy as one signed file: verifying and reading it */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/hex.h"
#include "policy/model/policy_record.h"
#include "policy/transfer/snapshot_format.h"

#define BUFFER_BYTES 65536

struct snapshot {
	FILE *from;
	const char *name;
	struct hasher *hasher;
	struct snapshot_head head;
	uint8_t head_bytes[SNAPSHOT_HEAD_BYTES + SIGNATURE_BYTES];
	bool verified, reading;
	/* One pass over the body: */
	uint64_t left; /* bytes that are not in the buffer yet */
	size_t at, len;
	uint8_t buffer[BUFFER_BYTES];
	/* The last record: */
	uint64_t records;
	struct key key;
	uint8_t value[RECORD_MAX];
};

static enum error
cannot_read(const struct snapshot *s, struct error_text *why)
{
	return error_set(why, ERR_IO, "cannot read %s: %s", s->name, strerror(errno));
}

/* check_length - what the head says must be all there is: most damage is a cut */
static enum error
check_length(struct snapshot *s, struct error_text *why)
{
	uint64_t wanted = s->head.body_len + SNAPSHOT_BODY_AT;
	off_t end;

	if (fseeko(s->from, 0, SEEK_END) != 0 || (end = ftello(s->from)) < 0)
		return cannot_read(s, why);
	if ((uint64_t)end == wanted)
		return OK;
	return error_set(why, ERR_DATA,
	    "%s is %s: %" PRIu64 " bytes instead of %" PRIu64, s->name,
	    (uint64_t)end < wanted ? "not complete" : "longer than it should be",
	    (uint64_t)end, wanted);
}

/* read_head - the first bytes, and what they say */
static enum error
read_head(struct snapshot *s, struct error_text *why)
{
	size_t n = fread(s->head_bytes, 1, sizeof s->head_bytes, s->from);
	enum error e;

	if (ferror(s->from))
		return cannot_read(s, why);
	if (n < sizeof s->head_bytes &&
	    memcmp(s->head_bytes, SNAPSHOT_MAGIC,
		n < SNAPSHOT_MAGIC_BYTES ? n : SNAPSHOT_MAGIC_BYTES) == 0)
		return error_set(
		    why, ERR_DATA, "%s is not complete: %zu bytes", s->name, n);
	e = snapshot_head_decode(s->head_bytes, &s->head);
	if (e == ERR_FORMAT)
		return error_set(why, ERR_DATA, "%s is not a snapshot", s->name);
	if (e == ERR_NEWER)
		return error_set(why, ERR_DATA,
		    "%s is a snapshot of a newer version of smtpauthctl", s->name);
	if (e != OK)
		return error_set(
		    why, ERR_DATA, "%s is damaged: its head makes no sense", s->name);
	return check_length(s, why);
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
	e = s->hasher != NULL ? read_head(s, why) : error_about(why, ERR_MEMORY, name);
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

/* start_pass - to the begin of the body */
static enum error
start_pass(struct snapshot *s, struct error_text *why)
{
	enum error e = hasher_begin(s->hasher);

	s->left = s->head.body_len;
	s->at = s->len = 0;
	s->records = 0;
	s->key.len = 0;
	if (e != OK)
		return error_about(why, e, s->name);
	return fseeko(s->from, SNAPSHOT_BODY_AT, SEEK_SET) == 0 ? OK
								: cannot_read(s, why);
}

/* fill - the next part of the body; ERR_NOTFOUND behind its end */
static enum error
fill(struct snapshot *s, struct error_text *why)
{
	size_t want = s->left < BUFFER_BYTES ? (size_t)s->left : BUFFER_BYTES;
	enum error e;

	if (want == 0)
		return ERR_NOTFOUND;
	s->at = 0;
	s->len = fread(s->buffer, 1, want, s->from);
	s->left -= s->len;
	if (ferror(s->from))
		return cannot_read(s, why);
	if (s->len != want)
		return error_set(
		    why, ERR_DATA, "%s was cut off while it was read", s->name);
	e = hasher_add(s->hasher, s->buffer, s->len);
	return e == OK ? OK : error_about(why, e, s->name);
}

/* end_pass - whether the body was what is signed */
static enum error
end_pass(struct snapshot *s, const char *what, struct error_text *why)
{
	uint8_t hash[SHA256_BYTES];
	enum error e = hasher_end(s->hasher, hash);

	if (e != OK)
		return error_about(why, e, s->name);
	if (fgetc(s->from) != EOF)
		return error_set(
		    why, ERR_DATA, "%s is longer than it should be", s->name);
	if (ferror(s->from))
		return cannot_read(s, why);
	return memcmp(hash, s->head.body_hash, sizeof hash) == 0
	    ? OK
	    : error_set(why, ERR_DATA, "%s %s", s->name, what);
}

/* unknown_key - signed with none of KEYS */
static enum error
unknown_key(
    const struct snapshot *s, const struct signature_keys *keys, struct error_text *why)
{
	char id[SIGNATURE_ID_TEXT_MAX], ours[SIGNATURE_ID_TEXT_MAX];

	hex_print(s->head.key_id, SIGNATURE_ID_BYTES, id);
	if (signature_keys_count(keys) != 1)
		return error_set(why, ERR_DATA,
		    "%s is signed with the key %s, which is none of the %zu trusted "
		    "ones",
		    s->name, id, signature_keys_count(keys));
	return error_set(why, ERR_DATA,
	    "%s is signed with the key %s, and the trusted one is %s", s->name, id,
	    hex_print(signature_keys_id(keys, 0), SIGNATURE_ID_BYTES, ours));
}

static enum error
verify_signature(
    struct snapshot *s, const struct signature_keys *keys, struct error_text *why)
{
	enum error e = signature_verify(keys, s->head.key_id, s->head_bytes,
	    SNAPSHOT_HEAD_BYTES, s->head_bytes + SNAPSHOT_HEAD_BYTES);

	if (e == ERR_NOTFOUND)
		return unknown_key(s, keys, why);
	if (e == ERR_DATA)
		return error_set(why, e,
		    "the signature of %s does not hold: its head was altered", s->name);
	return e == OK ? OK : error_about(why, e, s->name);
}

enum error
snapshot_verify(
    struct snapshot *s, const struct signature_keys *keys, struct error_text *why)
{
	enum error e = verify_signature(s, keys, why);

	s->reading = false;
	if (e == OK)
		e = start_pass(s, why);
	while (e == OK)
		e = fill(s, why);
	if (e == ERR_NOTFOUND)
		e = end_pass(s, "is not what was signed: its body was altered", why);
	s->verified = e == OK;
	return e;
}

/* get - N bytes of the body; behind its end ERR_NOTFOUND */
static enum error
get(struct snapshot *s, void *out, size_t n, struct error_text *why)
{
	uint8_t *to = out;

	while (n > 0) {
		size_t part = s->len - s->at < n ? s->len - s->at : n;
		enum error e = OK;

		memcpy(to, s->buffer + s->at, part);
		s->at += part;
		to += part;
		n -= part;
		if (n > 0)
			e = fill(s, why);
		if (e != OK)
			return e;
	}
	return OK;
}

/* get_number - of one or two bytes */
static enum error
get_number(struct snapshot *s, size_t *n_r, struct error_text *why)
{
	uint8_t byte[2];
	enum error e = get(s, &byte[0], 1, why);

	*n_r = 0;
	if (e != OK)
		return e;
	*n_r = byte[0];
	if (byte[0] < 0x80)
		return OK;
	e = get(s, &byte[1], 1, why);
	if (e == OK)
		*n_r = (size_t)(byte[0] & 0x7f) << 8 | byte[1];
	return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
}

/* get_key - what it shares with the last one, and the rest; ERR_DAMAGED: cannot be */
static enum error
get_key(struct snapshot *s, size_t shared, struct error_text *why)
{
	size_t rest;
	enum error e = get_number(s, &rest, why);

	if (e != OK)
		return e;
	if (shared > s->key.len || rest > KEY_MAX - shared)
		return ERR_DAMAGED;
	s->key.len = shared + rest;
	return get(s, s->key.at + shared, rest, why);
}

static enum error
get_value(struct snapshot *s, size_t *len_r, struct error_text *why)
{
	enum error e = get_number(s, len_r, why);

	if (e == OK && *len_r > sizeof s->value)
		return ERR_DAMAGED;
	return e == OK ? get(s, s->value, *len_r, why) : e;
}

/* get_record - behind the number that begins it, a whole record */
static enum error
get_record(struct snapshot *s, size_t shared, size_t *len_r, struct error_text *why)
{
	enum error e = get_key(s, shared, why);

	if (e == OK)
		e = get_value(s, len_r, why);
	if (e == OK)
		e = policy_record_check(
		    key_bytes(&s->key), (struct bytes){s->value, *len_r});
	return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
}

/* refuse_record - the words for what is signed and makes no sense here */
static enum error
refuse_record(const struct snapshot *s, enum error e, struct error_text *why)
{
	if (e == ERR_NEWER)
		return error_set(why, ERR_DATA,
		    "record %" PRIu64 " of %s is of a newer version of smtpauthctl",
		    s->records, s->name);
	if (e == ERR_DAMAGED)
		return error_set(why, ERR_DATA,
		    "record %" PRIu64 " of %s makes no sense", s->records, s->name);
	return e;
}

enum error
snapshot_next(struct snapshot *s, struct bytes *key_r, struct bytes *value_r,
    struct error_text *why)
{
	size_t shared, len = 0;
	enum error e = OK;

	if (!s->verified)
		return error_set(
		    why, ERR_INTERNAL, "%s is read before it is verified", s->name);
	if (!s->reading)
		e = start_pass(s, why);
	s->reading = true;
	if (e == OK)
		e = get_number(s, &shared, why);
	if (e == ERR_NOTFOUND) {
		e = end_pass(s, "was written to while it was read", why);
		return e == OK ? ERR_NOTFOUND : e;
	}
	s->records++;
	if (e == OK)
		e = get_record(s, shared, &len, why);
	*key_r = key_bytes(&s->key);
	*value_r = (struct bytes){s->value, len};
	return refuse_record(s, e, why);
}
