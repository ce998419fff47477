/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_record - a record of any table of the policy, with its entry of the index */
#ifndef POLICY_COPIES_POLICY_RECORD_H
#define POLICY_COPIES_POLICY_RECORD_H

#include "policy/store.h"

/*
 * OK for a key and a value that are a record of one of the policy's tables; else
 * ERR_DAMAGED or ERR_NEWER. Whether records fit each other is not looked at.
 */
enum error policy_record_check(struct bytes key, struct bytes value) MUST_USE;

/*
 * Puts the record, and changes the index to fit; OLD is the value that is there now
 * (at is NULL for none).
 */
enum error policy_record_put(struct store_txn *txn, struct bytes key,
    struct bytes value, struct bytes old) MUST_USE;

/* Removes the record whose value is OLD; of a tenant also the notice. */
enum error policy_record_remove(
    struct store_txn *txn, struct bytes key, struct bytes old) MUST_USE;

#endif
