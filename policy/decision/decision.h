/* SPDX-License-Identifier: BSD-2-Clause */
/* decision - the table of rules, as one pure function */
#pragma once

#include <stdbool.h>

#include "policy/base/cidr.h"
#include "policy/base/instant.h"
#include "policy/model/mailbox.h"
#include "policy/model/settings.h"
#include "policy/model/tenant.h"

/* In order, the strictest last. */
enum verdict {
	VERDICT_PASS, /* not authenticated: none of our business */
	VERDICT_ALLOW,
	VERDICT_REPORT, /* would be denied; passes and is counted */
	VERDICT_TEMPFAIL,
	VERDICT_REJECT,
};

enum reason {
	REASON_UNAUTHENTICATED,
	REASON_LOCKED,
	REASON_EXEMPT_CLIENT,
	REASON_EXEMPT_LISTENER,
	REASON_INVALID_LOGIN,
	REASON_UNKNOWN_TENANT,
	REASON_MAILBOX_DISABLED,
	REASON_MAILBOX_ENABLED,
	REASON_TENANT_ENABLED,
	REASON_MODERN_AUTH,
	REASON_SCHEDULED,
	REASON_TENANT_DISABLED,
	REASON_STORE_ERROR,
};

/* Whether the mailbox's own setting held. */
enum override {
	OVERRIDE_NONE,
	OVERRIDE_HELD,
	OVERRIDE_EXPIRED,
	OVERRIDE_OTHER_CLIENT, /* the client is not in its list */
};

/* What is known of this transaction. Strings are never NULL. */
struct facts {
	bool authenticated;
	bool valid_login;
	bool has_client;
	struct cidr_ip client;
	const char *listener;             /* "" where the MTA names none */
	const char *mechanism;            /* "" counts as a password mechanism */
	bool tenant_locked, login_locked; /* by a lock that holds now */
};

struct decision {
	enum verdict verdict;
	enum reason reason;
	enum override override;
	bool login_locked; /* REASON_LOCKED is of login or mailbox, not of the tenant */
};

/*
 * The first matching row wins. TENANT is NULL when the login has none, MAILBOX when
 * it has no record. Pure: no I/O, no allocation, no clock.
 */
struct decision decision_make(const struct settings *settings,
    const struct tenant *tenant, const struct mailbox *mailbox,
    const struct facts *facts, instant now);

/* The verdict and reason of a store that cannot be trusted. ACTION is on-error. */
struct decision decision_store_error(enum action action);

/*
 * Whether A denies more than B: of two readings of one login the stricter decision
 * holds. Of two with one verdict neither is stricter.
 */
bool decision_is_stricter(const struct decision *a, const struct decision *b);

/* Whether the mechanism proves more than a password: XOAUTH2, GSSAPI and the like. */
bool decision_is_modern(const char *mechanism);

/* Whether the mail passes. */
bool decision_passes(enum verdict v);

const char *decision_verdict_name(enum verdict v);
const char *decision_reason_name(enum reason r);
