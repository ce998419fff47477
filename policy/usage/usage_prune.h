/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_prune - forgets what usage-retention says is old, a piece at a time */
#pragma once

#include "policy/db/db.h"
#include "policy/usage/auth_denied_table.h"
#include "policy/usage/usage.h"

/* Whether a tenant owns the login now. Whoever cannot tell says yes. */
typedef bool usage_prune_is_known(void *arg, const struct login *login);

/*
 * A walk through the database that forgets what is old, refusals at AUTH too. Of a
 * login that is known, when it was seen stays.
 */
struct usage_prune {
	uint32_t first_day; /* days before go, and what was last seen before it */
	usage_prune_is_known *known; /* NULL: all are */
	void *arg;
	struct key at;  /* where to go on; key.len 0: at the start */
	struct key row; /* the login under way, if it is to go once its days have */
	struct auth_denied_table_prune denied; /* which is walked first */
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
