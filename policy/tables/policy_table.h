/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_table - any record of the policy, kept with its entry of the index */
#pragma once

#include "policy/store/store.h"

/* Puts the record, and changes the index to fit. OLD: its value now, or at NULL. */
enum error policy_table_put(struct store_txn *txn, struct bytes key, struct bytes value,
    struct bytes old) MUST_USE;

/* Removes the record whose value is OLD; of a tenant also the notice. */
enum error policy_table_remove(
    struct store_txn *txn, struct bytes key, struct bytes old) MUST_USE;

/* The same, whatever its value is; ERR_NOTFOUND. */
enum error policy_table_delete(struct store_txn *txn, const struct key *key) MUST_USE;
