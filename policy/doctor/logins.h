/* SPDX-License-Identifier: BSD-2-Clause */
/* logins - the logins that were seen on this machine, and what the policy makes of them
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/instant.h"
#include "policy/doctor/checks.h"
#include "policy/identity/mta.h"
#include "policy/usage/usage_merge.h"

/* Different pairs of client and login that are kept. */
#define LOGINS_MAX 10000

/* One sight of a login. */
struct login_seen {
	const char *login; /* as the MTA has it, or in normal form */
	const char *client;
	enum mta mta;        /* MTA_SENDMAIL: the login is xtext */
	bool normal;         /* the login is in normal form */
	instant at;          /* INSTANT_NONE: not known */
	bool mail;           /* a message was accepted */
	const char *program; /* that took the message */
};

struct logins;

struct logins *logins_new(void);
void logins_free(struct logins **logins);

/* Adds it; beyond LOGINS_MAX a new one is left out. False: out of memory. */
bool logins_add(struct logins *logins, const struct login_seen *seen);

/*
 * Adds those of the usage that were seen in the last 30 days of it. UNTIL_R is its end.
 * Errors of reading it, with WHY.
 */
enum error logins_add_usage(struct logins *logins, struct usage_merge *usage,
    instant *until_r, struct error_text *why) MUST_USE;

size_t logins_count(const struct logins *logins);

/*
 * Judges all of them by the policy as it is now, and adds the findings about those of
 * no tenant, those that cannot be read, and those from this machine itself. WHERE is
 * where they were seen, UNTIL the last time that is known there: a login from this
 * machine counts within a day of it, as somebody's test is no webmail.
 */
void logins_say(
    struct checks *c, struct logins *logins, const char *where, instant until);

/*
 * The finding about logins whose mail the MTA accepted while the daemon ran and
 * recorded nothing of them. Errors of reading the usage, with WHY.
 */
enum error logins_compare(struct checks *c, struct logins *logins,
    struct usage_merge *usage, struct error_text *why) MUST_USE;
