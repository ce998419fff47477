/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_plan - the tenants that will be switched off, and what their contacts know */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/model/notice.h"

/* Mailboxes of one tenant that are named; of others only the number is kept. */
#define NOTICE_PLAN_MAILBOXES_MAX 500

struct notice_plan {
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

struct notice_plan_list {
	struct notice_plan *at;
	size_t count, room;
};

/* What is to be done about one, and what became of it. */
enum notice_step {
	NOTICE_STEP_SEND,
	NOTICE_STEP_NO_CONTACT,
	NOTICE_STEP_ALREADY_SENT,
	NOTICE_STEP_UNFINISHED,
	NOTICE_STEP_FAILED,
	NOTICE_STEP_SENT,
};

/* All but SEND are why nothing is to be sent. */
enum notice_step notice_plan_step(const struct notice_plan *p, bool resend);

/*
 * Fills LIST with the tenants whose plan lies in the future, in the order of names;
 * with ONLY (a name in lower case, or NULL) at most that one: ERR_NOTFOUND if there is
 * no such tenant. Errors in C's `why`. notice_plan_list_free() also after an error.
 */
enum error notice_plan_list_read(
    struct notice_plan_list *list, struct ctl *c, const char *only) MUST_USE;
void notice_plan_list_free(struct notice_plan_list *list);

/*
 * Fills in the mailboxes of those that will get a message, from the usage of all
 * machines within the last NOTICE_PLAN_DAYS days. Errors as usage_sources_merge(), in
 * C's `why`.
 */
#define NOTICE_PLAN_DAYS 90
enum error notice_plan_list_find_mailboxes(struct notice_plan_list *list, struct ctl *c,
    const char *only, bool resend) MUST_USE;

/* Reads plan, contact and notice again; not found: it has no such plan any more. */
enum error notice_plan_refresh(
    struct notice_plan *p, struct store_txn *txn, instant now, bool *found_r) MUST_USE;
