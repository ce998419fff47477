/* SPDX-License-Identifier: BSD-2-Clause */
/* crypto - SHA-256 and signatures by Ed25519 (the only file with OpenSSL) */
#ifndef POLICY_CRYPTO_CRYPTO_H
#define POLICY_CRYPTO_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"

#define SHA256_BYTES 32

/*
 * For a program that does nothing but hash, before its first hash: OpenSSL leaves its
 * configuration file alone, which is about keys and ciphers, and in which a mistake
 * must not stop mail. It takes 0.7 MB less memory, too.
 */
void crypto_hash_only(void);

struct hasher;

/* Makes a hasher; it is used by one thread at a time. NULL when out of memory. */
struct hasher *hasher_new(void);
void hasher_free(struct hasher **h);

/*
 * One hash: begin, add any number of times, end, which writes SHA256_BYTES bytes to
 * OUT. No allocation; ERR_INTERNAL if OpenSSL fails.
 */
enum error hasher_begin(struct hasher *h) MUST_USE;
enum error hasher_add(struct hasher *h, const void *p, size_t n) MUST_USE;
enum error hasher_end(struct hasher *h, uint8_t *out) MUST_USE;

#define SIGNATURE_BYTES 64

/* A key is told by the first bytes of SHA-256 of its public half. */
#define KEY_ID_BYTES 8
#define KEY_ID_TEXT_MAX (2 * KEY_ID_BYTES + 1)

/* Prints the digits of ID to BUF (KEY_ID_TEXT_MAX bytes) and returns BUF. */
const char *key_id_print(const uint8_t *id, char *buf);

/*
 * Keys come as the text of a PEM file; NAME is the file's, for messages. A passphrase
 * is never asked for. ERR_DATA for what is no Ed25519 key, or the wrong half of one,
 * with what it is and how to make the right one in WHY; ERR_MEMORY.
 */
struct signing_key;

/* Reads one private key. */
enum error signing_key_read(struct signing_key **key_r, const char *pem, size_t n,
    const char *name, struct error_text *why) MUST_USE;
void signing_key_free(struct signing_key **key);
const uint8_t *signing_key_id(const struct signing_key *key);
/* Writes the signature of N bytes to OUT (SIGNATURE_BYTES). ERR_INTERNAL. */
enum error signing_key_sign(
    const struct signing_key *key, const void *p, size_t n, uint8_t *out) MUST_USE;

struct trusted_keys;

/* Keys of one file: while one takes the place of another, both are trusted. */
#define TRUSTED_KEYS_MAX 64

/* Reads all public keys of the file, at least one. */
enum error trusted_keys_read(struct trusted_keys **keys_r, const char *pem, size_t n,
    const char *name, struct error_text *why) MUST_USE;
void trusted_keys_free(struct trusted_keys **keys);
size_t trusted_keys_count(const struct trusted_keys *keys);
const uint8_t *trusted_keys_id(const struct trusted_keys *keys, size_t i);
/*
 * Whether the key ID is one of KEYS and has signed N bytes of P. ERR_NOTFOUND: it is
 * none of them. ERR_DATA: the signature does not hold.
 */
enum error trusted_keys_verify(const struct trusted_keys *keys, const uint8_t *id,
    const void *p, size_t n, const uint8_t *signature) MUST_USE;

#endif
