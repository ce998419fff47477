/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_hash - a hash that tells one policy from any other */
#include "policy/transfer/policy_hash.h"

#include "policy/transfer/policy_iterator.h"

static enum error
add(struct hasher *h, struct bytes key, struct bytes value)
{
	const uint8_t lengths[] = {(uint8_t)(key.len >> 8), (uint8_t)key.len,
	    (uint8_t)(value.len >> 24), (uint8_t)(value.len >> 16),
	    (uint8_t)(value.len >> 8), (uint8_t)value.len};
	enum error e = hasher_add(h, lengths, sizeof lengths);

	if (e == OK)
		e = hasher_add(h, key.at, key.len);
	return e == OK ? hasher_add(h, value.at, value.len) : e;
}

static enum error
add_all(struct hasher *h, struct store_txn *txn)
{
	struct bytes key, value;
	struct policy_iterator w;
	enum error e = policy_iterator_open(&w, txn);

	while (e == OK) {
		e = policy_iterator_next(&w, &key, &value);
		if (e == OK)
			e = add(h, key, value);
	}
	policy_iterator_close(&w);
	return e == ERR_NOTFOUND ? OK : e;
}

enum error
policy_hash(struct store_txn *txn, struct digest *hash_r)
{
	struct hasher *h = hasher_new();
	enum error e = h != NULL ? hasher_begin(h) : ERR_MEMORY;

	if (e == OK)
		e = add_all(h, txn);
	if (e == OK)
		e = hasher_end(h, hash_r->byte);
	hasher_free(&h);
	return e;
}
