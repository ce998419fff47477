/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout - what the commands that switch SMTP AUTH off in stages have in common */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/usage/tenant_usage.h"

/* The use of all tenants, and how much it can be relied on. */
struct rollout {
	char only[TENANT_NAME_MAX + 1]; /* of --tenant, or "" */
	struct tenant_usage_list usage; /* tenant_usage_free() it */
	struct usage_coverage coverage;
	bool covered;          /* the data are good enough to call a tenant unused */
	struct error_text gap; /* what is missing, where they are not */
};

/* Where a tenant stands. */
enum rollout_class {
	ROLLOUT_DISABLED,
	ROLLOUT_SCHEDULED, /* disabled, and its dates are still to come */
	ROLLOUT_UNUSED,
	ROLLOUT_IN_USE,
};

enum rollout_class rollout_class(const struct tenant_usage *t, instant now);

/*
 * Begins the command: the span that option ID names, or 90d; the usage of all sources;
 * its transaction; and --tenant, which has to exist.
 */
enum error rollout_begin(struct ctl *c, enum option_id id, struct rollout *r) MUST_USE;

/*
 * Reads the usage of all sources, which are open, against the policy, since
 * `usage.since`; see tenant_usage_read(). ERR_MISSING where nothing was recorded; with
 * ANY all tenants with no use.
 */
enum error rollout_read(struct ctl *c, struct rollout *r, bool any,
    tenant_usage_visit *visit, void *arg) MUST_USE;

/* A line for people: since when, on how many machines, what is missing. */
void rollout_print_coverage(struct ctl *c, const struct rollout *r);
