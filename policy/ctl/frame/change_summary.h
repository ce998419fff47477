/* SPDX-License-Identifier: BSD-2-Clause */
/* change_summary - counts and shows many changes of the policy at once */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/transfer/lock_guard.h"

/*
 * For commands that replace much of the policy. Each change is counted, and with
 * `print` set printed as it comes ("create mailbox u@acme.test: - ->
 * smtp-auth=enabled"; with --json an object with `before` and `after`). The audit log
 * gets an entry for each of the first AUDIT_SUMMARY_LISTED changes, and a summary. The
 * owner of `guard` checks it afterwards.
 */
struct change_summary {
	struct ctl *c;
	bool print;
	struct audit_summary sum;
	struct lock_guard guard;
};

/*
 * Counts every change of the policy in TXN, too, and writes entries as above. CHANGES
 * has to outlive the transaction.
 */
void change_summary_watch(struct store_txn *txn, struct change_summary *changes);

/* The watcher itself, for another one to call; ARG is a struct change_summary. */
enum error change_summary_note(void *arg, struct store_txn *txn, struct bytes key,
    struct bytes before, struct bytes after) MUST_USE;

/*
 * The last line, "N created, N changed, N removed", or the object with the totals, and
 * with the causes of overrule.h where there are any.
 */
void change_summary_print_summary(
    const struct change_summary *changes, unsigned overruled);

/*
 * Writes the AUDIT_SUMMARY entry of C's transaction; SERIAL is 0 for none. Errors as
 * audit_table_append(), with C's `why`.
 */
enum error change_summary_audit(const struct change_summary *changes,
    const struct digest *content, uint64_t serial) MUST_USE;
