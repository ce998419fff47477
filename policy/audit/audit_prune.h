/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_prune - removes old entries of the audit log, and says so in it */
#pragma once

#include "policy/audit/audit_table.h"

struct audit_pruned {
	uint64_t removed; /* entries */
	uint64_t last;    /* the number of the last one */
};

/*
 * Removes the entries before the first that is not older than BEFORE. A stub with the
 * number and the hash of the last one takes their place, and a new entry (AUDIT_PRUNE)
 * records what was done; so the log still verifies. Writes nothing if none is older, or
 * only the entry of the last prune.
 *
 * ERR_CONFLICT, with WHY, if the log does not hold: what is wrong in it must not be
 * lost unseen. With FORCE, entries that cannot be read go with their neighbours, and an
 * emptied log begins anew after the number that the meta record has.
 */
enum error audit_prune(struct store_txn *txn, const struct audit_log *log,
    instant before, bool force, struct audit_pruned *out_r,
    struct error_text *why) MUST_USE;
