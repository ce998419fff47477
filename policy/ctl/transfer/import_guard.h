/* SPDX-License-Identifier: BSD-2-Clause */
/* import_guard - whether an import would open what is closed by other things than rows
 */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/identity/domain.h"
#include "policy/identity/login.h"
#include "policy/model/settings.h"

/* A domain that goes from a tenant that denies to another one. */
struct moved_domain {
	char domain[DOMAIN_MAX + 1], from[TENANT_NAME_MAX + 1];
	char to[TENANT_NAME_MAX + 1];
};

/* Mailboxes that lose what goes with their setting. */
struct lost {
	uint64_t n;
	char first[LOGIN_MAX + 1];
};

struct import_guard {
	struct lost networks, ends; /* until; those that are not over */
	struct lost dropped;        /* the same, with another smtp-auth */
	struct lost revived;        /* until that was over */
	instant now;
	struct store_txn *txn;
	struct settings was;
	bool first_tenants;          /* there was no tenant before */
	uint64_t unguarded;          /* tenants and domains that deny, and would go */
	char first[DOMAIN_MAX + 16]; /* of these: "tenant acme" */
	uint64_t unlocked;           /* locks that were brought, and would go */
	bool unset;                  /* unknown-tenant is no longer set */
	struct moved_domain *moved;
	size_t moves, room;
};

/* Before the change of TXN. */
void import_guard_start(struct import_guard *g, struct store_txn *txn, instant now);

/* For the watcher of the change, of any record. Errors of the store, ERR_MEMORY. */
enum error import_guard_note(struct import_guard *g, struct bytes key,
    struct bytes before, struct bytes after) MUST_USE;

/*
 * After the change: ERR_PROTECTED, with the first case in WHY, where tenants or domains
 * that deny are gone and the logins of no tenant pass, where a domain has gone from a
 * tenant that denies to one that does not, where unknown-tenant let no login pass and
 * is unset, where a network is exempt that "settings set" would ask about, or where
 * locks have ended. Errors of the store.
 */
enum error import_guard_check(
    const struct import_guard *g, struct error_text *why) MUST_USE;

/*
 * After the change: whether settings, which the file had, exempt what was not exempt,
 * or let the logins of no tenant pass; then OPENING_R is for opening_guard_check().
 */
bool import_guard_settings(const struct import_guard *g, struct opening *opening_r);

void import_guard_end(struct import_guard *g);
