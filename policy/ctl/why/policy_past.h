/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_past - the policy as it was, by the audit log */
#pragma once

#include "policy/audit/audit.h"
#include "policy/base/instant.h"
#include "policy/store/store.h"

/*
 * What the entries of the audit log from some number on have changed. Needs 16 bytes
 * for each of them.
 */
struct policy_past {
	struct store_txn *txn;
	struct past_change *change; /* sorted by record, then by number */
	size_t changes, changes_room;
	uint64_t first;  /* entries from here on count as not made */
	bool now;        /* ... or all as made */
	uint64_t *asked; /* hashes of the records that were looked up */
	size_t asks, asks_room;
	uint64_t
	    incomplete;  /* entry that stands for more changes than it tells; or 0 */
	uint64_t pruned; /* entries up to here are gone; 0: none are */
};

/*
 * Reads the entries from LEAST on. TXN is a reader that is used for nothing else from
 * here on: all of its look-ups give what policy_past_at() says, first of all the policy
 * of now. ERR_MEMORY; errors of the store.
 */
enum error policy_past_open(
    struct policy_past *p, struct store_txn *txn, uint64_t least) MUST_USE;
void policy_past_close(struct policy_past *p);

/*
 * Shows the policy as it was before entry FIRST, not less than LEAST; 0: as it is now.
 */
enum error policy_past_at(struct policy_past *p, uint64_t first) MUST_USE;

/* Whether the record that the entry changed has been looked up so far. */
bool policy_past_concerns(const struct policy_past *p, const struct audit_entry *e);
