/* SPDX-License-Identifier: BSD-2-Clause */
/* steps - how a login was understood, in lines for people */
#pragma once

#include "policy/base/text.h"
#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/tenant.h"

/*
 * Each adds a line to STEPS; with NULL, on the decision path, nothing happens at all.
 */
void steps_add(struct text *steps, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* LABEL and the N bytes of a login, fit for a terminal. */
void steps_login(struct text *steps, const char *label, const char *s, size_t n);

/* The tenant with all that bears on the decision: action, blocks, dates, lock. */
void steps_tenant(struct text *steps, const struct tenant *t,
    const struct lock_state *lock, instant now);

/* The lock of a login under this name. */
void steps_lock(struct text *steps, const struct login *name,
    const struct lock_state *lock, instant now);

/* The mailbox's own setting (M NULL: it has none) and its lock. */
void steps_mailbox(struct text *steps, const struct mailbox *m,
    const struct lock_state *lock, instant now);
