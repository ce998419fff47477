/* SPDX-License-Identifier: BSD-2-Clause */
/* login_usage - the use of a login in a span of time, and what it would get now */
#pragma once

#include "policy/decision/submission.h"
#include "policy/store/store.h"
#include "policy/usage/usage.h"

struct login_usage {
	const struct usage_row *row; /* borrowed */
	/* From the first day of the span on, to the end: */
	uint64_t count[USAGE_KINDS];
	uint32_t mechanisms;
	uint64_t auth_denied; /* refusals at AUTH, which are no part of the counts */
	/*
	 * What it would get now, from its last client with its last mechanism, at a
	 * listener that is not exempt.
	 */
	struct outcome outcome;
	bool used; /* something passed in the span that was not exempt */
	/* Its own `enabled` holds for its last client, and past enforce-from. */
	bool excepted;
	/*
	 * Used, and nothing would let it pass a `disabled` tenant: no exception, and,
	 * where the tenant blocks passwords only, used with one.
	 */
	bool uncovered;
	/* Uncovered, not stopped by its own setting or a lock, and not exempt. */
	bool exposed;
};

/* Whether a tenant owns the login. Errors as submission_judge(). */
enum error login_usage_is_known(
    struct store_txn *txn, const struct login *login, bool *known_r) MUST_USE;

/*
 * Fills OUT from ROW, for the span from SINCE to NOW. Counts are of whole UTC days,
 * that of SINCE included. The row of usage_others() has counts and `used` only. A login
 * that was refused at AUTH only is judged from the last client of these. Errors
 * as submission_judge().
 */
enum error login_usage_read(struct store_txn *txn, const struct usage_row *row,
    instant since, instant now, struct login_usage *out_r) MUST_USE;
