/* SPDX-License-Identifier: BSD-2-Clause */
/* usage - how a login used SMTP AUTH: the facts, how they add up, and their bytes */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/cidr.h"
#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/base/record.h"
#include "policy/decision/decision.h"
#include "policy/identity/login.h"

/*
 * One MAIL FROM of an authenticated session is one submission. What a person or a
 * device submits itself is *seen*; what of that passes is *use*; what passes as exempt
 * (webmail and the like) is neither.
 */
enum usage_kind { USAGE_ALLOWED, USAGE_DENIED, USAGE_WOULD_DENY, USAGE_EXEMPT };
#define USAGE_KINDS 4

/* What a decision counts as; false where it counts as nothing. */
bool usage_kind_of(const struct decision *d, enum usage_kind *kind_r);

/* Submissions that were not exempt. */
uint64_t usage_submissions(const uint64_t *count);

#define USAGE_LISTENER_MAX 80 /* bytes of a name that is kept */

/* All that is kept for good of one login. INSTANT_NONE: never. */
struct usage {
	instant first_seen, last_seen;
	instant last_use;          /* what passed */
	instant last_password_use; /* ... by a mechanism that proves a password only */
	instant last_exempt;
	/* Of the last time seen: */
	bool has_client;
	struct cidr_ip client;
	uint8_t mechanism;                     /* see usage_mechanism_code() */
	uint8_t tls;                           /* see usage_tls_code() */
	char listener[USAGE_LISTENER_MAX + 1]; /* "": none, or a longer name */
	/* Seen from a client that is not on this machine, or not known. */
	bool elsewhere;
	/* No tenant owned the login whenever it was recorded. See usage_database.h. */
	bool stranger;
};

/* One day of a login, in UTC. */
struct usage_day {
	uint32_t day; /* since 1970-01-01 */
	uint32_t count[USAGE_KINDS];
	uint32_t mechanisms; /* a set of their codes; not of what was exempt */
};

/* What one login did on one day. */
struct usage_entry {
	struct login login;
	struct usage usage;
	struct usage_day day;
};

#define USAGE_SECONDS_A_DAY 86400

/* The days of one login that are kept, at most: usage-retention's limit and slack. */
#define USAGE_DAYS_MAX 3700

struct auth_denied;

/* All of one login; `day`, in order, and `auth_denied` are borrowed. */
struct usage_row {
	struct login login;
	struct usage usage;
	size_t days;
	const struct usage_day *day;
	/* Its refusals at AUTH, which are no usage; NULL: none. See auth_denied.h. */
	const struct auth_denied *auth_denied;
};

/* Whether the row has any usage: a login may have been refused at AUTH only. */
bool usage_row_is_used(const struct usage_row *row);

/*
 * The row of all logins that have none of their own has an empty login, which comes
 * before all others.
 */
void usage_others(struct login *out_r);
bool usage_is_others(const struct login *login);
/* Makes the entry one of these, which have no client. */
void usage_entry_make_others(struct usage_entry *entry);

/* Nothing seen. */
void usage_init(struct usage *u);

/* Sets the listener: a name over USAGE_LISTENER_MAX, or one that is no line, is "". */
void usage_set_listener(struct usage *u, const char *name);

/* The later of two instants, INSTANT_NONE being before all; and the earlier. */
instant usage_later(instant a, instant b);
instant usage_earlier(instant a, instant b);

/* Adds what FROM saw to INTO. The order is free; a second time changes nothing. */
void usage_add(struct usage *into, const struct usage *from);

/* Adds up the counts (they stop at UINT32_MAX) and mechanisms; the day stays. */
void usage_day_add(struct usage_day *into, const struct usage_day *from);

/* The UTC day of T; 0 before 1970. */
uint32_t usage_day_of(instant t);

/*
 * Mechanisms and TLS versions as small numbers: what is not in the tables is "other",
 * and 0 is what the MTA did not tell. Names are those of the MTA, in upper case, and
 * "TLSv1.3" as OpenSSL spells it; that of 0 is "".
 */
#define USAGE_MECHANISM_CODES 20
#define USAGE_TLS_CODES 7
uint8_t usage_mechanism_code(const char *name);
const char *usage_mechanism_name(uint8_t code);
uint8_t usage_tls_code(const char *name);
const char *usage_tls_name(uint8_t code);

/* A set of mechanisms with "other" for those that only a newer version knows. */
uint32_t usage_mechanisms_known(uint32_t set);

/* The names of a set of mechanisms, separated by commas, into BUF. */
#define USAGE_MECHANISMS_TEXT_MAX 300 /* bytes of BUF */
const char *usage_mechanisms_print(uint32_t set, char *buf);

#define USAGE_BYTES_MAX (62 + USAGE_LISTENER_MAX)

/*
 * The bytes of both, the day's without the day itself. Decoders take a whole record,
 * readers one of several, whose `failed` is not set. ERR_DAMAGED, ERR_NEWER.
 */
void usage_encode(const struct usage *u, struct record_writer *w);
enum error usage_decode(struct bytes from, struct usage *out_r) MUST_USE;
enum error usage_read(struct record_reader *r, struct usage *out_r) MUST_USE;
void usage_day_encode(const struct usage_day *d, struct record_writer *w);
enum error usage_day_decode(struct bytes from, struct usage_day *out_r) MUST_USE;
enum error usage_day_read(struct record_reader *r, struct usage_day *out_r) MUST_USE;
