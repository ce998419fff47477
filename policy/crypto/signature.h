/* SPDX-License-Identifier: BSD-2-Clause */
/* signature - signatures by Ed25519, and the keys for them */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"

#define SIGNATURE_BYTES 64

/* A key's id is the first bytes of SHA-256 of its public half. */
#define SIGNATURE_ID_BYTES 8
#define SIGNATURE_ID_TEXT_MAX (2 * SIGNATURE_ID_BYTES + 1)

/* Keys of one file: while one takes the place of another, both are trusted. */
#define SIGNATURE_KEYS_MAX 64

enum signature_half { SIGNATURE_PRIVATE, SIGNATURE_PUBLIC };

struct signature_keys;

/*
 * Reads the N bytes PEM of the file NAME: one private key and nothing else, or public
 * keys, at least one. A passphrase is never asked for. ERR_DATA for what is no Ed25519
 * key, or the wrong half of one, with what it is and how to make the right one in WHY;
 * ERR_MEMORY.
 */
enum error signature_keys_read(struct signature_keys **keys_r, enum signature_half half,
    const char *pem, size_t n, const char *name, struct error_text *why) MUST_USE;
void signature_keys_free(struct signature_keys **keys);
size_t signature_keys_count(const struct signature_keys *keys);
/* The id of key I; of a private one I is 0. */
const uint8_t *signature_keys_id(const struct signature_keys *keys, size_t i);

/* Signs N bytes of P with the private key: OUT has SIGNATURE_BYTES. ERR_INTERNAL. */
enum error signature_sign(
    const struct signature_keys *keys, const void *p, size_t n, uint8_t *out) MUST_USE;

/*
 * Whether the key ID is one of KEYS and has signed N bytes of P. ERR_NOTFOUND: it is
 * not among them. ERR_DATA: the signature does not hold.
 */
enum error signature_verify(const struct signature_keys *keys, const uint8_t *id,
    const void *p, size_t n, const uint8_t *signature) MUST_USE;
