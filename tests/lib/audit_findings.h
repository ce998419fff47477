/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_findings.h - an audit log in a write transaction, and what audit_verify() has
 * to say of it. */
#pragma once

#include "tests/lib/state.h"

#include "policy/audit/audit_table.h"
#include "policy/audit/audit_verify.h"

enum { AUDIT_FINDINGS_MOST = 64, RAW_MOST = 32 };

/* What was found; the entries are not kept. */
struct audit_findings {
	struct audit_account account;
	unsigned count;
	struct {
		enum audit_problem problem;
		uint64_t number;
		char text[256];
	} at[AUDIT_FINDINGS_MOST];
};

/* Runs audit_verify(), which must come to its end; head may be NULL. */
void audit_findings_take(
    struct audit_findings *found, struct store_txn *txn, const struct digest *head);

/* Whether one of them is about this entry, or of this kind about it. */
bool audit_findings_name(const struct audit_findings *found, uint64_t number);
bool audit_findings_have(
    const struct audit_findings *found, enum audit_problem problem, uint64_t number);

/* Fails the test unless all holds, or unless there is one finding, and this one. */
void audit_findings_expect_none(struct store_txn *txn);
void audit_findings_expect_one(
    struct store_txn *txn, enum audit_problem problem, uint64_t number);

/* A stored record. */
struct raw {
	struct key key;
	uint8_t value[AUDIT_ENTRY_MAX];
	size_t len;
};

/* All records of the log, in order; returns how many. */
unsigned raw_read(struct store_txn *txn, struct raw *out);
void raw_put(struct store_txn *txn, const struct raw *raw);
void raw_delete(struct store_txn *txn, const struct raw *raw);
/* The hash in the record's last bytes. */
struct digest raw_hash(const struct raw *raw);

/* Watches the transaction as actor, at a time. */
void log_watch(
    struct store_txn *txn, struct audit_log *log, const char *actor, instant when);
