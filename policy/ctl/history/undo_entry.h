/* SPDX-License-Identifier: BSD-2-Clause */
/* undo_entry - an entry of the audit log that is to be undone */
#pragma once

#include "policy/audit/audit_table.h"

/* An entry as a copy: writing moves what was read. */
struct undo_entry {
	bool found;
	enum audit_kind kind;
	uint64_t number;
	uint64_t listed; /* AUDIT_SUMMARY: as audit_table_listed() says */
	struct key key;
	struct bytes before, after; /* within BUF; at is NULL for no record */
	uint8_t buf[2 * DB_VALUE_MAX];
	uint8_t now[DB_VALUE_MAX]; /* the record as it is */
};

/* Entry NUMBER; `found` is false where it is not there. */
enum error undo_entry_read(
    struct undo_entry *u, struct store_txn *txn, uint64_t number) MUST_USE;

/* Whether the records are the same; `at` is NULL for none. */
bool undo_entry_is_same(struct bytes a, struct bytes b);

/* Whether NOW, the record as it is, is what the entry left. */
bool undo_entry_left(const struct undo_entry *u, struct bytes now);
