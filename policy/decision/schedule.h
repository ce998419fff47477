/* SPDX-License-Identifier: BSD-2-Clause */
/* schedule - coming changes of the decision for a login */
#pragma once

#include <stddef.h>

#include "policy/decision/submission.h"

#define SCHEDULE_MAX 16

/* From AT on the decision is this one. */
struct change {
	instant at;
	struct decision decision;
};

/*
 * The changes after the instant of S, whose outcome is NOW, in order: dates of the
 * tenant and of the mailbox at which verdict or reason become others, as far as the
 * policy is now. Puts up to SCHEDULE_MAX into OUT. Errors as submission_judge().
 */
enum error schedule_of(struct store_txn *txn, const struct submission *s,
    const struct outcome *now, struct change *out, size_t *n_r) MUST_USE;
