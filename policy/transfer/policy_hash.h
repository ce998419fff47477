/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_hash - a hash that tells one policy from any other */
#pragma once

#include "policy/crypto/digest.h"
#include "policy/store/store.h"

/*
 * SHA-256 over the records of the policy in the order of keys: of each the lengths of
 * key (2 bytes) and value (4 bytes), key and value. Unlike the policy digest, for which
 * other records with the same sum can be found, it identifies the policy. About a
 * second for 10^7 records, which are not verified. ERR_DAMAGED; ERR_MEMORY;
 * ERR_INTERNAL.
 */
enum error policy_hash(struct store_txn *txn, struct digest *hash_r) MUST_USE;
