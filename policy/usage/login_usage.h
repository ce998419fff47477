/* SPDX-License-Identifier: BSD-2-Clause */
/* login_usage - where a login stands: its use in a span of time, and what it gets now
 */
#ifndef POLICY_USAGE_LOGIN_USAGE_H
#define POLICY_USAGE_LOGIN_USAGE_H

#include "policy/decision/submission.h"
#include "policy/store/store.h"
#include "policy/usage/usage.h"

struct login_usage {
	/* From the first day of the span on, to the end. */
	uint64_t count[USAGE_KINDS];
	uint32_t mechanisms;
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
	/* The same, and not stopped already by its own setting or a lock, nor exempt.
	 */
	bool exposed;
};

/* Whether a tenant owns the login. Errors as submission_judge(). */
enum error login_usage_is_known(
    struct store_txn *txn, const struct login *login, bool *known_r) MUST_USE;

/*
 * Where the login of ROW stands at NOW, the span beginning at SINCE. The counts are
 * those of whole UTC days, so the day of SINCE counts wholly. Of usage_others()
 * nothing but these and `used` is known. Errors as submission_judge().
 */
enum error login_usage_of(struct store_txn *txn, const struct usage_row *row,
    instant since, instant now, struct login_usage *out_r) MUST_USE;

/* Submissions that were not exempt. */
uint64_t login_usage_submissions(const struct login_usage *s);

#endif
