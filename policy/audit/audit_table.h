/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_table - the audit log as the database has it: who changed what, in a chain */
#pragma once

#include "policy/audit/audit.h"
#include "policy/store/store.h"

/*
 * Entries are numbered from 1. The meta record has the number and the hash (the head)
 * of the last one; a head that was noted elsewhere proves later that nothing up to it
 * was altered.
 */

/* Written with each entry; it has to outlive the transaction. */
struct audit_log {
	struct audit_origin origin;
	instant when;
};

/* Makes every change of the policy in TXN write its entry. */
void audit_table_watch(struct store_txn *txn, struct audit_log *log);

/*
 * Writes one entry: E's kind, object, before, after and summary; the rest is filled in
 * from LOG, the meta record and the chain. ERR_LIMIT if it is too long.
 */
enum error audit_table_append(
    struct store_txn *txn, const struct audit_log *log, struct audit_entry *e) MUST_USE;

/* The same with an AUDIT_CHANGE of the record KEY. */
enum error audit_table_append_change(struct store_txn *txn, const struct audit_log *log,
    struct bytes key, struct bytes before, struct bytes after) MUST_USE;

/* The same with an AUDIT_SUMMARY, whose `previous` is filled in. */
enum error audit_table_append_summary(struct store_txn *txn,
    const struct audit_log *log, const struct audit_summary *summary) MUST_USE;

/*
 * Calls FN for every entry in order, from number FIRST on; E is valid during the call.
 * ERR_DAMAGED for a record that is not an entry.
 */
enum error audit_table_each(struct store_txn *txn, uint64_t first,
    enum error (*fn)(void *arg, const struct audit_entry *e), void *arg) MUST_USE;

/*
 * The number of the first entry of SINCE or later; all before it are older, even if the
 * clock was set back in between. One more than the last number if there are none. Does
 * not read them all.
 */
enum error audit_table_since(
    struct store_txn *txn, instant since, uint64_t *first_r) MUST_USE;

/*
 * The number of the first of the entries that E, a summary, stands for: they are those
 * right before it, one for each change. 0 where the changes have no entry, or only some
 * of them have one: there were more than AUDIT_SUMMARY_LISTED, or they are those of a
 * restore or of an older version.
 */
enum error audit_table_listed(
    struct store_txn *txn, const struct audit_entry *e, uint64_t *first_r) MUST_USE;
