/* SPDX-License-Identifier: BSD-2-Clause */
/* ownership - whose a domain or a login is, and who may have it */
#pragma once

#include "policy/identity/domain.h"
#include "policy/model/tenant.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/mailbox_table.h"

/* The tenant that owns DOMAIN by name, or else the catch-all tenant; "" for none. */
enum error ownership_of_domain(
    struct store_txn *txn, const char *domain, char *tenant_r) MUST_USE;

/* That tenant for the domain of LOGIN. ERR_DAMAGED where its record is missing. */
enum error ownership_of_login(struct store_txn *txn, const struct login *login,
    struct tenant *out_r, bool *found_r) MUST_USE;

/* The owner of the last address; all zero at the start, and when domains have moved. */
struct ownership {
	char domain[DOMAIN_MAX + 1];
	char tenant[TENANT_NAME_MAX + 1]; /* "" for none */
};

/* ownership_of_domain() with one look-up for a run of addresses of one domain. */
enum error ownership_find(struct store_txn *txn, const struct login *address,
    struct ownership *owner) MUST_USE;

/*
 * The tenant that is locked, or that the locked login belongs to, into TENANT_R
 * (TENANT_NAME_MAX + 1 bytes); "" for none.
 */
enum error ownership_of_lock(
    struct store_txn *txn, const struct lock_subject *subject, char *tenant_r) MUST_USE;

/* ERR_DATA with WHY, which names TYPED, unless a tenant owns the address's domain. */
enum error ownership_check(struct store_txn *txn, const char *typed,
    const struct login *address, struct error_text *why) MUST_USE;

/* ERR_CONFLICT with WHY for a login alias: its own setting would never be looked at. */
enum error ownership_check_alias(struct store_txn *txn, const struct login *address,
    struct error_text *why) MUST_USE;

/* The address in normal form, if it passes both checks. */
enum error ownership_mailbox(struct store_txn *txn, const char *typed,
    struct login *out_r, struct error_text *why) MUST_USE;

/*
 * Gives DOMAIN to a tenant that exists; nothing changes when it has it already.
 * ERR_CONFLICT when another one owns it (unless MOVE), or when a login alias would
 * then cross tenants; ERR_NOTFOUND for MOVE of a domain that nobody owns.
 */
enum error ownership_add_domain(struct store_txn *txn, const char *domain,
    const char *tenant, bool move, struct error_text *why) MUST_USE;

/*
 * Makes LOGIN an alias of MAILBOX. ERR_EXISTS when it is one of another mailbox;
 * ERR_CONFLICT for an alias of itself or of an alias, for the name of a mailbox that
 * has its own setting, and for a login in a domain of another tenant.
 */
enum error ownership_add_alias(struct store_txn *txn, const struct login *mailbox,
    const struct login *login, struct error_text *why) MUST_USE;

/*
 * Calls FN, with "" for the tenant, for every domain that has records in TABLE (of
 * mailboxes, or INDEX_ALIAS) and that nobody owns by name. FN may write. One look-up a
 * domain, however many records it has.
 */
enum error ownership_each_unowned(struct store_txn *txn, enum table table,
    domain_table_visitor *fn, void *arg) MUST_USE;

/*
 * Calls FN for every mailbox record in a domain of TENANT, or for every alias of such a
 * mailbox, domain by domain; for the catch-all tenant also those in domains that nobody
 * owns by name. FN must not write.
 */
enum error ownership_each_mailbox(struct store_txn *txn, const char *tenant,
    mailbox_table_visitor *fn, void *arg) MUST_USE;
enum error ownership_each_alias(struct store_txn *txn, const char *tenant,
    alias_table_visitor *fn, void *arg) MUST_USE;
