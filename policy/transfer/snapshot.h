/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot - the whole policy as one signed file */
#pragma once

#include <stdio.h>

#include "policy/crypto/hasher.h"
#include "policy/crypto/signature.h"
#include "policy/store/store.h"

/*
 * The file, integers big-endian:
 *
 *	"smtpauth-snapshot\n", version in 4 bytes
 *	serial, when made, number of settings, tenants, domains, mailboxes, aliases
 *	policy digest, length of the body, SHA-256 of the body, id of the key
 *	signature by Ed25519 of all of the above
 *	body: the records in the order of keys, each as
 *		bytes that its key shares with the one before, bytes that follow,
 *		these bytes, length of the value, value
 *
 * Numbers in the body: below 128 one byte; else two, 128 + the upper seven bits and the
 * lower eight.
 */
#define SNAPSHOT_HEAD_BYTES 158

/* Where the body begins. */
#define SNAPSHOT_BODY_AT (SNAPSHOT_HEAD_BYTES + SIGNATURE_BYTES)

/* Serials are also numbers of JSON. */
#define SNAPSHOT_SERIAL_MAX INT64_MAX

/* What the head counts, in its order. */
enum snapshot_count {
	SNAPSHOT_SETTINGS,
	SNAPSHOT_TENANTS,
	SNAPSHOT_DOMAINS,
	SNAPSHOT_MAILBOXES,
	SNAPSHOT_ALIASES,
	SNAPSHOT_COUNTS,
};

struct snapshot_head {
	uint64_t serial; /* from 1; a newer snapshot has a higher one */
	instant made;
	uint64_t count[SNAPSHOT_COUNTS];
	struct digest policy;
	uint64_t body_len;
	uint8_t body_hash[SHA256_BYTES];
	uint8_t key_id[SIGNATURE_ID_BYTES];
};

/*
 * Writes the policy of TXN to TO, which must be empty and able to seek. HEAD has serial
 * and time, the rest is filled in. ERR_DAMAGED when the records that were read do not
 * add up to TXN's digest: nothing is signed then. ERR_IO, ERR_FULL; with WHY.
 */
enum error snapshot_write(FILE *to, struct store_txn *txn,
    const struct signature_keys *key, struct snapshot_head *head,
    struct error_text *why) MUST_USE;

struct snapshot;

/*
 * Reads the head of a snapshot. FROM is borrowed, must be able to seek, and may be
 * written to by others at any time; NAME is for messages, and borrowed. ERR_DATA for
 * what is no snapshot, is of a newer version or has the wrong length; ERR_IO,
 * ERR_MEMORY; with WHY. Nothing is verified yet.
 */
enum error snapshot_open(struct snapshot **s_r, FILE *from, const char *name,
    struct error_text *why) MUST_USE;
void snapshot_close(struct snapshot **s);

/* What the file says; to be believed once it is verified. */
const struct snapshot_head *snapshot_head(const struct snapshot *s);

/*
 * Reads the whole file and checks that one of KEYS has signed it and every byte is what
 * was signed. ERR_DATA, with WHY, where that does not hold; ERR_IO.
 */
enum error snapshot_verify(struct snapshot *s, const struct signature_keys *keys,
    struct error_text *why) MUST_USE;

/*
 * The next record of a verified snapshot, valid until the next call. FOUND_R is false
 * at the end, once all that was read in this pass is again what was signed: only then
 * the records count. ERR_DATA, ERR_IO, with WHY.
 */
enum error snapshot_next(struct snapshot *s, struct bytes *key_r, struct bytes *value_r,
    bool *found_r, struct error_text *why) MUST_USE;
