/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_table - the audit log as the database has it: who changed what, in a chain */
#ifndef POLICY_AUDIT_AUDIT_TABLE_H
#define POLICY_AUDIT_AUDIT_TABLE_H

#include "policy/audit/audit.h"
#include "policy/store/store.h"

/*
 * The entries are numbered from 1. The meta record has the number and the hash (the
 * head) of the last one; whoever has noted a head elsewhere can prove later that
 * nothing up to it was altered.
 */

/* What audit_watch() writes with each entry; it has to outlive the transaction. */
struct audit_log {
	struct audit_origin origin;
	instant when;
};

/* Lets every change of the policy in TXN write its entry, too. */
void audit_watch(struct store_txn *txn, struct audit_log *log);

/*
 * Writes one entry: E's kind, object, before, after and summary; the rest is filled in
 * from LOG, the meta record and the chain. ERR_LIMIT where it is too long.
 */
enum error audit_table_append(
    struct store_txn *txn, const struct audit_log *log, struct audit_entry *e) MUST_USE;

/*
 * Calls FN for every entry in order, from number FIRST on; E is valid during the call.
 * ERR_DAMAGED for a record that is no entry.
 */
enum error audit_table_each(struct store_txn *txn, uint64_t first,
    enum error (*fn)(void *arg, const struct audit_entry *e), void *arg) MUST_USE;

/*
 * The number from which on there are entries of SINCE or later; all before it are
 * older, also where the clock was set back in between. Found without reading them all;
 * one more than the last number where there are none.
 */
enum error audit_table_since(
    struct store_txn *txn, instant since, uint64_t *first_r) MUST_USE;

#endif
