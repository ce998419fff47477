/* SPDX-License-Identifier: BSD-2-Clause */
/* check_snapshot.c - signed snapshots: they come back whole, or are refused. */
#include "policy/replace.h"
#include "policy/setting_table.h"
#include "policy/snapshot.h"
#include "state.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

#define PRIVATE(text) \
	"-----BEGIN PRIVATE " \
	"KEY-----\nMC4CAQAwBQYDK2VwBCIEIHNtdHBhdXRoLW1pbHRlcjog" text \
	"\n-----END PRIVATE KEY-----\n"
#define PUBLIC(text) "-----BEGIN PUBLIC KEY-----\n" text "\n-----END PUBLIC KEY-----\n"
#define KEY PRIVATE("Zmlyc3QgdGVzdCBrZXku")
#define TRUST PUBLIC("MCowBQYDK2VwAyEA+GjE4KLTDO4hdZaIjUGzEEx50gbFDtqrsAAnrAK5pkE=")
#define OTHER PUBLIC("MCowBQYDK2VwAyEArfC7J9Y6R487Xu28ytUFneK3HXm2VHAw5NJlHYsmzTw=")

/* Where the head has what the tests change. */
enum {
	AT_VERSION = 18,
	AT_SERIAL = AT_VERSION + 4,
	AT_MADE = AT_SERIAL + 8,
	AT_MAILBOXES = AT_MADE + 32,
	AT_DIGEST = AT_MADE + 48,
	AT_LENGTH = AT_DIGEST + 32,
	AT_HASH = AT_LENGTH + 8,
	AT_BODY = SNAPSHOT_HEAD_BYTES + SIGNATURE_BYTES,
	MADE = 1800000000,
	MANY = 3000
};

/* A snapshot as bytes. */
struct image {
	uint8_t *at;
	size_t n;
};

static struct signing_key *
key_read(void)
{
	struct signing_key *key;
	struct error_text why;

	expect_ok(signing_key_read(&key, KEY, strlen(KEY), "KEY", &why));
	return key;
}

static struct trusted_keys *
trust_read(const char *pem)
{
	struct trusted_keys *keys;
	struct error_text why = {""};
	enum error e = trusted_keys_read(&keys, pem, strlen(pem), "PEM", &why);

	ck_assert_msg(e == OK, "%s", why.text);
	return keys;
}

/* image_write - the policy of a state folder; what snapshot_write() returned */
static enum error
image_write(const struct state *state, uint64_t serial, struct image *image,
    struct snapshot_head *head)
{
	struct store *store = state_store(state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct signing_key *key = key_read();
	struct error_text why;
	FILE *to = tmpfile();
	enum error e;

	*head = (struct snapshot_head){.serial = serial, .made = MADE};
	e = snapshot_write(to, txn, key, head, &why);
	store_abort(&txn);
	store_close(&store);
	signing_key_free(&key);
	ck_assert_int_eq(fseek(to, 0, SEEK_END), 0);
	image->n = (size_t)ftell(to);
	image->at = malloc(image->n + 1);
	rewind(to);
	ck_assert_uint_eq(fread(image->at, 1, image->n, to), image->n);
	fclose(to);
	return e;
}

static struct image
image_make(const struct state *state)
{
	struct snapshot_head head;
	struct image image;

	expect_ok(image_write(state, 7, &image, &head));
	ck_assert_uint_eq(head.body_len + AT_BODY, image.n);
	return image;
}

/* image_sign - the key's owner signs what the image has become */
static void
image_sign(struct image *image)
{
	struct signing_key *key = key_read();
	struct hasher *hasher = hasher_new();
	uint64_t len = image->n - AT_BODY;

	for (int i = 0; i < 8; i++)
		image->at[AT_LENGTH + i] = (uint8_t)(len >> (56 - 8 * i));
	expect_ok(hasher_begin(hasher));
	expect_ok(hasher_add(hasher, image->at + AT_BODY, len));
	expect_ok(hasher_end(hasher, image->at + AT_HASH));
	expect_ok(signing_key_sign(
	    key, image->at, SNAPSHOT_HEAD_BYTES, image->at + SNAPSHOT_HEAD_BYTES));
	hasher_free(&hasher);
	signing_key_free(&key);
}

/* The image as a stream that keeps nothing back, so that changes are seen. */
static FILE *
image_stream(const struct image *image)
{
	FILE *from =
	    image->n > 0 ? fmemopen(image->at, image->n, "r") : fopen("/dev/null", "r");

	ck_assert_ptr_nonnull(from);
	setvbuf(from, NULL, _IONBF, 0);
	return from;
}

/* verify - the first pass; OTHER keys if not the right one */
static enum error
verify(const struct image *image, const char *pem, struct error_text *why)
{
	struct trusted_keys *keys = trust_read(pem);
	FILE *from = image_stream(image);
	struct snapshot *s;
	enum error e = snapshot_open(&s, from, "it", why);

	if (e == OK)
		e = snapshot_verify(s, keys, why);
	snapshot_close(&s);
	trusted_keys_free(&keys);
	fclose(from);
	return e;
}

/* What happens to the image between the passes. */
typedef void alter(struct image *image, size_t where);

/* read_all - both passes; ERR_NOTFOUND is the good end */
static enum error
read_all(struct image *image, alter *change, size_t where, struct error_text *why)
{
	struct trusted_keys *keys = trust_read(TRUST);
	FILE *from = image_stream(image);
	struct bytes key, value;
	struct snapshot *s;
	enum error e;

	expect_ok(snapshot_open(&s, from, "it", why));
	e = snapshot_verify(s, keys, why);
	if (e == OK && change != NULL)
		change(image, where);
	while (e == OK)
		e = snapshot_next(s, &key, &value, why);
	snapshot_close(&s);
	trusted_keys_free(&keys);
	fclose(from);
	return e;
}

static void
expect_refused(const struct image *image, const char *what, size_t where)
{
	struct error_text why = {""};
	enum error e = verify(image, TRUST, &why);

	ck_assert_msg(e == ERR_DATA && strstr(why.text, "it") != NULL,
	    "%s at %zu: %s, \"%s\"", what, where, error_string(e), why.text);
}

/* small - a record of each kind */
static void
small(struct store_txn *txn, void *arg)
{
	struct error_text why;

	(void)arg;
	tenant_store(txn, "acme", SMTP_AUTH_DISABLED);
	domain_store(txn, "acme.test", "acme");
	mailbox_store(txn, "ann@acme.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "anna@acme.test", SMTP_AUTH_DISABLED, "left");
	alias_store(txn, "ann@acme.test", "ann");
	expect_ok(setting_table_set(txn, setting_find("action"), "tempfail", &why));
}

/* large - records of all lengths, the longest among them */
static void
large(struct store_txn *txn, void *arg)
{
	char name[LOGIN_RAW_MAX + 1], note[NOTE_MAX + 1];

	small(txn, arg);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "user%d@acme.test", i * 7919 % MANY);
		memset(note, 'n', sizeof note);
		note[i % sizeof note] = '\0';
		mailbox_store(txn, name, SMTP_AUTH_ENABLED, note);
	}
	memset(name, 'x', 310);
	strcpy(name + 310, "@acme.test");
	mailbox_store(txn, name, SMTP_AUTH_ENABLED, "");
	memset(name, 'y', 310);
	alias_store(txn, "ann@acme.test", name);
}

static void
small_state(struct state *state)
{
	state_open_ready(state);
	state_change(state, small, NULL);
}

static struct digest
digest_here(const struct state *state)
{
	struct store *store = state_store(state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct digest digest = store_meta(txn)->digest;

	store_abort(&txn);
	store_close(&store);
	return digest;
}

/* The source of a replacement. */
struct reading {
	struct snapshot *snapshot;
	struct error_text why;
};

static enum error
next(void *arg, struct bytes *key_r, struct bytes *value_r)
{
	struct reading *r = arg;

	return snapshot_next(r->snapshot, key_r, value_r, &r->why);
}

/* apply - the image to a state folder */
static enum error
apply(const struct state *state, const struct image *image)
{
	struct store *store = state_store(state, STORE_WRITE);
	struct store_txn *txn = txn_begin(store);
	struct trusted_keys *keys = trust_read(TRUST);
	struct reading r = {.why = {""}};
	const struct replace_source source = {next, &r};
	FILE *from = image_stream(image);
	struct error_text why;
	enum error e;

	expect_ok(snapshot_open(&r.snapshot, from, "it", &why));
	expect_ok(snapshot_verify(r.snapshot, keys, &why));
	e = replace_policy(txn, &source, &snapshot_head(r.snapshot)->policy, &why);
	if (e == OK)
		txn_commit(&txn);
	store_abort(&txn);
	store_expect_sound(store);
	store_close(&store);
	snapshot_close(&r.snapshot);
	trusted_keys_free(&keys);
	fclose(from);
	return e;
}

START_TEST(comes_back)
{
	struct state here, there;
	struct snapshot_head head;
	struct digest a, b;
	struct image image;

	state_open_ready(&here);
	state_change(&here, large, NULL);
	small_state(&there);
	expect_ok(image_write(&here, UINT64_C(1) << 40, &image, &head));
	ck_assert_uint_eq(head.settings, 1);
	ck_assert_uint_eq(head.tenants, 1);
	ck_assert_uint_eq(head.domains, 1);
	ck_assert_uint_eq(head.mailboxes, MANY + 3);
	ck_assert_uint_eq(head.aliases, 2);
	ck_assert_uint_gt(head.body_len, 3 * 65536); /* several buffers */
	expect_ok(apply(&there, &image));
	a = digest_here(&here);
	b = digest_here(&there);
	ck_assert(digest_equal(&a, &b) && digest_equal(&a, &head.policy));
	free(image.at);
}
END_TEST

START_TEST(same_policy_same_bytes)
{
	struct state state;
	struct image a, b;

	small_state(&state);
	a = image_make(&state);
	b = image_make(&state);
	ck_assert_uint_eq(a.n, b.n);
	ck_assert_mem_eq(a.at, b.at, a.n);
	free(a.at);
	free(b.at);
}
END_TEST

START_TEST(no_record_at_all)
{
	struct state here, there;
	struct error_text why;
	struct image image;

	state_open_ready(&here);
	small_state(&there);
	image = image_make(&here);
	ck_assert_uint_eq(image.n, AT_BODY);
	expect_error(ERR_NOTFOUND, read_all(&image, NULL, 0, &why));
	expect_ok(apply(&there, &image));
	free(image.at);
}
END_TEST

START_TEST(each_byte_counts)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	struct error_text why;
	struct image image;
	struct state state;

	small_state(&state);
	image = image_make(&state);
	expect_ok(verify(&image, TRUST, &why));
	for (size_t i = 0; i < image.n; i++)
		for (size_t k = 0; k < COUNT(flips); k++) {
			image.at[i] ^= flips[k];
			expect_refused(&image, "a flip", i);
			image.at[i] ^= flips[k];
		}
	expect_ok(verify(&image, TRUST, &why));
	free(image.at);
}
END_TEST

START_TEST(each_length_counts)
{
	struct image image, part;
	struct state state;

	small_state(&state);
	image = image_make(&state);
	for (size_t n = 0; n < image.n; n++) {
		part.at = malloc(n > 0 ? n : 1); /* of its size: no read behind it */
		part.n = n;
		memcpy(part.at, image.at, n);
		expect_refused(&part, "the end", n);
		free(part.at);
	}
	for (int byte = 0; byte < 256; byte += 51) {
		image.at[image.n] = (uint8_t)byte;
		part = (struct image){image.at, image.n + 1};
		expect_refused(&part, "one more byte", image.n);
	}
	free(image.at);
}
END_TEST

START_TEST(two_files_do_not_mix)
{
	struct image image, other;
	struct state state;

	small_state(&state);
	image = image_make(&state);
	state_open_ready(&state);
	other = image_make(&state);
	memcpy(other.at, image.at, AT_BODY);
	expect_refused(&other, "the head of another one", 0);
	memcpy(image.at + SNAPSHOT_HEAD_BYTES, other.at + SNAPSHOT_HEAD_BYTES - 1,
	    SIGNATURE_BYTES);
	expect_refused(&image, "the signature of another one", 0);
	free(image.at);
	free(other.at);
}
END_TEST

START_TEST(keys_of_others)
{
	struct error_text why = {""};
	struct image image;
	struct state state;

	small_state(&state);
	image = image_make(&state);
	expect_error(ERR_DATA, verify(&image, OTHER, &why));
	ck_assert_msg(strstr(why.text, "the trusted one is"), "%s", why.text);
	expect_error(ERR_DATA, verify(&image, OTHER OTHER, &why));
	ck_assert_msg(strstr(why.text, "none of the 2"), "%s", why.text);
	expect_ok(verify(&image, OTHER TRUST, &why));
	expect_ok(verify(&image, "a remark\n" TRUST "and\n" OTHER, &why));
	free(image.at);
}
END_TEST

static void
flip(struct image *image, size_t where)
{
	image->at[where] ^= 0x01;
}

static void
swap_halves(struct image *image, size_t where)
{
	size_t n = (image->n - where) / 2;
	uint8_t *copy = malloc(n);

	memcpy(copy, image->at + where, n);
	memmove(image->at + where, image->at + image->n - n, n);
	memcpy(image->at + image->n - n, copy, n);
	free(copy);
}

START_TEST(changed_between_the_passes)
{
	struct error_text why;
	struct image image;
	struct state state;

	small_state(&state);
	image = image_make(&state);
	for (size_t i = AT_BODY; i < image.n; i++) {
		enum error e = read_all(&image, flip, i, &why);

		ck_assert_msg(e == ERR_DATA, "byte %zu: %s", i, error_string(e));
		flip(&image, i);
	}
	expect_error(ERR_DATA, read_all(&image, swap_halves, AT_BODY, &why));
	swap_halves(&image, AT_BODY);
	/* The head is kept from the first pass: what the file says now is nothing. */
	expect_error(ERR_NOTFOUND, read_all(&image, flip, AT_DIGEST, &why));
	free(image.at);
}
END_TEST

/* file_reading - a snapshot in a real file, verified */
static struct snapshot *
file_reading(const struct image *image, FILE *file, struct trusted_keys *keys)
{
	struct error_text why;
	struct snapshot *s;

	setvbuf(file, NULL, _IONBF, 0);
	ck_assert_uint_eq(fwrite(image->at, 1, image->n, file), image->n);
	rewind(file);
	expect_ok(snapshot_open(&s, file, "it", &why));
	expect_ok(snapshot_verify(s, keys, &why));
	return s;
}

START_TEST(cut_or_grown_between_the_passes)
{
	struct trusted_keys *keys = trust_read(TRUST);
	struct bytes key, value;
	struct error_text why;
	struct image image;
	struct state state;

	small_state(&state);
	image = image_make(&state);
	for (int grown = 0; grown < 2; grown++) {
		FILE *file = tmpfile();
		struct snapshot *s = file_reading(&image, file, keys);
		enum error e;

		ck_assert_int_eq(
		    ftruncate(fileno(file), (off_t)image.n + (grown ? 1 : -1)), 0);
		while ((e = snapshot_next(s, &key, &value, &why)) == OK)
			continue;
		expect_error(ERR_DATA, e);
		snapshot_close(&s);
		fclose(file);
	}
	trusted_keys_free(&keys);
	free(image.at);
}
END_TEST

START_TEST(not_read_before_it_is_verified)
{
	struct trusted_keys *keys = trust_read(OTHER);
	struct bytes key, value;
	struct error_text why;
	struct image image;
	struct snapshot *s;
	struct state state;
	FILE *from;

	small_state(&state);
	image = image_make(&state);
	from = image_stream(&image);
	expect_ok(snapshot_open(&s, from, "it", &why));
	expect_error(ERR_INTERNAL, snapshot_next(s, &key, &value, &why));
	expect_error(ERR_DATA, snapshot_verify(s, keys, &why));
	expect_error(ERR_INTERNAL, snapshot_next(s, &key, &value, &why));
	snapshot_close(&s);
	trusted_keys_free(&keys);
	fclose(from);
	free(image.at);
}
END_TEST

#define BODY(text) text, sizeof text - 1

/* Bodies that a signer could sign by mistake; "0d2" is a domain, "0m" a mailbox. */
static const struct {
	const char *body;
	size_t n;
} nonsense[] = {
    {BODY("\x01\x01")},     /* shares with no key */
    {BODY("\x00")},         /* no more */
    {BODY("\x80")},         /* half of a number */
    {BODY("\x00\x82\x00")}, /* key of 512 bytes */
    {BODY("\x00\x05"
	  "da")}, /* key is cut */
    {BODY("\x00\x02"
	  "da")}, /* no value */
    {BODY("\x00\x02"
	  "da\x06\x01")}, /* value is cut */
    {BODY("\x00\x02"
	  "da\x90\x01\x01")},                  /* value of 4097 bytes */
    {BODY("\x00\x00\x00")},                    /* no key */
    {BODY("\x00\x01!\x01\x01")},               /* the meta record */
    {BODY("\x00\x09u\0\0\0\0\0\0\0\x01\x00")}, /* an audit entry */
    {BODY("\x00\x03"
	  "da\x2e\x00")},                        /* value of no bytes */
    {BODY("\x00\x07senforx\x05\x01\x00\x02no")}, /* no such setting */
    {BODY("\x00\x08senforce\x05\x63\x00\x02no")} /* of version 99 */
};

START_TEST(signed_nonsense)
{
	struct error_text why = {""};
	struct image image;
	struct state state;
	enum error e;

	small_state(&state);
	image = image_make(&state);
	image.at = realloc(image.at, AT_BODY + 64);
	image.n = AT_BODY + nonsense[_i].n;
	memcpy(image.at + AT_BODY, nonsense[_i].body, nonsense[_i].n);
	image_sign(&image);
	expect_ok(verify(&image, TRUST, &why));
	e = read_all(&image, NULL, 0, &why);
	ck_assert_msg(e == ERR_DATA && strstr(why.text, "record 1 of it"), "%s: %s",
	    error_string(e), why.text);
	expect_error(ERR_DATA, apply(&state, &image));
	free(image.at);
}
END_TEST

/* What stands before a number as high as there is: a key's, then a value's length. */
static const struct {
	const char *at;
	size_t n;
} before_long[] = {{BODY("\x00")},
    {BODY("\x00\x02"
	  "da")}};

START_TEST(signed_and_too_long)
{
	enum { LONGEST = 0x7fff };
	size_t n = before_long[_i].n;
	struct error_text why = {""};
	struct image image;
	struct state state;

	small_state(&state);
	image = image_make(&state);
	image.n = AT_BODY + n + 2 + LONGEST; /* all of it is there */
	image.at = realloc(image.at, image.n);
	memset(image.at + AT_BODY, 'd', image.n - AT_BODY);
	memcpy(image.at + AT_BODY, before_long[_i].at, n);
	memset(image.at + AT_BODY + n, 0xff, 2);
	image_sign(&image);
	expect_error(ERR_DATA, read_all(&image, NULL, 0, &why));
	ck_assert_msg(strstr(why.text, "record 1 of it"), "%s", why.text);
	free(image.at);
}
END_TEST

START_TEST(signed_records_in_no_order)
{
	struct digest before, after;
	struct image image;
	struct state state;
	size_t n;

	small_state(&state);
	before = digest_here(&state);
	image = image_make(&state);
	/* The whole body twice: each record is sound, the keys do not ascend. */
	n = image.n - AT_BODY;
	image.at = realloc(image.at, image.n + n);
	memcpy(image.at + image.n, image.at + AT_BODY, n);
	image.n += n;
	image_sign(&image);
	expect_error(ERR_DAMAGED, apply(&state, &image));
	/* Once, but it is not what the digest says. */
	image.n -= n;
	image.at[AT_DIGEST] ^= 1;
	image_sign(&image);
	expect_error(ERR_DAMAGED, apply(&state, &image));
	after = digest_here(&state);
	ck_assert(digest_equal(&before, &after));
	free(image.at);
}
END_TEST

/* What a head cannot say, whoever signed it. */
static const struct {
	size_t at;
	const char *bytes;
	const char *why;
} heads[] = {
    {0, "SMTPAUTH", "not a snapshot"},
    {AT_VERSION, "\0\0\0\2\0\0\0\1", "newer version"},
    {AT_VERSION, "\0\0\0\0\0\0\0\1", "makes no sense"},
    {AT_SERIAL, "\0\0\0\0\0\0\0\0", "makes no sense"},
    {AT_SERIAL, "\x80\0\0\0\0\0\0\0", "makes no sense"},
    {AT_MADE, "\xff\xff\xff\xff\xff\xff\xff\xff", "makes no sense"},
    {AT_MADE, "\0\0\1\0\0\0\0\0", "makes no sense"},
    {AT_MAILBOXES, "\x80\0\0\0\0\0\0\0", "makes no sense"},
    {AT_LENGTH, "\xff\xff\xff\xff\xff\xff\xff\xff", "makes no sense"},
    {AT_LENGTH, "\x3f\xff\xff\xff\xff\xff\xff\xff", "not complete"},
    {AT_LENGTH, "\0\0\0\0\0\0\0\0", "longer than"},
};

START_TEST(heads_that_make_no_sense)
{
	struct error_text why = {""};
	struct image image;
	struct snapshot *s;
	struct state state;
	FILE *from;

	small_state(&state);
	image = image_make(&state);
	memcpy(image.at + heads[_i].at, heads[_i].bytes, 8);
	from = image_stream(&image);
	expect_error(ERR_DATA, snapshot_open(&s, from, "it", &why));
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(why.text, heads[_i].why), "%s", why.text);
	fclose(from);
	free(image.at);
}
END_TEST

START_TEST(serials)
{
	struct snapshot_head head;
	struct image image;
	struct state state;

	small_state(&state);
	expect_error(ERR_LIMIT, image_write(&state, 0, &image, &head));
	free(image.at);
	expect_error(ERR_LIMIT,
	    image_write(&state, (uint64_t)SNAPSHOT_SERIAL_MAX + 1, &image, &head));
	free(image.at);
	expect_ok(image_write(&state, SNAPSHOT_SERIAL_MAX, &image, &head));
	free(image.at);
}
END_TEST

/* slip_in - a record behind the back of the digest */
static void
slip_in(struct store_txn *txn, void *arg)
{
	struct key key;
	uint8_t value[] = {1, 0, 4, 'a', 'c', 'm', 'e'};

	(void)arg;
	mailbox_store(txn, "bob@acme.test", SMTP_AUTH_ENABLED, "");
	key_name(&key, TABLE_DOMAIN, "b.test");
	expect_ok(db_put(store_db(txn), &key, (struct bytes){value, sizeof value}));
}

START_TEST(damaged_policy_is_not_signed)
{
	struct snapshot_head head;
	struct image image;
	struct state state;

	small_state(&state);
	state_change(&state, slip_in, NULL);
	expect_error(ERR_DAMAGED, image_write(&state, 1, &image, &head));
	for (size_t i = 0; i < image.n && i < AT_BODY; i++)
		ck_assert_uint_eq(image.at[i], 0);
	free(image.at);
}
END_TEST

START_TEST(full_disk)
{
	struct snapshot_head head = {.serial = 1, .made = MADE};
	struct signing_key *key = key_read();
	FILE *to = fopen("/dev/full", "w");
	struct error_text why;
	struct state state;
	struct store *store;
	struct store_txn *txn;

	ck_assert_ptr_nonnull(to);
	small_state(&state);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	expect_error(ERR_FULL, snapshot_write(to, txn, key, &head, &why));
	store_abort(&txn);
	store_close(&store);
	signing_key_free(&key);
	fclose(to);
}
END_TEST

static const struct {
	const char *pem, *why;
} keys_no[] = {
    {"", "is empty"},
    {"\n", "not PEM"},
    {"MC4CAQAwBQYDK2VwBCIEIHNtdHBhdXRoLW1pbHRlcjogZmlyc3QgdGVzdCBrZXku", "not PEM"},
    {"-----BEGIN PRIVATE KEY-----\n", "damaged"},
    {"-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n", "damaged"},
    {PRIVATE("Zmlyc3QgdGVzdCBrZXkuLg=="), "damaged"},
    {PRIVATE("Zmlyc3QgdGVzdCBrZXk"), "damaged"},
    {TRUST, "public key"},
    {KEY KEY, "more than"},
    {KEY TRUST, "more than"},
};

START_TEST(keys_to_sign_with)
{
	const char *pem = keys_no[_i].pem;
	struct error_text why = {""};
	struct signing_key *key;

	expect_error(ERR_DATA, signing_key_read(&key, pem, strlen(pem), "FILE", &why));
	ck_assert_ptr_null(key);
	ck_assert_msg(strstr(why.text, keys_no[_i].why), "%s", why.text);
	ck_assert_msg(strstr(why.text, "FILE") == why.text, "%s", why.text);
}
END_TEST

static const struct {
	const char *pem, *why;
} trust_no[] = {
    {"", "is empty"},
    {"hello\n", "not PEM"},
    {KEY, "private key"},
    {TRUST KEY, "private key"},
    {TRUST "-----BEGIN PUBLIC KEY-----\nMCow\n", "damaged"},
    {TRUST PUBLIC("MCowBQYDK2VwAyEA+GjE4KLTDO4hdZaIjUGzEEx50gbFDtqrsAAnrAK5pg=="),
	"damaged"},
    {TRUST "-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----\n",
	"\"CERTIFICATE\""},
};

START_TEST(keys_to_trust)
{
	const char *pem = trust_no[_i].pem;
	struct error_text why = {""};
	struct trusted_keys *keys;

	expect_error(
	    ERR_DATA, trusted_keys_read(&keys, pem, strlen(pem), "FILE", &why));
	ck_assert_ptr_null(keys);
	ck_assert_msg(strstr(why.text, trust_no[_i].why), "%s", why.text);
}
END_TEST

START_TEST(most_keys)
{
	static char pem[(TRUSTED_KEYS_MAX + 1) * sizeof TRUST];
	struct trusted_keys *keys;
	struct error_text why;

	for (int i = 0; i < TRUSTED_KEYS_MAX; i++)
		strcat(pem, TRUST);
	keys = trust_read(pem);
	ck_assert_uint_eq(trusted_keys_count(keys), TRUSTED_KEYS_MAX);
	trusted_keys_free(&keys);
	strcat(pem, OTHER);
	expect_error(
	    ERR_DATA, trusted_keys_read(&keys, pem, strlen(pem), "FILE", &why));
}
END_TEST

/* write_after - what the next writer does, in another process */
static int
write_after(void *arg)
{
	const struct state *state = arg;
	struct error_text why;
	struct store_txn *txn;
	struct store *store;

	if (store_open(&store, state->dir, STORE_WRITE, &why) != OK ||
	    store_begin(store, &txn) != OK)
		return 1;
	store_set_serial(txn, 99);
	if (store_commit(&txn) != OK)
		return 1;
	store_close(&store);
	return 0;
}

START_TEST(yields_to_the_next_writer)
{
	struct store_txn *txn;
	struct store *store;
	struct state state;

	small_state(&state);
	store = state_store(&state, STORE_WRITE);
	txn = txn_begin(store);
	store_set_serial(txn, 41);
	txn_commit(&txn);
	expect_ok(store_yield(store, &txn));
	ck_assert_int_eq(child_run(write_after, &state), 0);
	ck_assert_uint_eq(store_meta(txn)->serial, 41);
	store_abort(&txn);
	txn = txn_begin(store);
	ck_assert_uint_eq(store_meta(txn)->serial, 99);
	store_abort(&txn);
	store_close(&store);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tcase = state_add_case(suite, "snapshot");

	tcase_add_test(tcase, comes_back);
	tcase_add_test(tcase, same_policy_same_bytes);
	tcase_add_test(tcase, no_record_at_all);
	tcase_add_test(tcase, each_byte_counts);
	tcase_add_test(tcase, each_length_counts);
	tcase_add_test(tcase, two_files_do_not_mix);
	tcase_add_test(tcase, keys_of_others);
	tcase_add_test(tcase, changed_between_the_passes);
	tcase_add_test(tcase, cut_or_grown_between_the_passes);
	tcase_add_test(tcase, not_read_before_it_is_verified);
	tcase_add_loop_test(tcase, signed_nonsense, 0, COUNT(nonsense));
	tcase_add_loop_test(tcase, signed_and_too_long, 0, COUNT(before_long));
	tcase_add_test(tcase, signed_records_in_no_order);
	tcase_add_loop_test(tcase, heads_that_make_no_sense, 0, COUNT(heads));
	tcase_add_test(tcase, serials);
	tcase_add_test(tcase, damaged_policy_is_not_signed);
	tcase_add_test(tcase, full_disk);
	tcase_add_loop_test(tcase, keys_to_sign_with, 0, COUNT(keys_no));
	tcase_add_loop_test(tcase, keys_to_trust, 0, COUNT(trust_no));
	tcase_add_test(tcase, most_keys);
	tcase_add_test(tcase, yields_to_the_next_writer);
	return suite_run(suite);
}
