/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_snapshot.c - snapshots of any bytes, also with a trusted signature */
#include "fuzz.h"
#include "policy.h"

#include "policy/model/policy_record.h"
#include "policy/transfer/replace.h"
#include "policy/transfer/snapshot.h"

#include <stdlib.h>
#include <string.h>

/*
 * The first byte of an input says what is done to the file that follows: with SIGN, its
 * head gets the length and the hash of its body, and the signature of a trusted key;
 * with DIGEST also the digest of the records, as far as they can be read; with FORGE
 * all but the signature, which stays as it is.
 */
enum { SIGN = 1, DIGEST = 2, FORGE = 4 };

enum {
	DIGEST_AT = 78,
	LENGTH_AT = DIGEST_AT + DIGEST_BYTES,
	HASH_AT = LENGTH_AT + 8,
	KEY_AT = HASH_AT + SHA256_BYTES
};

_Static_assert(
    KEY_AT + SIGNATURE_ID_BYTES == SNAPSHOT_HEAD_BYTES, "as snapshot.h has it");

#define PRIVATE \
	"-----BEGIN PRIVATE " \
	"KEY-----\nMC4CAQAwBQYDK2VwBCIEIHNtdHBhdXRoLW1pbHRlcjogZmlyc3QgdGVzdCBrZXku\n" \
	"-----END PRIVATE KEY-----\n"
#define PUBLIC \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MCowBQYDK2VwAyEA+GjE4KLTDO4hdZaIjUGzEEx50gbFDtqrsAAnrAK5pkE=\n" \
	"-----END PUBLIC KEY-----\n"

static struct signature_keys *key;
static struct signature_keys *trusted;
static struct hasher *hasher;

static void
start(void)
{
	struct error_text why;

	fuzz_expect(signature_keys_read(&key, SIGNATURE_PRIVATE, PRIVATE,
			strlen(PRIVATE), "KEY", &why) == OK);
	fuzz_expect(signature_keys_read(&trusted, SIGNATURE_PUBLIC, PUBLIC,
			strlen(PUBLIC), "TRUST", &why) == OK);
	hasher = hasher_new();
	fuzz_expect(hasher != NULL);
}

/* forge - what everybody can do */
static void
forge(uint8_t *file, size_t n)
{
	uint64_t len = n - SNAPSHOT_BODY_AT;

	for (int i = 0; i < 8; i++)
		file[LENGTH_AT + i] = (uint8_t)(len >> (56 - 8 * i));
	hasher_begin(hasher);
	hasher_add(hasher, file + SNAPSHOT_BODY_AT, len);
	fuzz_expect(hasher_end(hasher, file + HASH_AT) == OK);
	memcpy(file + KEY_AT, signature_keys_id(key, 0), SIGNATURE_ID_BYTES);
}

/* sign - what somebody does who has the key */
static void
sign(uint8_t *file, size_t n)
{
	forge(file, n);
	fuzz_expect(signature_sign(key, file, SNAPSHOT_HEAD_BYTES,
			file + SNAPSHOT_HEAD_BYTES) == OK);
}

/* A snapshot that is read. */
struct reading {
	FILE *from;
	struct snapshot *snapshot;
	struct error_text why;
};

/* reading_start - opened and verified; its errors are those of the file */
static enum error
reading_start(struct reading *r, const uint8_t *file, size_t n)
{
	enum error e;

	r->why.text[0] = '\0';
	r->from = fuzz_stream(file, n);
	e = snapshot_open(&r->snapshot, r->from, "FILE", &r->why);
	if (e == OK)
		e = snapshot_verify(r->snapshot, trusted, &r->why);
	fuzz_expect(e == OK || (e == ERR_DATA && r->why.text[0] != '\0'));
	return e;
}

static void
reading_end(struct reading *r)
{
	snapshot_close(&r->snapshot);
	fclose(r->from);
}

/* next - a record, which is one of the policy; or the end, or what is wrong */
static enum error
next(void *arg, struct bytes *key_r, struct bytes *value_r, bool *found_r,
    struct error_text *why)
{
	enum error e;

	why->text[0] = '\0';
	e = snapshot_next(arg, key_r, value_r, found_r, why);
	fuzz_expect(e == OK || e == ERR_DATA);
	fuzz_expect((e == ERR_DATA) == (why->text[0] != '\0'));
	if (e == OK && *found_r) {
		fuzz_expect(key_r->len <= KEY_MAX && value_r->len <= RECORD_MAX);
		fuzz_expect(key_is_policy(*key_r));
		fuzz_expect(policy_record_check(*key_r, *value_r) == OK);
	}
	return e;
}

/* sum - the digest of the records of a signed file, up to the first that is none */
static void
sum(const uint8_t *file, size_t n, struct digest *digest_r)
{
	struct bytes record_key, value;
	struct reading r;
	bool found;

	memset(digest_r, 0, sizeof *digest_r);
	if (reading_start(&r, file, n) == OK)
		while (next(r.snapshot, &record_key, &value, &found, &r.why) == OK &&
		    found)
			fuzz_expect(
			    digest_add(digest_r, hasher, record_key, value) == OK);
	reading_end(&r);
}

/* is_written - the policy of TXN, as a snapshot, is read to the same digest */
static void
is_written(struct store_txn *txn)
{
	struct snapshot_head head = {.serial = 1, .made = POLICY_NOW};
	struct error_text why;
	struct digest digest;
	char *text = NULL;
	size_t n;
	FILE *to = tmpfile();

	fuzz_expect(to != NULL);
	fuzz_expect(snapshot_write(to, txn, key, &head, &why) == OK);
	n = SNAPSHOT_BODY_AT + head.body_len;
	text = malloc(n);
	rewind(to);
	fuzz_expect(text != NULL && fread(text, 1, n, to) == n && getc(to) == EOF);
	fclose(to);
	sum((const uint8_t *)text, n, &digest);
	fuzz_expect(digest_equal(&digest, &store_meta(txn)->digest));
	free(text);
}

/* apply - makes the policy what the file says, all or nothing; or not, if unsigned */
static void
apply(const uint8_t *file, size_t n, bool is_signed)
{
	struct store_txn *txn = policy_begin();
	struct reading r;
	struct replace_source source = {.next = next};
	const struct digest *digest;
	enum error e = reading_start(&r, file, n);

	fuzz_expect(is_signed || e != OK);
	if (e == OK) {
		digest = &snapshot_head(r.snapshot)->policy;
		source.arg = r.snapshot;
		e = replace_policy(txn, &source, digest, &r.why);
		fuzz_expect(e == OK || e == ERR_DATA || e == ERR_DAMAGED);
		fuzz_expect((e == OK) == (r.why.text[0] == '\0'));
		if (e == OK) {
			fuzz_expect(digest_equal(&store_meta(txn)->digest, digest));
			is_written(txn);
		}
	}
	reading_end(&r);
	store_abort(&txn);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint8_t what = fuzz_byte(&input);
	uint8_t *file = fuzz_copy(input.at, input.left);
	size_t n = input.left;
	struct digest digest;

	if (key == NULL)
		start();
	if (n < SNAPSHOT_BODY_AT)
		what = 0;
	if ((what & FORGE) != 0)
		forge(file, n);
	if ((what & SIGN) != 0)
		sign(file, n);
	if ((what & DIGEST) != 0) {
		sum(file, n, &digest);
		memcpy(file + DIGEST_AT, digest.byte, sizeof digest.byte);
		sign(file, n);
	}
	apply(file, n, (what & (SIGN | DIGEST)) != 0);
	free(file);
	return 0;
}
