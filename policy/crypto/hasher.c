/* SPDX-License-Identifier: BSD-2-Clause */
/* hasher - SHA-256 */
#include "policy/crypto/hasher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

void
hasher_without_config(void)
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
	bool failed; /* since hasher_begin() */
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

void
hasher_begin(struct hasher *h)
{
	h->failed = EVP_DigestInit_ex2(h->ctx, NULL, NULL) != 1;
}

void
hasher_add(struct hasher *h, const void *p, size_t n)
{
	h->failed |= EVP_DigestUpdate(h->ctx, p, n) != 1;
}

enum error
hasher_end(struct hasher *h, uint8_t *out)
{
	h->failed |= EVP_DigestFinal_ex(h->ctx, out, NULL) != 1;
	return h->failed ? ERR_INTERNAL : OK;
}
