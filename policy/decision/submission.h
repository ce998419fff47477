/* SPDX-License-Identifier: BSD-2-Clause */
/* submission - one MAIL FROM of a session: its login and the decision */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/text.h"
#include "policy/decision/decision.h"
#include "policy/identity/login.h"
#include "policy/identity/mta.h"
#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/tenant.h"
#include "policy/store/store.h"

/* What the MTA says. Strings are never NULL; "" for what it does not say. */
struct submission {
	const char *login; /* as the MTA has it; empty: not authenticated */
	size_t login_len;
	bool normal;  /* the login is in normal form, as stored: nothing is decoded */
	enum mta mta; /* MTA_SENDMAIL: the login is xtext */
	const char *client, *listener, *mechanism;
	instant now;
};

/* What was found, and the decision. */
struct outcome {
	struct decision decision;
	/*
	 * The decision denies, but might not if the client's address or the listener's
	 * name had been given: there is an exemption, or the mailbox has networks.
	 */
	bool unsure;
	bool has_login, has_tenant, has_mailbox; /* which of the following are set */
	struct login login; /* the login in normal form, after aliases */
	struct tenant tenant;
	struct mailbox mailbox;                    /* the mailbox's own setting */
	struct lock_state tenant_lock, login_lock; /* whatever the login is */
};

/*
 * Judges S by the snapshot TXN, and writes how the login was understood to STEPS (may
 * be NULL), one line a step. Returns OK when OUT holds a decision; any other value is a
 * store error, and OUT must not be used. Either counts only if store_check() says so
 * afterwards. No allocation for a plain ASCII login, no system call.
 */
enum error submission_judge(struct store_txn *txn, const struct submission *s,
    struct outcome *out, struct text *steps) MUST_USE;

/* The mailbox's address, or "" if the login has none. */
const char *submission_mailbox(const struct outcome *o);

/* The tenant's name, or "". */
const char *submission_tenant(const struct outcome *o);
