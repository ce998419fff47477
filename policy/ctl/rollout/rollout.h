/* SPDX-License-Identifier: BSD-2-Clause */
/* rollout - what the commands that switch SMTP AUTH off in stages have in common */
#ifndef POLICY_CTL_ROLLOUT_ROLLOUT_H
#define POLICY_CTL_ROLLOUT_ROLLOUT_H

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/usage/tenant_usage.h"

#define ROLLOUT_SPAN "90d" /* the default of --unused-for and --used-within */

/* The use of all tenants, and how much it can be relied on. */
struct rollout {
	struct tenant_usage_list usage;
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

/* "in use" for people, "in_use" for programs. */
const char *rollout_class_name(enum rollout_class class);
const char *rollout_class_key(enum rollout_class class);

/*
 * The start of a span that an option names ("90d"), ROLLOUT_SPAN where it is not given;
 * ERR_DATA for one that is none.
 */
enum error rollout_since(struct ctl *c, enum option_id id, instant *since_r) MUST_USE;

/*
 * Reads the usage of all sources, which are open, against the policy, since
 * `usage.since`; of tenant ONLY, or with "" of all. See tenant_usage_read().
 */
enum error rollout_read(struct ctl *c, const char *only, tenant_usage_visit *visit,
    void *arg, struct rollout *r) MUST_USE;
/* The same without a visit; where nothing was recorded, all tenants with no usage. */
enum error rollout_read_any(
    struct ctl *c, const char *only, struct rollout *r) MUST_USE;
void rollout_end(struct rollout *r);

/* A line for people: since when, on how many machines, what is missing. */
void rollout_print_coverage(struct ctl *c, const struct rollout *r);

/* The same for programs, which read it on standard error. */
void rollout_warn(struct ctl *c, const struct rollout *r);

/* The instant as RFC 3339, or "" for none, in BUF (INSTANT_TEXT_MAX bytes). */
const char *rollout_time(instant t, char *buf);

#endif
