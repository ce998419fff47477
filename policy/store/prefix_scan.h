/* SPDX-License-Identifier: BSD-2-Clause */
/* prefix_scan - the records whose keys start alike */
#pragma once

#include <stdbool.h>

#include "policy/store/store.h"

/*
 * Calls FN for every record whose key starts with PREFIX, in order. KEY and VALUE
 * are valid during the call; FN must not write.
 */
enum error prefix_scan_each(struct store_txn *txn, const struct key *prefix,
    db_visitor *fn, void *arg) MUST_USE;

/* Whether there is such a record. */
enum error prefix_scan_is_empty(
    struct store_txn *txn, const struct key *prefix, bool *empty_r) MUST_USE;

/* Removes all such records. */
enum error prefix_scan_delete(struct store_txn *txn, const struct key *prefix) MUST_USE;
