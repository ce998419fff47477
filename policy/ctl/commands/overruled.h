/* SPDX-License-Identifier: BSD-2-Clause */
/* overruled - says what holds at present instead of a setting that was made */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/identity/login.h"
#include "policy/model/mailbox.h"
#include "policy/model/tenant.h"

/* The causes of overrule.h for what is stored. */
enum error overruled_tenant(
    struct ctl *c, const struct tenant *t, unsigned *causes_r) MUST_USE;
enum error overruled_mailbox(struct ctl *c, const struct login *address,
    const struct mailbox *m, unsigned *causes_r) MUST_USE;

/* One line on the setting KEY, which is VALUE now, if anything overrules it. */
void overruled_remark_setting(struct ctl *c, const char *key, const char *value);

/* One line on the setting of T, if anything overrules it. */
enum error overruled_remark_tenant(struct ctl *c, const struct tenant *t) MUST_USE;

/*
 * The same of a mailbox that was BEFORE and is M now, and a line each for the time and
 * the networks that went with the old setting.
 */
enum error overruled_remark_mailbox(struct ctl *c, const struct login *address,
    const struct mailbox *before, const struct mailbox *m) MUST_USE;
