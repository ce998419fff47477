/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_usage - the use of every tenant in a span of time */
#ifndef POLICY_USAGE_TENANT_USAGE_H
#define POLICY_USAGE_TENANT_USAGE_H

#include "policy/usage/login_usage.h"
#include "policy/usage/usage_merge.h"

/* One tenant: what the policy says, and what its logins did. */
struct tenant_usage_tenant {
	char name[TENANT_NAME_MAX + 1];
	enum smtp_auth smtp_auth;
	enum blocks blocks;
	instant enforce_from, tempfail_until;
	bool has_contact;
	uint64_t count[USAGE_KINDS]; /* of all its logins, in the span */
	instant first_seen, last_seen, last_use;
	uint32_t mailboxes; /* used in the span; 0: the tenant is unused */
	uint32_t excepted;  /* of these, with an exception that holds */
	uint32_t exposed;   /* of these, a disabled tenant would stop so many */
};

struct survey;

/*
 * Called for every login in the order of keys, with the place of its tenant among
 * tenant_usage_tenant(), or SURVEY_NO_TENANT. Anything but OK ends the survey.
 */
#define SURVEY_NO_TENANT SIZE_MAX
typedef enum error survey_visit(void *arg, size_t tenant, const struct usage_row *row,
    const struct login_usage *standing);

/*
 * Reads MERGE to its end, against the policy of TXN. SINCE is the start of the span.
 * VISIT may be NULL. With ONLY (the name of a tenant that exists, or NULL) the others
 * are left out of the list, and logins of theirs are not visited. Memory: some 200
 * bytes a tenant.
 */
enum error tenant_usage_run(struct survey **survey_r, struct store_txn *txn,
    struct usage_merge *merge, instant since, instant now, const char *only,
    survey_visit *visit, void *arg, struct error_text *why) MUST_USE;
void tenant_usage_free(struct survey **survey);

/* Tenant I in the order of names, or NULL past the end; borrowed. */
const struct tenant_usage_tenant *tenant_usage_tenant(
    const struct survey *survey, size_t i);

/*
 * When a login passed last of those that have no row of their own; INSTANT_NONE: none.
 * It may be of any tenant that was not there yet.
 */
instant tenant_usage_last_other(const struct survey *survey);

/*
 * Whether the coverage of MERGE is good enough to call a tenant unused since SINCE:
 * enough machines (setting usage-nodes), all of them record since then without a gap,
 * all of them have written within the last day, and nothing was dropped since then.
 * OK, or ERR_PROTECTED with what is missing, and the way out, in WHY.
 */
enum error tenant_usage_covers(const struct usage_coverage *coverage,
    unsigned nodes_wanted, instant since, instant now, struct error_text *why) MUST_USE;

#endif
