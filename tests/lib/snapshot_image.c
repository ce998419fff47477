/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot_image.c - snapshots as bytes in memory, to be altered, signed and read. */
#include "tests/lib/snapshot_image.h"

#include "policy/tables/setting_table.h"
#include "policy/transfer/replace.h"

#include <stdlib.h>
#include <string.h>

struct signature_keys *
snapshot_key(void)
{
	struct signature_keys *key;
	struct error_text why;

	expect_ok(signature_keys_read(
	    &key, SIGNATURE_PRIVATE, SNAPSHOT_KEY, strlen(SNAPSHOT_KEY), "KEY", &why));
	return key;
}

struct signature_keys *
snapshot_trust(const char *pem)
{
	struct signature_keys *keys;
	struct error_text why = {""};
	enum error e =
	    signature_keys_read(&keys, SIGNATURE_PUBLIC, pem, strlen(pem), "PEM", &why);

	ck_assert_msg(e == OK, "%s", why.text);
	return keys;
}

enum error
snapshot_image_write(const struct state *state, uint64_t serial,
    struct snapshot_image *image, struct snapshot_head *head)
{
	struct store *store = state_store(state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct signature_keys *key = snapshot_key();
	struct error_text why;
	FILE *to = tmpfile();
	enum error e;

	*head = (struct snapshot_head){.serial = serial, .made = SNAPSHOT_MADE};
	e = snapshot_write(to, txn, key, head, &why);
	store_abort(&txn);
	store_close(&store);
	signature_keys_free(&key);
	ck_assert_int_eq(fseek(to, 0, SEEK_END), 0);
	image->n = (size_t)ftell(to);
	image->at = malloc(image->n + 1);
	rewind(to);
	ck_assert_uint_eq(fread(image->at, 1, image->n, to), image->n);
	fclose(to);
	return e;
}

struct snapshot_image
snapshot_image_make(const struct state *state)
{
	struct snapshot_head head;
	struct snapshot_image image;

	expect_ok(snapshot_image_write(state, 7, &image, &head));
	ck_assert_uint_eq(head.body_len + AT_BODY, image.n);
	return image;
}

void
snapshot_image_sign(struct snapshot_image *image)
{
	struct signature_keys *key = snapshot_key();
	struct hasher *hasher = hasher_new();
	uint64_t len = image->n - AT_BODY;

	for (int i = 0; i < 8; i++)
		image->at[AT_LENGTH + i] = (uint8_t)(len >> (56 - 8 * i));
	hasher_begin(hasher);
	hasher_add(hasher, image->at + AT_BODY, len);
	expect_ok(hasher_end(hasher, image->at + AT_HASH));
	expect_ok(signature_sign(
	    key, image->at, SNAPSHOT_HEAD_BYTES, image->at + SNAPSHOT_HEAD_BYTES));
	hasher_free(&hasher);
	signature_keys_free(&key);
}

FILE *
snapshot_image_stream(const struct snapshot_image *image)
{
	FILE *from =
	    image->n > 0 ? fmemopen(image->at, image->n, "r") : fopen("/dev/null", "r");

	ck_assert_ptr_nonnull(from);
	setvbuf(from, NULL, _IONBF, 0);
	return from;
}

enum error
snapshot_image_verify(
    const struct snapshot_image *image, const char *pem, struct error_text *why)
{
	struct signature_keys *keys = snapshot_trust(pem);
	FILE *from = snapshot_image_stream(image);
	struct snapshot *s;
	enum error e = snapshot_open(&s, from, "it", why);

	if (e == OK)
		e = snapshot_verify(s, keys, why);
	snapshot_close(&s);
	signature_keys_free(&keys);
	fclose(from);
	return e;
}

enum error
snapshot_image_read(struct snapshot_image *image, snapshot_alter *change, size_t where,
    struct error_text *why)
{
	struct signature_keys *keys = snapshot_trust(SNAPSHOT_TRUST);
	FILE *from = snapshot_image_stream(image);
	struct bytes key, value;
	struct snapshot *s;
	bool found = true;
	enum error e;

	expect_ok(snapshot_open(&s, from, "it", why));
	e = snapshot_verify(s, keys, why);
	if (e == OK && change != NULL)
		change(image, where);
	while (e == OK && found)
		e = snapshot_next(s, &key, &value, &found, why);
	snapshot_close(&s);
	signature_keys_free(&keys);
	fclose(from);
	return e;
}

void
snapshot_policy_small(struct store_txn *txn, void *arg)
{
	struct error_text why;

	(void)arg;
	tenant_store(txn, "acme", SMTP_AUTH_DISABLED);
	domain_store(txn, "acme.test", "acme");
	mailbox_store(txn, "ann@acme.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "anna@acme.test", SMTP_AUTH_DISABLED, "left");
	alias_store(txn, "ann@acme.test", "ann");
	expect_ok(setting_table_set(txn, settings_find("action"), "tempfail", &why));
}

void
snapshot_state_small(struct state *state)
{
	state_open_ready(state);
	state_change(state, snapshot_policy_small, NULL);
}

struct digest
state_digest(const struct state *state)
{
	struct store *store = state_store(state, STORE_READ);
	struct store_txn *txn = txn_begin(store);
	struct digest digest = store_meta(txn)->digest;

	store_abort(&txn);
	store_close(&store);
	return digest;
}

enum error
snapshot_image_apply(const struct state *state, const struct snapshot_image *image)
{
	struct store *store = state_store(state, STORE_WRITE);
	struct store_txn *txn = txn_begin(store);
	struct signature_keys *keys = snapshot_trust(SNAPSHOT_TRUST);
	struct snapshot *snapshot;
	FILE *from = snapshot_image_stream(image);
	struct error_text why;
	enum error e;

	expect_ok(snapshot_open(&snapshot, from, "it", &why));
	expect_ok(snapshot_verify(snapshot, keys, &why));
	e = replace_from_snapshot(txn, snapshot, &why);
	if (e == OK)
		txn_commit(&txn);
	store_abort(&txn);
	store_expect_sound(store);
	store_close(&store);
	snapshot_close(&snapshot);
	signature_keys_free(&keys);
	fclose(from);
	return e;
}
