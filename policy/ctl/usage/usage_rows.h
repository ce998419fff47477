/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_rows - the logins that did something in a span of time, as they are listed */
#ifndef POLICY_CTL_USAGE_USAGE_ROWS_H
#define POLICY_CTL_USAGE_USAGE_ROWS_H

#include "policy/ctl/frame/ctl.h"
#include "policy/decision/override.h"
#include "policy/usage/login_usage.h"
#include "policy/usage/usage_merge.h"

/* One login, kept small: there may be millions. */
struct usage_line {
	instant first_seen, last_seen, last_use, last_exempt;
	uint64_t count[USAGE_KINDS]; /* of whole days of the span */
	instant until;               /* of the mailbox's own setting */
	struct cidr_ip client;
	uint32_t mechanisms;
	uint32_t place; /* among all logins in the order of keys */
	bool has_client, has_tenant;
	uint8_t tls;
	uint8_t verdict, reason, override, setting;
	uint16_t mailbox, tenant; /* where they begin in `text` */
	char text[];              /* the login, the mailbox, the tenant */
};

struct usage_lines {
	struct usage_line **at;
	size_t count, room;
};

const char *usage_line_login(const struct usage_line *l);
/* Whether it is the line of usage_others(), without a login: the last one. */
bool usage_line_is_others(const struct usage_line *l);
/* "" where no tenant knows the login, or it has no domain. */
const char *usage_line_mailbox(const struct usage_line *l);
const char *usage_line_tenant(const struct usage_line *l);
uint64_t usage_line_submissions(const struct usage_line *l);

/*
 * Why the mailbox's own setting does or does not hold, in the words of "check", or "";
 * in BUF (OVERRIDE_TEXT_MAX bytes).
 */
const char *usage_line_override(const struct usage_line *l, char *buf);

/*
 * Reads MERGE to its end and keeps what happened since the UTC day of SINCE, of tenant
 * ONLY (or NULL). In the order of the list: logins of tenants first, then those of
 * none, the newest first, those of one moment in the order of keys. With WHY in C.
 */
enum error usage_lines_read(struct usage_lines *lines, struct ctl *c,
    struct usage_merge *merge, instant since, const char *only) MUST_USE;
void usage_lines_free(struct usage_lines *lines);

/*
 * The value of --since, a span or a time that is past, or DAYS ago where it is not
 * given; ERR_DATA.
 */
enum error usage_since(struct ctl *c, unsigned days, instant *since_r) MUST_USE;

#endif
