/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_hash - a hash that tells one policy from any other */
#include "policy/transfer/policy_hash.h"

#include "policy/transfer/policy_iterator.h"

static void
policy_hash_add(struct hasher *h, struct bytes key, struct bytes value)
{
	const uint8_t lengths[] = {(uint8_t)(key.len >> 8), (uint8_t)key.len,
	    (uint8_t)(value.len >> 24), (uint8_t)(value.len >> 16),
	    (uint8_t)(value.len >> 8), (uint8_t)value.len};

	hasher_add(h, lengths, sizeof lengths);
	hasher_add(h, key.at, key.len);
	hasher_add(h, value.at, value.len);
}

static enum error
policy_hash_records(struct hasher *h, struct store_txn *txn)
{
	struct policy_iterator records;
	struct bytes key, value;
	bool found = true;
	enum error e = policy_iterator_open(&records, txn);

	while (e == OK && found) {
		e = policy_iterator_next(&records, &key, &value, &found);
		if (e == OK && found)
			policy_hash_add(h, key, value);
	}
	policy_iterator_close(&records);
	return e;
}

enum error
policy_hash(struct store_txn *txn, struct digest *hash_r)
{
	struct hasher *h = hasher_new();
	enum error e;

	if (h == NULL)
		return ERR_MEMORY;
	hasher_begin(h);
	e = policy_hash_records(h, txn);
	if (e == OK)
		e = hasher_end(h, hash_r->byte);
	hasher_free(&h);
	return e;
}
