/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_plan - the tenants that will be switched off, and what their contacts know */
#ifndef POLICY_CTL_NOTIFY_NOTICE_PLAN_H
#define POLICY_CTL_NOTIFY_NOTICE_PLAN_H

#include "policy/ctl/frame/ctl.h"
#include "policy/model/notice.h"

/* Mailboxes of one tenant that are named; of others only the number is kept. */
#define PENDING_MAILBOXES_MAX 500

struct pending {
	char tenant[TENANT_NAME_MAX + 1];
	char *contact; /* "" for none */
	instant enforce_from, tempfail_until;
	/* The notice of this plan, if there is one: */
	bool noticed;
	enum notice_state state;
	instant when;
	char *told; /* the contact then */
	/* In use and without an exception, each once, in order: */
	char **mailbox;
	size_t mailboxes;
	uint64_t more;
};

struct pending_list {
	struct pending *at;
	size_t count, room;
};

/* What is to be done about one. */
enum notice_plan_step {
	PENDING_SEND,
	PENDING_NO_CONTACT,
	PENDING_SENT,
	PENDING_FAILED,
	PENDING_UNFINISHED,
};

enum notice_plan_step notice_plan_step(const struct pending *p, bool resend);

/*
 * Adds the tenants whose plan lies in the future, in the order of names; with ONLY (a
 * name in lower case, or NULL) at most that one: ERR_NOTFOUND, in C's `why`, if there
 * is no such tenant.
 */
enum error notice_plan_list_read(struct pending_list *list, struct ctl *c,
    struct store_txn *txn, const char *only) MUST_USE;
void notice_plan_list_free(struct pending_list *list);

/*
 * Fills in the mailboxes of those that will get a message, from the usage of all
 * machines within the last PENDING_DAYS days. Errors as usage_sources_merge(), in C's
 * `why`.
 */
#define PENDING_DAYS 90
enum error notice_plan_list_survey(struct pending_list *list, struct ctl *c,
    struct store_txn *txn, const char *only, bool resend) MUST_USE;

/* Reads plan, contact and notice again; ERR_NOTFOUND: it has no such plan any more. */
enum error notice_plan_refresh(
    struct pending *p, struct store_txn *txn, instant now) MUST_USE;

#endif
