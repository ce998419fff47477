/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_hash - a hash that tells one policy from any other */
#ifndef POLICY_TRANSFER_POLICY_HASH_H
#define POLICY_TRANSFER_POLICY_HASH_H

#include "policy/crypto/digest.h"
#include "policy/store/store.h"

/*
 * SHA-256 over all records of the policy in the order of keys: of each the lengths of
 * key (2 bytes) and value (4 bytes), key and value. Unlike the policy digest, a sum,
 * for which somebody who chooses records can find others that give the same, it
 * identifies the policy. It reads all records: about a second for 10^7. ERR_DAMAGED;
 * ERR_MEMORY; ERR_INTERNAL. Whether the records hold is for verify_txn() to say.
 */
enum error policy_hash(struct store_txn *txn, struct digest *hash_r) MUST_USE;

#endif
