/* SPDX-License-Identifier: BSD-2-Clause */
/* replace - makes the policy equal to another one, touching only what differs */
#pragma once

#include "policy/transfer/snapshot.h"

/*
 * Where the other policy comes from. NEXT gives its records in the order of keys, valid
 * until the next call; FOUND_R is false at the end. An error, which may have its line
 * in WHY, ends the replacement.
 */
struct replace_source {
	enum error (*next)(void *arg, struct bytes *key_r, struct bytes *value_r,
	    bool *found_r, struct error_text *why);
	void *arg;
};

/*
 * Makes the policy of TXN, a write transaction, equal to SOURCE, whose digest must be
 * DIGEST; audit log, notices of tenants that stay, and serial are kept. ERR_DATA: a
 * record that cannot be, or keys that do not ascend. ERR_DAMAGED: TXN's own policy, or
 * a digest that does not hold. With WHY; the caller aborts TXN after an error. The
 * settings of TXN are read again. TXN's watcher sees each change.
 */
enum error replace_policy(struct store_txn *txn, const struct replace_source *source,
    const struct digest *digest, struct error_text *why) MUST_USE;

/* The policy of another store: of its transaction FROM, whose policy digest counts. */
enum error replace_from(
    struct store_txn *txn, struct store_txn *from, struct error_text *why) MUST_USE;

/* The policy of a verified snapshot. Errors also as snapshot_next(). */
enum error replace_from_snapshot(
    struct store_txn *txn, struct snapshot *from, struct error_text *why) MUST_USE;
