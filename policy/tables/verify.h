/* SPDX-License-Identifier: BSD-2-Clause */
/* verify - whether the whole database holds */
#ifndef POLICY_TABLES_VERIFY_H
#define POLICY_TABLES_VERIFY_H

#include <stdint.h>

#include "policy/base/error.h"
#include "policy/store/store.h"

/*
 * Scans all records (db_scan), decodes each, and compares their digests and counts
 * with the meta record, and the indexes with the records. OK, or ERR_DAMAGED or another
 * error with what does not hold in WHY. RECORDS_R (may be NULL) is the number of
 * records scanned. About 0.1 s for a million records: of a large database two threads
 * scan a half each, with a read transaction each, where that can be had.
 */
enum error verify_store(
    struct store *store, uint64_t *records_r, struct error_text *why) MUST_USE;

/* The same on one thread, for when nobody waits for it. */
enum error verify_store_calmly(struct store *store, struct error_text *why) MUST_USE;

/* The number of mailboxes from which a database is large. */
#define VERIFY_LARGE 10000

/* The same on one thread within a transaction that has changed nothing yet. */
enum error verify_txn(
    struct store_txn *txn, uint64_t *records_r, struct error_text *why) MUST_USE;

#endif
