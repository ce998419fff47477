/* SPDX-License-Identifier: BSD-2-Clause */
/* change_summary - many changes of the policy at once: counted, shown, summed up in the
 * log */
#ifndef POLICY_CTL_FRAME_CHANGE_SUMMARY_H
#define POLICY_CTL_FRAME_CHANGE_SUMMARY_H

#include "policy/ctl/frame/ctl.h"
#include "policy/transfer/lock_guard.h"

/*
 * For commands that replace much of the policy: each change is counted, and with PRINT
 * written to C's `out` as it comes ("create mailbox u@acme.test"; with --json an
 * object with `before` and `after`). The audit log gets one entry for all of them. What
 * GUARD holds is checked after them, by whoever has started it.
 */
struct change_summary {
	struct ctl *c;
	bool print;
	uint64_t created, changed, removed;
	struct lock_guard guard;
};

/*
 * Lets every change of the policy in TXN be counted in CHANGES, which has to outlive
 * the transaction, instead of writing an audit entry.
 */
void change_summary_watch(struct store_txn *txn, struct change_summary *changes);

/* The watcher itself, for one that does more; ARG is a struct change_summary. */
enum error change_summary_note(void *arg, struct store_txn *txn, struct bytes key,
    struct bytes before, struct bytes after) MUST_USE;

/* How many there were. */
uint64_t change_summary_total(const struct change_summary *changes);

/* The last line, "N created, N changed, N removed", or the object with the totals. */
void change_summary_print_summary(const struct change_summary *changes);

/*
 * Writes the one AUDIT_SUMMARY entry of TXN, C's transaction. SERIAL is 0 where there
 * is none. Errors as audit_table_append(), with C's `why`.
 */
enum error change_summary_audit(const struct change_summary *changes,
    const struct digest *content, uint64_t serial) MUST_USE;

#endif
