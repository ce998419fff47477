/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_mailboxes - the mailboxes of one tenant, whatever domains it owns */
#ifndef POLICY_TABLES_TENANT_MAILBOXES_H
#define POLICY_TABLES_TENANT_MAILBOXES_H

#include "policy/tables/mailbox_table.h"

/*
 * Calls FN for every mailbox record in a domain of TENANT, domain by domain; for the
 * catch-all tenant also those in domains that nobody owns by name. FN must not write.
 */
enum error tenant_mailboxes_each(struct store_txn *txn, const char *tenant,
    enum error (*fn)(void *arg, const struct login *address, const struct mailbox *m),
    void *arg) MUST_USE;

/* Calls FN for every login alias of a mailbox of TENANT, in the order of mailboxes. */
enum error tenant_aliases_each(struct store_txn *txn, const char *tenant,
    enum error (*fn)(void *arg, const struct login *login, const struct login *mailbox),
    void *arg) MUST_USE;

#endif
