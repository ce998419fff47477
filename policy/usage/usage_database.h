/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_database - usage/usage.mdb: who used SMTP AUTH, and since when we know */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/db/db.h"
#include "policy/usage/recording_host.h"
#include "policy/usage/usage.h"

/*
 * Keys: `h` and a socket (see heartbeat.h); `n`, the machine (see recording_host.h);
 * `s`, the number of strangers; and for each login, domain first as in the policy
 * database,
 *
 *	u DOMAIN \0 LOCAL \0         -> struct usage
 *	u DOMAIN \0 LOCAL \0 DAY     -> struct usage_day; DAY is four bytes, big-endian
 *
 * so that one login is one range, and one domain too. The first may be usage_others().
 * Refusals at AUTH have their own keys, see auth_denied_table.h.
 */

/*
 * Opens usage/usage.mdb of the state folder DIR. With CREATE, for the daemon, it is
 * made where it is missing (the folder is not), and only its owner may read it. Errors
 * as db_open(), in WHY with what to do.
 */
enum error usage_database_open(
    struct db **db_r, const char *dir, bool create, struct error_text *why) MUST_USE;

/*
 * What is to be added of the entry: it is made one of usage_others() where its login is
 * a stranger's that has no row, and there are USAGE_STRANGERS_MAX of them.
 */
enum error usage_database_admit(struct db_txn *txn, struct usage_entry *entry) MUST_USE;

/* Adds the entry to what is there, within a write transaction. */
enum error usage_database_add(
    struct db_txn *txn, const struct usage_entry *entry) MUST_USE;

/*
 * A login that no tenant owns can be made up, where the MTA takes any spelling. So the
 * database has no more than so many rows of them; what the others do is counted in one
 * row, that of usage_others(). A login of a tenant always has its row.
 */
#define USAGE_STRANGERS_MAX 20000

/* The number of rows whose `stranger` is set. */
enum error usage_database_count_strangers(
    struct db_txn *txn, uint32_t *count_r) MUST_USE;

/* Notes that N rows more, or less than before, have it set. */
enum error usage_database_add_strangers(struct db_txn *txn, int32_t n) MUST_USE;

/* The record of the machine. */
enum error usage_database_get_host(
    struct db_txn *txn, struct recording_host *out_r, bool *found_r) MUST_USE;
enum error usage_database_put_host(
    struct db_txn *txn, const struct recording_host *host) MUST_USE;

/*
 * Calls FN for every login in the order of keys, with its days and its refusals at
 * AUTH: one that has only these has no usage. Anything but OK from
 * FN ends the walk and is returned. ERR_DAMAGED for what is no record of ours.
 */
enum error usage_database_each(struct db_txn *txn,
    enum error (*fn)(void *arg, const struct usage_row *row), void *arg) MUST_USE;
