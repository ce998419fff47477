/* SPDX-License-Identifier: BSD-2-Clause */
/* verify_links - whether the records of the policy fit each other */
#ifndef POLICY_TABLES_VERIFY_LINKS_H
#define POLICY_TABLES_VERIFY_LINKS_H

#include "policy/base/error.h"
#include "policy/store/store.h"

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

#endif
