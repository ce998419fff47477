/* SPDX-License-Identifier: BSD-2-Clause */
/* overrule_sum - what overrules, at present, the settings that many changes make */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/decision/overrule.h"
#include "policy/identity/login.h"

#define OVERRULE_SUM_CAUSES 7 /* in overrule.h */

/* What was set: "mailbox u@acme.test", "" for nothing. */
struct overrule_example {
	char text[16 + LOGIN_MAX + 1];
};

struct overrule_sum {
	instant now;
	struct settings
	    none; /* which overrule nothing: the real ones may still change */
	/* The first one for each cause: */
	struct overrule_example example[OVERRULE_SUM_CAUSES];
	/* The first ones that were set to disabled, and are not locked: */
	struct overrule_example mailbox, tenant;
	struct overrule_example by_default; /* a tenant without an action of its own */
};

void overrule_sum_start(struct overrule_sum *o, instant now);

/* For the watcher of the changes, of any record. Errors of the store. */
enum error overrule_sum_note(struct overrule_sum *o, struct store_txn *txn,
    struct bytes key, struct bytes after) MUST_USE;

/* After the changes: the causes of overrule.h, by the settings S that hold then. */
unsigned overrule_sum_causes(struct overrule_sum *o, const struct settings *s);

/* A line for people on these causes, if there are any, with an example for each. */
void overrule_sum_remark(const struct overrule_sum *o, unsigned causes, FILE *err);
