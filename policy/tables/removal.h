/* SPDX-License-Identifier: BSD-2-Clause */
/* removal - what a domain or tenant takes with it, and what protects it */
#pragma once

#include <stdbool.h>

#include "policy/model/tenant.h"
#include "policy/store/store.h"

/*
 * Takes DOMAIN from its tenant. ERR_NOTFOUND; ERR_CONFLICT while mailboxes or aliases
 * use it; ERR_PROTECTED, unless FORCE, while the tenant denies what would then pass.
 */
enum error removal_domain(struct store_txn *txn, const char *domain, bool force,
    struct error_text *why) MUST_USE;

/*
 * Removes the tenant with its domains, its mailboxes and their aliases. ERR_NOTFOUND;
 * unless FORCE: ERR_CONFLICT while it has mailboxes, ERR_PROTECTED while it denies what
 * would pass without it.
 */
enum error removal_tenant(struct store_txn *txn, const char *name, bool force,
    struct error_text *why) MUST_USE;

/* Whether the tenant denies what would pass if its domains were taken from it. */
enum error removal_opens(
    struct store_txn *txn, const struct tenant *t, bool *opens_r) MUST_USE;

/* Whether logins of a domain that no tenant has may pass: by "*", or unknown-tenant. */
enum error removal_unowned_pass(struct store_txn *txn, bool *passes_r) MUST_USE;

/*
 * Whether the tenant FROM denies at NOW what would pass if a domain went from it to the
 * tenant TO, which may have another action, other mechanisms or another date. Which
 * lock the logins leave is not asked here.
 */
enum error removal_move_opens(struct store_txn *txn, const struct tenant *from,
    const struct tenant *to, instant now, bool *opens_r) MUST_USE;

/* Whether the tenant is disabled, or has a lock. */
enum error removal_denies(
    struct store_txn *txn, const struct tenant *t, bool *denies_r) MUST_USE;

/* Whether the tenant denies all its logins, at all times and for good. */
enum error removal_surely_denies(
    struct store_txn *txn, const struct tenant *t, bool *denies_r) MUST_USE;
