/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_usage - the use of every tenant in a span of time */
#pragma once

#include "policy/usage/login_usage.h"
#include "policy/usage/usage_merge.h"

/* One tenant: what the policy says, and what its logins did. */
struct tenant_usage {
	char name[TENANT_NAME_MAX + 1];
	enum smtp_auth smtp_auth;
	instant enforce_from, tempfail_until;
	bool has_contact;
	uint64_t count[USAGE_KINDS]; /* of all its logins, in the span */
	instant first_seen, last_seen, last_use;
	uint32_t mailboxes; /* used in the span; 0: the tenant is unused */
	uint32_t excepted;  /* of these, with an exception that holds */
	uint32_t exposed;   /* of these, a disabled tenant would stop so many */
};

/* No use, by no tenant in particular. */
void tenant_usage_init(struct tenant_usage *t);

/* Adds the use of one login. */
void tenant_usage_add(struct tenant_usage *t, const struct login_usage *s);

struct tenant_usage_list {
	/* Set by the caller: */
	instant since, now; /* the span */
	const char *only;   /* the only tenant of interest, which exists; NULL: all */
	/* Set by tenant_usage_read(): */
	struct tenant_usage *at; /* in the order of names; some 200 bytes each */
	size_t count, room;
	/*
	 * The last use by a login without a row of its own, or INSTANT_NONE. It may be
	 * of any tenant that was not there yet.
	 */
	instant last_other;
};

/* Called for every login in the order of keys. Anything but OK ends the reading. */
typedef enum error tenant_usage_visit(void *arg, const struct login_usage *s);

/*
 * Reads MERGE to its end, against the policy of TXN. VISIT may be NULL; with `only`
 * logins of other tenants are not visited. After an error the list is empty.
 */
enum error tenant_usage_read(struct tenant_usage_list *list, struct store_txn *txn,
    struct usage_merge *merge, tenant_usage_visit *visit, void *arg,
    struct error_text *why) MUST_USE;
void tenant_usage_free(struct tenant_usage_list *list);

/*
 * Whether the coverage is good enough to call a tenant unused since SINCE: enough
 * machines (setting usage-nodes), all of which recorded since then without a gap, wrote
 * within the last day, and dropped nothing since then. OK, or ERR_PROTECTED with what
 * is missing, and the way out, in WHY.
 */
enum error tenant_usage_covers(const struct usage_coverage *coverage,
    unsigned hosts_wanted, instant since, instant now, struct error_text *why) MUST_USE;
