/* SPDX-License-Identifier: BSD-2-Clause */
/* verify - whether the whole database holds, and its records fit each other */
#pragma once

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

/*
 * Follows what each record says of others: a domain's tenant, the owner of a mailbox
 * and of an alias's mailbox (by name, or the tenant of "*"), an alias that must not
 * lead out of its tenant, and every record's entry in an index and back. ERR_DAMAGED
 * with the first that does not fit in WHY. verify_store() proves that the bytes are
 * those that were written; this, that what was written makes sense, and where an index
 * does not fit, which record it is. Less than a second for a million mailboxes.
 *
 * The commands keep it so: a domain in use is not removed, and one that nobody owns by
 * name is only used while somebody owns "*".
 */
enum error verify_links(struct store_txn *txn, struct error_text *why) MUST_USE;
