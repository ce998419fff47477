/* SPDX-License-Identifier: BSD-2-Clause */
/* digest - the policy digest: a sum of the hashes of records */
#include "policy/crypto/digest.h"

#include <ctype.h>
#include <string.h>

#include "policy/base/hex.h"

enum error
digest_of(struct hasher *h, struct bytes key, struct bytes value, struct digest *one_r)
{
	uint8_t length[2] = {(uint8_t)(key.len >> 8), (uint8_t)key.len};

	hasher_begin(h);
	hasher_add(h, length, sizeof length);
	hasher_add(h, key.at, key.len);
	hasher_add(h, value.at, value.len);
	return hasher_end(h, one_r->byte);
}

void
digest_plus(struct digest *sum, const struct digest *one)
{
	unsigned carry = 0;

	for (int i = DIGEST_BYTES; i-- > 0; carry >>= 8) {
		carry += (unsigned)sum->byte[i] + one->byte[i];
		sum->byte[i] = (uint8_t)carry;
	}
}

static void
digest_minus(struct digest *sum, const struct digest *one)
{
	unsigned borrow = 0;

	for (int i = DIGEST_BYTES; i-- > 0;) {
		unsigned have = 256u + sum->byte[i] - one->byte[i] - borrow;

		sum->byte[i] = (uint8_t)have;
		borrow = have < 256;
	}
}

enum error
digest_add(struct digest *sum, struct hasher *h, struct bytes key, struct bytes value)
{
	struct digest one;
	enum error e = digest_of(h, key, value, &one);

	if (e == OK)
		digest_plus(sum, &one);
	return e;
}

enum error
digest_subtract(
    struct digest *sum, struct hasher *h, struct bytes key, struct bytes value)
{
	struct digest one;
	enum error e = digest_of(h, key, value, &one);

	if (e == OK)
		digest_minus(sum, &one);
	return e;
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->byte, b->byte, DIGEST_BYTES) == 0;
}

const char *
digest_print(const struct digest *sum, char *buf)
{
	return hex_print(sum->byte, DIGEST_BYTES, buf);
}

bool
digest_parse(const char *s, struct digest *out_r)
{
	if (strlen(s) != DIGEST_TEXT_MAX - 1)
		return false;
	for (int i = 0; i < DIGEST_BYTES; i++) {
		char pair[2] = {(char)toupper((unsigned char)s[2 * i]),
		    (char)toupper((unsigned char)s[2 * i + 1])};
		int byte = hex_byte(pair);

		if (byte < 0)
			return false;
		out_r->byte[i] = (uint8_t)byte;
	}
	return true;
}
