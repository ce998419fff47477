/* SPDX-License-Identifier: BSD-2-Clause */
/* overrule_sum - what overrules, at present, the settings that many changes make */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/decision/overrule.h"
#include "policy/identity/login.h"

struct overrule_sum {
	instant now;
	struct settings
	    none;        /* which overrule nothing: the real ones may still change */
	unsigned causes; /* dates, locks and actions of what was set */
	/* Whether something was set to disabled, and is not locked: */
	bool mailbox, tenant, tenant_by_default; /* the last has no action of its own */
	char first[16 + LOGIN_MAX + 1];          /* "mailbox u@acme.test", or "" */
};

void overrule_sum_start(struct overrule_sum *o, instant now);

/* For the watcher of the changes, of any record. Errors of the store. */
enum error overrule_sum_note(struct overrule_sum *o, struct store_txn *txn,
    struct bytes key, struct bytes after) MUST_USE;

/* The causes of overrule.h, by the settings S that hold after the changes. */
unsigned overrule_sum_causes(const struct overrule_sum *o, const struct settings *s);

/* A line for people on these causes, if there are any. */
void overrule_sum_remark(const struct overrule_sum *o, unsigned causes, FILE *err);
