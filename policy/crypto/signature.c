/* SPDX-License-Identifier: BSD-2-Clause */
/* signature - signatures by Ed25519, and the keys for them */
#include "policy/crypto/signature.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/crypto/hasher.h"

#define MAKE_KEY "\"openssl genpkey -algorithm ed25519 -out KEY\""
#define MAKE_PUBLIC "\"openssl pkey -in KEY -pubout -out PUBLIC\""

struct signature_keys {
	enum signature_half half;
	size_t count;
	struct signature_key {
		EVP_PKEY *pkey;
		uint8_t id[SIGNATURE_ID_BYTES];
	} key[SIGNATURE_KEYS_MAX];
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

/* pem_next - the next block, not decrypted, or none at the end of the file */
static enum error
pem_next(struct pem *b, bool *found_r, struct error_text *why)
{
	pem_forget(b);
	ERR_clear_error();
	*found_r = PEM_read_bio(b->from, &b->name, &b->header, &b->data, &b->len) == 1;
	if (*found_r || ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		return OK;
	return error_set(
	    why, ERR_DATA, "%s is damaged: a block of it is not PEM", b->file);
}

/* pem_is - whether the block is of this name and not encrypted in PEM's old way */
static bool
pem_is(const struct pem *b, const char *name)
{
	return strcmp(b->name, name) == 0 && b->header[0] == '\0';
}

/* not_ed25519 - for a key of type WHAT */
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

/* parse_private - unencrypted PKCS #8, by functions that ask for no passphrase */
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
	size_t n = sizeof public;

	if (EVP_PKEY_get_raw_public_key(key->pkey, public, &n) != 1 ||
	    EVP_Digest(public, n, hash, NULL, EVP_sha256(), NULL) != 1)
		return ERR_INTERNAL;
	memcpy(key->id, hash, sizeof key->id);
	return OK;
}

/* read_key - the key of the block, as one more; it is freed with KEYS */
static enum error
read_key(const struct pem *b, struct signature_keys *keys, struct error_text *why)
{
	struct signature_key *key = &keys->key[keys->count++];
	const unsigned char *p = b->data;
	const char *type;
	enum error e;

	key->pkey = keys->half == SIGNATURE_PRIVATE ? parse_private(&p, b->len)
						    : d2i_PUBKEY(NULL, &p, b->len);
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

static enum error
read_block(const struct pem *b, struct signature_keys *keys, struct error_text *why)
{
	bool private = keys->half == SIGNATURE_PRIVATE;

	if (private && pem_is(b, "PUBLIC KEY"))
		return error_set(why, ERR_DATA,
		    "%s holds a public key; the private one is needed to sign",
		    b->file);
	if (!private && strstr(b->name, "PRIVATE KEY") != NULL)
		return error_set(why, ERR_DATA,
		    "%s holds a private key, which belongs on the machine that signs only; the public one is made with " MAKE_PUBLIC,
		    b->file);
	if (!pem_is(b, private ? "PRIVATE KEY" : "PUBLIC KEY"))
		return refuse_block(b, why);
	if (keys->count == SIGNATURE_KEYS_MAX)
		return error_set(why, ERR_DATA, "%s holds more than %d keys", b->file,
		    SIGNATURE_KEYS_MAX);
	return read_key(b, keys, why);
}

static enum error
read_all(struct pem *b, struct signature_keys *keys, struct error_text *why)
{
	bool private = keys->half == SIGNATURE_PRIVATE, found;
	enum error e = pem_next(b, &found, why);

	if (e == OK && !found)
		return error_set(why, ERR_DATA,
		    "%s is not PEM: it has no line \"-----BEGIN %s KEY-----\"", b->file,
		    private ? "PRIVATE" : "PUBLIC");
	while (e == OK && found) {
		if (private && keys->count > 0)
			return error_set(why, ERR_DATA,
			    "%s holds more than the private key", b->file);
		e = read_block(b, keys, why);
		if (e == OK)
			e = pem_next(b, &found, why);
	}
	return e;
}

enum error
signature_keys_read(struct signature_keys **keys_r, enum signature_half half,
    const char *pem, size_t n, const char *name, struct error_text *why)
{
	struct signature_keys *keys;
	struct pem b = {.file = name};
	enum error e;

	*keys_r = NULL;
	if (n == 0)
		return error_set(why, ERR_DATA, "%s is empty", name);
	if (n > INT_MAX)
		return error_set(why, ERR_DATA, "%s is too long", name);
	keys = calloc(1, sizeof *keys);
	b.from = BIO_new_mem_buf(pem, (int)n);
	if (keys == NULL || b.from == NULL) {
		e = error_about(why, ERR_MEMORY, name);
	} else {
		keys->half = half;
		e = read_all(&b, keys, why);
	}
	pem_close(&b);
	if (e != OK)
		signature_keys_free(&keys);
	*keys_r = keys;
	return e;
}

void
signature_keys_free(struct signature_keys **keys)
{
	if (*keys == NULL)
		return;
	for (size_t i = 0; i < (*keys)->count; i++)
		EVP_PKEY_free((*keys)->key[i].pkey);
	free(*keys);
	*keys = NULL;
}

size_t
signature_keys_count(const struct signature_keys *keys)
{
	return keys->count;
}

const uint8_t *
signature_keys_id(const struct signature_keys *keys, size_t i)
{
	return keys->key[i].id;
}

enum error
signature_sign(const struct signature_keys *keys, const void *p, size_t n, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = SIGNATURE_BYTES;
	bool signed_it = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, keys->key[0].pkey) == 1 &&
	    EVP_DigestSign(ctx, out, &len, p, n) == 1 && len == SIGNATURE_BYTES;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return signed_it ? OK : ERR_INTERNAL;
}

enum error
signature_verify(const struct signature_keys *keys, const uint8_t *id, const void *p,
    size_t n, const uint8_t *signature)
{
	EVP_MD_CTX *ctx;
	int holds = 0;
	size_t i = 0;

	while (i < keys->count && memcmp(keys->key[i].id, id, SIGNATURE_ID_BYTES) != 0)
		i++;
	if (i == keys->count)
		return ERR_NOTFOUND;
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL)
		return ERR_MEMORY;
	if (EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, keys->key[i].pkey) == 1)
		holds = EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, p, n);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return holds == 1 ? OK : ERR_DATA;
}
