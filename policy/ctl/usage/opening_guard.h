/* SPDX-License-Identifier: BSD-2-Clause */
/* opening_guard - what would let logins pass that are refused now */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/model/tenant.h"

/*
 * For commands that could open what is closed by anything but a login's own setting.
 * They have the options --force and --dry-run, begin here, make the change, and then
 * ask here, before they commit.
 */
#define OPENING_GUARD_DAYS 90

/*
 * Refuses what the words say: ERR_PROTECTED with the way out. With --force or --dry-run
 * they are a remark, and this is OK.
 */
enum error opening_guard_refuse(struct ctl *c, const char *fmt, ...) MUST_USE
    __attribute__((format(printf, 2, 3)));

/* CAUSE is what is known without the usage, as a clause; NULL: nothing. */
struct opening {
	const char *cause;
	bool harmless;  /* as far as the policy alone tells */
	bool exempts;   /* networks or listeners are exempted by the change */
	bool listeners; /* ... listeners; of most of the usage they may not be known */
	bool by_settings; /* only what exemptions and unknown-tenant let pass counts */
};

/* Whether NOW exempts networks or listeners that BEFORE does not. */
void opening_guard_exempts(struct opening *opening_r, const struct settings *before,
    const struct settings *now);

/* Whether NOW exempts a wide network that BEFORE does not; CAUSE says so, as a clause.
 */
bool opening_guard_wide(
    const struct settings *before, const struct settings *now, char *cause, size_t cap);

/*
 * Reads the usage and begins the command's transaction. What is wrong with the usage is
 * for opening_guard_check(): the usage belongs to another user, who must not keep root
 * from a change.
 */
enum error opening_guard_begin(struct ctl *c) MUST_USE;

/*
 * Compares the policy as it was with that of C's transaction, for each login of the
 * last 90 days. ERR_PROTECTED, with C's `why`, where some of them would pass now, where
 * most submissions of that time are of logins that become exempt, or where there is a
 * cause. With --force or --dry-run this is a remark. A usage that cannot be read is a
 * cause of its own; one that has not begun is none.
 */
enum error opening_guard_check(struct ctl *c, const struct opening *opening) MUST_USE;

/* What follows "tenant T does not": "" for one that is enabled. */
const char *opening_guard_less(const struct tenant *t);
