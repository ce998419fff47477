/* SPDX-License-Identifier: BSD-2-Clause */
/* address - logins and mailbox addresses as administrators type them */
#ifndef POLICY_ADDRESS_H
#define POLICY_ADDRESS_H

#include "policy/login.h"
#include "policy/store.h"

/* A login in normal form, by the settings of TXN. ERR_DATA with WHY. */
enum error address_login(struct store_txn *txn, const char *typed, struct login *out_r,
    struct error_text *why) MUST_USE;

/*
 * A mailbox address in normal form: default-domain is applied, and the domain is one
 * that a tenant could own. ERR_DATA with WHY.
 */
enum error address_normalize(struct store_txn *txn, const char *typed,
    struct login *out_r, struct error_text *why) MUST_USE;

/* ERR_DATA with WHY, which names TYPED, unless a tenant owns the address's domain. */
enum error address_check_owner(struct store_txn *txn, const char *typed,
    const struct login *address, struct error_text *why) MUST_USE;

/* ERR_CONFLICT with WHY for a login alias: its own setting would never be looked at. */
enum error address_check_alias(struct store_txn *txn, const struct login *address,
    struct error_text *why) MUST_USE;

/* All three: an address that can have a setting of its own. */
enum error address_mailbox(struct store_txn *txn, const char *typed,
    struct login *out_r, struct error_text *why) MUST_USE;

#endif
