/* SPDX-License-Identifier: BSD-2-Clause */
/* crypto - SHA-256 and signatures by Ed25519 (the only file with OpenSSL) */
#include "policy/crypto/crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
crypto_hash_only(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/*
 * The algorithm is fetched once and the context reused: a third of the time of
 * EVP_Digest(..., EVP_sha256(), ...) for records of this size.
 */
struct hasher {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

struct hasher *
hasher_new(void)
{
	struct hasher *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	if (h->md == NULL || h->ctx == NULL ||
	    EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1)
		hasher_free(&h);
	return h;
}

void
hasher_free(struct hasher **h)
{
	if (*h == NULL)
		return;
	EVP_MD_CTX_free((*h)->ctx);
	EVP_MD_free((*h)->md);
	free(*h);
	*h = NULL;
}

enum error
hasher_begin(struct hasher *h)
{
	return EVP_DigestInit_ex2(h->ctx, NULL, NULL) == 1 ? OK : ERR_INTERNAL;
}

enum error
hasher_add(struct hasher *h, const void *p, size_t n)
{
	return EVP_DigestUpdate(h->ctx, p, n) == 1 ? OK : ERR_INTERNAL;
}

enum error
hasher_end(struct hasher *h, uint8_t *out)
{
	unsigned n = 0;

	return EVP_DigestFinal_ex(h->ctx, out, &n) == 1 && n == SHA256_BYTES
	    ? OK
	    : ERR_INTERNAL;
}

const char *
key_id_print(const uint8_t *id, char *buf)
{
	for (size_t i = 0; i < KEY_ID_BYTES; i++)
		snprintf(buf + 2 * i, 3, "%02x", id[i]);
	return buf;
}

#define MAKE_KEY "\"openssl genpkey -algorithm ed25519 -out KEY\""
#define MAKE_PUBLIC "\"openssl pkey -in KEY -pubout -out PUBLIC\""

/* One key, either half. */
struct signature_key {
	EVP_PKEY *pkey;
	uint8_t id[KEY_ID_BYTES];
};

struct signing_key {
	struct signature_key key;
};

struct trusted_keys {
	size_t count;
	struct signature_key key[TRUSTED_KEYS_MAX];
};

/* A PEM file while it is read, and one block of it. */
struct pem {
	BIO *from;
	const char *file; /* its name */
	char *name, *header;
	unsigned char *data;
	long len;
};

static void
pem_forget(struct pem *b)
{
	OPENSSL_free(b->name);
	OPENSSL_free(b->header);
	OPENSSL_clear_free(b->data, (size_t)b->len);
	b->name = b->header = NULL;
	b->data = NULL;
	b->len = 0;
}

static void
pem_close(struct pem *b)
{
	pem_forget(b);
	BIO_free(b->from);
	ERR_clear_error();
}

static enum error
pem_open(
    struct pem *b, const char *text, size_t n, const char *file, struct error_text *why)
{
	memset(b, 0, sizeof *b);
	b->file = file;
	if (n == 0)
		return error_set(why, ERR_DATA, "%s is empty", file);
	if (n > INT_MAX)
		return error_set(why, ERR_DATA, "%s is too long", file);
	b->from = BIO_new_mem_buf(text, (int)n);
	return b->from != NULL ? OK : error_about(why, ERR_MEMORY, file);
}

/* pem_next - the next block, not decrypted; ERR_NOTFOUND at the end of the file */
static enum error
pem_next(struct pem *b, struct error_text *why)
{
	pem_forget(b);
	ERR_clear_error();
	if (PEM_read_bio(b->from, &b->name, &b->header, &b->data, &b->len) == 1)
		return OK;
	if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		return ERR_NOTFOUND;
	return error_set(
	    why, ERR_DATA, "%s is damaged: a block of it is not PEM", b->file);
}

/* pem_is - whether the block is of this name and not encrypted in PEM's old way */
static bool
pem_is(const struct pem *b, const char *name)
{
	return strcmp(b->name, name) == 0 && b->header[0] == '\0';
}

/* not_ed25519 - for a block that is another thing; WHAT it is */
static enum error
not_ed25519(const struct pem *b, const char *what, int len, struct error_text *why)
{
	return error_set(why, ERR_DATA,
	    "%s holds a key of type %.*s, not Ed25519; make one with " MAKE_KEY,
	    b->file, len, what);
}

/* refuse_block - why a block is no key of either half */
static enum error
refuse_block(const struct pem *b, struct error_text *why)
{
	if (strstr(b->name, "ENCRYPTED") != NULL || b->header[0] != '\0')
		return error_set(why, ERR_DATA,
		    "%s is protected by a passphrase, and none is ever asked for; write it without one: \"openssl pkey -in KEY -out NEW\"",
		    b->file);
	if (strcmp(b->name, "OPENSSH PRIVATE KEY") == 0)
		return error_set(why, ERR_DATA,
		    "%s is a key in OpenSSH's own format; make one with " MAKE_KEY,
		    b->file);
	if (strncmp(b->name, "RSA ", 4) == 0 || strncmp(b->name, "DSA ", 4) == 0 ||
	    strncmp(b->name, "EC ", 3) == 0)
		return not_ed25519(b, b->name, (int)strcspn(b->name, " "), why);
	return error_set(why, ERR_DATA,
	    "%s holds a block \"%.40s\", which is no key; make one with " MAKE_KEY,
	    b->file, b->name);
}

/* parse_private - of PKCS #8 as it is; what asks for a passphrase is not called */
static EVP_PKEY *
parse_private(const unsigned char **p, long len)
{
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, p, len);
	EVP_PKEY *pkey = info != NULL ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return pkey;
}

/* set_id - SHA-256 of the public half */
static enum error
set_id(struct signature_key *key)
{
	uint8_t public[32], hash[SHA256_BYTES];
	struct hasher *h = hasher_new();
	size_t n = sizeof public;
	enum error e = h != NULL ? hasher_begin(h) : ERR_MEMORY;

	if (e == OK && EVP_PKEY_get_raw_public_key(key->pkey, public, &n) != 1)
		e = ERR_INTERNAL;
	if (e == OK)
		e = hasher_add(h, public, n);
	if (e == OK)
		e = hasher_end(h, hash);
	hasher_free(&h);
	if (e == OK)
		memcpy(key->id, hash, sizeof key->id);
	return e;
}

/* read_key - the key of the block; the caller frees it also after an error */
static enum error
read_key(const struct pem *b, struct signature_key *key, bool private,
    struct error_text *why)
{
	const unsigned char *p = b->data;
	const char *type;
	enum error e;

	key->pkey = private ? parse_private(&p, b->len) : d2i_PUBKEY(NULL, &p, b->len);
	if (key->pkey == NULL || p != b->data + b->len)
		return error_set(why, ERR_DATA,
		    "%s is damaged, or holds a key of a type that is not known; make one with " MAKE_KEY,
		    b->file);
	type = EVP_PKEY_get0_type_name(key->pkey);
	if (!EVP_PKEY_is_a(key->pkey, "ED25519"))
		return not_ed25519(b, type != NULL ? type : "unknown", 40, why);
	e = set_id(key);
	return e == OK ? OK : error_about(why, e, b->file);
}

/* read_signing - the first block has to be the key, and the only one */
static enum error
read_signing(struct pem *b, struct signature_key *key, struct error_text *why)
{
	enum error e = pem_next(b, why);

	if (e == ERR_NOTFOUND)
		return error_set(why, ERR_DATA,
		    "%s is not PEM: it has no line \"-----BEGIN PRIVATE KEY-----\"",
		    b->file);
	if (e != OK)
		return e;
	if (pem_is(b, "PUBLIC KEY"))
		return error_set(why, ERR_DATA,
		    "%s holds a public key; the private one is needed to sign",
		    b->file);
	if (!pem_is(b, "PRIVATE KEY"))
		return refuse_block(b, why);
	e = read_key(b, key, true, why);
	if (e == OK)
		e = pem_next(b, why);
	if (e == OK)
		return error_set(
		    why, ERR_DATA, "%s holds more than the private key", b->file);
	return e == ERR_NOTFOUND ? OK : e;
}

enum error
signing_key_read(struct signing_key **key_r, const char *pem, size_t n,
    const char *name, struct error_text *why)
{
	struct signing_key *key = calloc(1, sizeof *key);
	struct pem b;
	enum error e;

	*key_r = NULL;
	if (key == NULL)
		return error_about(why, ERR_MEMORY, name);
	e = pem_open(&b, pem, n, name, why);
	if (e == OK)
		e = read_signing(&b, &key->key, why);
	pem_close(&b);
	if (e == OK)
		*key_r = key;
	else
		signing_key_free(&key);
	return e;
}

void
signing_key_free(struct signing_key **key)
{
	if (*key == NULL)
		return;
	EVP_PKEY_free((*key)->key.pkey);
	free(*key);
	*key = NULL;
}

const uint8_t *
signing_key_id(const struct signing_key *key)
{
	return key->key.id;
}

enum error
signing_key_sign(const struct signing_key *key, const void *p, size_t n, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = SIGNATURE_BYTES;
	bool signed_it = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->key.pkey) == 1 &&
	    EVP_DigestSign(ctx, out, &len, p, n) == 1 && len == SIGNATURE_BYTES;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return signed_it ? OK : ERR_INTERNAL;
}

/* read_trusted - the block that B stands at, as one more key */
static enum error
read_trusted(struct pem *b, struct trusted_keys *keys, struct error_text *why)
{
	if (strstr(b->name, "PRIVATE KEY") != NULL)
		return error_set(why, ERR_DATA,
		    "%s holds a private key, which belongs on the machine that signs only; the public one is made with " MAKE_PUBLIC,
		    b->file);
	if (!pem_is(b, "PUBLIC KEY"))
		return refuse_block(b, why);
	if (keys->count == TRUSTED_KEYS_MAX)
		return error_set(why, ERR_DATA, "%s holds more than %d keys", b->file,
		    TRUSTED_KEYS_MAX);
	return read_key(b, &keys->key[keys->count++], false, why);
}

static enum error
read_all_trusted(struct pem *b, struct trusted_keys *keys, struct error_text *why)
{
	enum error e;

	while ((e = pem_next(b, why)) == OK)
		if ((e = read_trusted(b, keys, why)) != OK)
			return e;
	if (e == ERR_NOTFOUND && keys->count == 0)
		return error_set(why, ERR_DATA,
		    "%s is not PEM: it has no line \"-----BEGIN PUBLIC KEY-----\"",
		    b->file);
	return e == ERR_NOTFOUND ? OK : e;
}

enum error
trusted_keys_read(struct trusted_keys **keys_r, const char *pem, size_t n,
    const char *name, struct error_text *why)
{
	struct trusted_keys *keys = calloc(1, sizeof *keys);
	struct pem b;
	enum error e;

	*keys_r = NULL;
	if (keys == NULL)
		return error_about(why, ERR_MEMORY, name);
	e = pem_open(&b, pem, n, name, why);
	if (e == OK)
		e = read_all_trusted(&b, keys, why);
	pem_close(&b);
	if (e == OK)
		*keys_r = keys;
	else
		trusted_keys_free(&keys);
	return e;
}

void
trusted_keys_free(struct trusted_keys **keys)
{
	if (*keys == NULL)
		return;
	for (size_t i = 0; i < (*keys)->count; i++)
		EVP_PKEY_free((*keys)->key[i].pkey);
	free(*keys);
	*keys = NULL;
}

size_t
trusted_keys_count(const struct trusted_keys *keys)
{
	return keys->count;
}

const uint8_t *
trusted_keys_id(const struct trusted_keys *keys, size_t i)
{
	return keys->key[i].id;
}

/* verify - one signature with one key */
static enum error
verify(EVP_PKEY *pkey, const void *p, size_t n, const uint8_t *signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int holds = 0;

	if (ctx == NULL)
		return ERR_MEMORY;
	if (EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1)
		holds = EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, p, n);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return holds == 1 ? OK : ERR_DATA;
}

enum error
trusted_keys_verify(const struct trusted_keys *keys, const uint8_t *id, const void *p,
    size_t n, const uint8_t *signature)
{
	for (size_t i = 0; i < keys->count; i++)
		if (memcmp(keys->key[i].id, id, KEY_ID_BYTES) == 0)
			return verify(keys->key[i].pkey, p, n, signature);
	return ERR_NOTFOUND;
}
