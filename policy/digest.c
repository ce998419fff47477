/* SPDX-License-Identifier: BSD-2-Clause */
/* digest - the policy digest (the only file with OpenSSL) */
#include "policy/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

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

/* hash_record - SHA-256 of one record */
static enum error
hash_record(struct hasher *h, struct bytes key, struct bytes value, uint8_t *out)
{
	uint8_t length[2] = {(uint8_t)(key.len >> 8), (uint8_t)key.len};
	unsigned n = 0;

	if (EVP_DigestInit_ex2(h->ctx, NULL, NULL) != 1 ||
	    EVP_DigestUpdate(h->ctx, length, sizeof length) != 1 ||
	    EVP_DigestUpdate(h->ctx, key.at, key.len) != 1 ||
	    EVP_DigestUpdate(h->ctx, value.at, value.len) != 1 ||
	    EVP_DigestFinal_ex(h->ctx, out, &n) != 1 || n != DIGEST_BYTES)
		return ERR_INTERNAL;
	return OK;
}

enum error
digest_add(struct digest *sum, struct hasher *h, struct bytes key, struct bytes value)
{
	uint8_t one[DIGEST_BYTES];
	enum error e = hash_record(h, key, value, one);
	unsigned carry = 0;

	if (e != OK)
		return e;
	for (int i = DIGEST_BYTES; i-- > 0; carry >>= 8) {
		carry += (unsigned)sum->byte[i] + one[i];
		sum->byte[i] = (uint8_t)carry;
	}
	return OK;
}

enum error
digest_subtract(
    struct digest *sum, struct hasher *h, struct bytes key, struct bytes value)
{
	uint8_t one[DIGEST_BYTES];
	enum error e = hash_record(h, key, value, one);
	unsigned borrow = 0;

	if (e != OK)
		return e;
	for (int i = DIGEST_BYTES; i-- > 0;) {
		unsigned have = 256u + sum->byte[i] - one[i] - borrow;

		sum->byte[i] = (uint8_t)have;
		borrow = have < 256;
	}
	return OK;
}

const char *
digest_print(const struct digest *sum, char *buf)
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < DIGEST_BYTES; i++) {
		buf[2 * i] = hex[sum->byte[i] >> 4];
		buf[2 * i + 1] = hex[sum->byte[i] & 15];
	}
	buf[DIGEST_TEXT_MAX - 1] = '\0';
	return buf;
}
