/* SPDX-License-Identifier: BSD-2-Clause */
/* key - the database keys: a table byte and the name of the record */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/record.h"
#include "policy/identity/login.h"

#define KEY_MAX 511 /* LMDB's limit; LOGIN_MAX is chosen to stay below */

/*
 * One LMDB database holds all tables; the first byte of a key tells which. Keys of
 * logins start with the domain, so that one domain is one range. Mailboxes come last:
 * LMDB fills its pages where a load in order ends at the end, and only there.
 *
 *	meta       !
 *	setting    s NAME
 *	tenant     t NAME
 *	domain     d DOMAIN                          -> tenant's name
 *	alias      a DOMAIN \0 LOCAL                 -> mailbox (DOMAIN may be empty)
 *	notice     n TENANT                          (no policy)
 *	audit      u NUMBER                          (no policy)
 *	lock       l KIND NAME                       brought with the policy
 *	lock       k KIND NAME                       made here (no policy, but local)
 *	mailbox    z DOMAIN \0 LOCAL
 *	index      D TENANT \0 DOMAIN                -> nothing
 *	index      A DOMAIN \0 LOCAL HASH(ALIAS)     -> alias
 *
 * The NAME of a lock is, by its KIND, that of a tenant or DOMAIN \0 LOCAL.
 */
enum table {
	TABLE_META = '!',
	TABLE_ALIAS = 'a',
	TABLE_DOMAIN = 'd',
	TABLE_LOCK = 'l',
	TABLE_NOTICE = 'n',
	TABLE_SETTING = 's',
	TABLE_TENANT = 't',
	TABLE_AUDIT = 'u',
	TABLE_MAILBOX = 'z',
	INDEX_ALIAS = 'A',
	INDEX_DOMAIN = 'D',
	TABLE_LOCAL_LOCK = 'k',
};

/* The kind of the locked object: the second byte of a lock's key. */
enum lock_kind { LOCK_LOGIN = 'l', LOCK_TENANT = 't' };

struct key {
	size_t len;
	uint8_t at[KEY_MAX];
};

void key_table(struct key *k, enum table table);
/* A table and a name without NUL: settings, tenants, domains, notices. */
void key_name(struct key *k, enum table table, const char *name);
/* A table and a login: mailboxes, aliases. */
void key_login(struct key *k, enum table table, const struct login *login);
/* TABLE_AUDIT: entry NUMBER. */
void key_number(struct key *k, enum table table, uint64_t number);
/* The range of all logins of DOMAIN in a table of logins. */
void key_domain_range(struct key *k, enum table table, const char *domain);
/* INDEX_DOMAIN: TENANT's DOMAIN; with DOMAIN "" the range of all of them. */
void key_tenant_domain(struct key *k, const char *tenant, const char *domain);
/* INDEX_ALIAS: MAILBOX's ALIAS; with ALIAS NULL the range of all of them. */
void key_mailbox_alias(
    struct key *k, const struct login *mailbox, const struct login *alias);

/* TABLE_LOCK or TABLE_LOCAL_LOCK: the lock of a tenant, or of a login. */
void key_tenant_lock(struct key *k, enum table table, const char *tenant);
void key_login_lock(struct key *k, enum table table, const struct login *login);

struct bytes key_bytes(const struct key *k);
bool key_has_prefix(struct bytes key, const struct key *prefix);
/* Whether the table takes part in the policy digest. */
bool key_is_policy(struct bytes key);
/* Whether its record counts in the digest of the locks made on this machine. */
bool key_is_local(struct bytes key);

/* A copy of the key, of KEY_MAX bytes at most, for look-ups. */
struct key key_copy(struct bytes key);

/* Reads a login back from a key of a table of logins; ERR_DAMAGED if it is not one. */
enum error key_to_login(struct bytes key, struct login *out_r) MUST_USE;

/* The mailbox of a key of INDEX_ALIAS. */
enum error key_to_indexed(struct bytes key, struct login *mailbox_r) MUST_USE;

/*
 * Reads back the name of up to MOST bytes that follows FROM bytes of a key, or a
 * tenant's name, which is in lower case.
 */
enum error key_to_name(
    struct bytes key, size_t from, size_t most, char *name_r) MUST_USE;
enum error key_to_tenant(struct bytes key, size_t from, char *tenant_r) MUST_USE;

/*
 * Reads back what a lock is of: KIND_R, and the name in TENANT_R (of
 * TENANT_NAME_MAX + 1 bytes) or LOGIN_R.
 */
enum error key_to_lock(struct bytes key, enum lock_kind *kind_r, char *tenant_r,
    struct login *login_r) MUST_USE;

/* Reads an entry's number back. */
enum error key_to_number(struct bytes key, uint64_t *number_r) MUST_USE;

/*
 * The domain with which a key of a table of logins, or of INDEX_ALIAS, starts.
 * ERR_DAMAGED if it is empty.
 */
enum error key_to_domain(struct bytes key, char *domain_r) MUST_USE;
