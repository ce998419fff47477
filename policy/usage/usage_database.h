/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_database - usage/usage.mdb: who used SMTP AUTH, and since when we know */
#ifndef POLICY_USAGE_USAGE_DATABASE_H
#define POLICY_USAGE_USAGE_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/db/db.h"
#include "policy/usage/recording_host.h"
#include "policy/usage/usage.h"

/*
 * Keys: `h` and a socket (see heartbeat.h); `n`, the machine (see recording_host.h);
 *`s`, the number of strangers (see strangers.h); and for each login, domain first as in
 *the policy database,
 *
 *	u DOMAIN \0 LOCAL \0         -> struct usage
 *	u DOMAIN \0 LOCAL \0 DAY     -> struct usage_day; DAY is four bytes, big-endian
 *
 * so that one login is one range, and one domain too. The first may be usage_others().
 */

/*
 * Opens usage/usage.mdb of the state folder DIR. With CREATE, for the daemon, it is
 * made where it is missing (the folder is not), and only its owner may read it. Errors
 * as db_open(), in WHY with what to do.
 */
enum error usage_database_open(
    struct db **db_r, const char *dir, bool create, struct error_text *why) MUST_USE;

/* What one login did on one day. */
struct usage_entry {
	struct login login;
	struct usage usage;
	struct usage_day day;
};

/*
 * What is to be added of the entry: it is made one of usage_others() where its login is
 * a stranger's that has no row, and there are USAGE_STRANGERS_MAX of them.
 */
enum error usage_database_admit(struct db_txn *txn, struct usage_entry *entry) MUST_USE;

/* The entry as one of usage_others(), which have no client. */
void usage_entry_make_others(struct usage_entry *entry);

/* Adds the entry to what is there, within a write transaction. */
enum error usage_database_add(
    struct db_txn *txn, const struct usage_entry *entry) MUST_USE;

/* The record of the machine; ERR_NOTFOUND. */
enum error usage_database_get_host(
    struct db_txn *txn, struct recording_host *out_r) MUST_USE;
enum error usage_database_put_host(
    struct db_txn *txn, const struct recording_host *host) MUST_USE;

/*
 * Calls FN for every login in the order of keys, with its days. Anything but OK from
 * FN ends the walk and is returned. ERR_DAMAGED for what is no record of ours.
 */
enum error usage_database_each(struct db_txn *txn,
    enum error (*fn)(void *arg, const struct usage_row *row), void *arg) MUST_USE;

/* Whether a tenant owns the login now. Whoever cannot tell says yes. */
typedef bool usage_is_known(void *arg, const struct login *login);

/*
 * A walk through the database that forgets what is old, a piece at a time. Of a login
 * that is known, when it was seen stays.
 */
struct usage_prune {
	uint32_t first_day;    /* days before go, and what was last seen before it */
	usage_is_known *known; /* NULL: all are */
	void *arg;
	struct key at;  /* where to go on; key.len 0: at the start */
	struct key row; /* the login under way, if it is to go once its days have */
	bool done;
	uint64_t days, clients, logins; /* forgotten so far */
};

void usage_prune_start(struct usage_prune *p, instant now, unsigned retention_days);

/*
 * One piece: looks at up to VISITS records and changes at most USAGE_PRUNE_CHANGES,
 * within the write transaction. `done` tells whether the end was reached.
 */
#define USAGE_PRUNE_CHANGES 200
enum error usage_prune_step(
    struct db_txn *txn, struct usage_prune *p, unsigned visits) MUST_USE;

/* The order of keys: less than, equal to, or greater than 0. */
int usage_login_order(const struct login *a, const struct login *b);

#endif
