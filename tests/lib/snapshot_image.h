/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot_image.h - snapshots as bytes in memory, to be altered, signed and read. */
#pragma once

#include "policy/transfer/snapshot.h"
#include "tests/lib/state.h"

#include <stdio.h>

#define PEM_PRIVATE(text) \
	"-----BEGIN PRIVATE " \
	"KEY-----\nMC4CAQAwBQYDK2VwBCIEIHNtdHBhdXRoLW1pbHRlcjog" text \
	"\n-----END PRIVATE KEY-----\n"
#define PEM_PUBLIC(text) \
	"-----BEGIN PUBLIC KEY-----\n" text "\n-----END PUBLIC KEY-----\n"
#define SNAPSHOT_KEY PEM_PRIVATE("Zmlyc3QgdGVzdCBrZXku")
#define SNAPSHOT_TRUST \
	PEM_PUBLIC("MCowBQYDK2VwAyEA+GjE4KLTDO4hdZaIjUGzEEx50gbFDtqrsAAnrAK5pkE=")
#define SNAPSHOT_OTHER \
	PEM_PUBLIC("MCowBQYDK2VwAyEArfC7J9Y6R487Xu28ytUFneK3HXm2VHAw5NJlHYsmzTw=")

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
	SNAPSHOT_MADE = 1800000000
};

/* The caller frees `at`. */
struct snapshot_image {
	uint8_t *at;
	size_t n;
};

/* What the samples sign with, and the keys of a PEM text, which has to be good. */
struct signature_keys *snapshot_key(void);
struct signature_keys *snapshot_trust(const char *pem);

/* A policy with a record of each kind; a state folder that has it; its digest. */
void snapshot_policy_small(struct store_txn *txn, void *arg);
void snapshot_state_small(struct state *state);
struct digest state_digest(const struct state *state);

/* The policy of a state folder; what snapshot_write() returned. */
enum error snapshot_image_write(const struct state *state, uint64_t serial,
    struct snapshot_image *image, struct snapshot_head *head);
/* The same, which has to be good, with room for one byte more. */
struct snapshot_image snapshot_image_make(const struct state *state);

/* The key's owner signs what the image has become. */
void snapshot_image_sign(struct snapshot_image *image);

/* The image as a stream that keeps nothing back, so that changes are seen. */
FILE *snapshot_image_stream(const struct snapshot_image *image);

/* The first pass, with the keys of a PEM text. */
enum error snapshot_image_verify(
    const struct snapshot_image *image, const char *pem, struct error_text *why);

/* What happens to the image between the passes. */
typedef void snapshot_alter(struct snapshot_image *image, size_t where);

/* Both passes, CHANGE (or NULL) between them; ERR_NOTFOUND is the good end. */
enum error snapshot_image_read(struct snapshot_image *image, snapshot_alter *change,
    size_t where, struct error_text *why);

/* Makes the policy of a state folder equal to the image, which is sound after it. */
enum error snapshot_image_apply(
    const struct state *state, const struct snapshot_image *image);
