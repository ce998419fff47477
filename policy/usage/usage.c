/* SPDX-License-Identifier: BSD-2-Clause */
/* usage - how a login used SMTP AUTH: the facts, how they add up, and their bytes */
#include "policy/usage/usage.h"

#include <string.h>
#include <strings.h>

#include "policy/base/text.h"

#define USAGE_VERSION 3
#define DAY_VERSION 1

/* Stored by their place: new ones go to the end. */
static const char *const mechanisms[USAGE_MECHANISM_CODES] = {"", "OTHER", "PLAIN",
    "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER", "EXTERNAL",
    "GSSAPI", "GSS-SPNEGO", "NTLM", "APOP", "ANONYMOUS", "XCLIENT", "OTP"};
static const char *const tls_versions[USAGE_TLS_CODES] = {
    "", "other", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};

bool
usage_kind_of(const struct decision *d, enum usage_kind *kind_r)
{
	if (d->verdict == VERDICT_PASS || d->reason == REASON_STORE_ERROR)
		return false;
	if (d->reason == REASON_EXEMPT_CLIENT || d->reason == REASON_EXEMPT_LISTENER)
		*kind_r = USAGE_EXEMPT;
	else if (d->verdict == VERDICT_ALLOW)
		*kind_r = USAGE_ALLOWED;
	else if (d->verdict == VERDICT_REPORT)
		*kind_r = USAGE_WOULD_DENY;
	else
		*kind_r = USAGE_DENIED;
	return true;
}

uint64_t
usage_submissions(const uint64_t *count)
{
	return count[USAGE_ALLOWED] + count[USAGE_DENIED] + count[USAGE_WOULD_DENY];
}

/* The bits of a record's flags; version 1 had the first only, version 2 three. */
#define HAS_CLIENT 1
#define ELSEWHERE 2
#define STRANGER 4
#define HAS_LISTENER 8

void
usage_others(struct login *out_r)
{
	memset(out_r, 0, sizeof *out_r);
}

bool
usage_is_others(const struct login *login)
{
	return login->len == 0;
}

void
usage_entry_make_others(struct usage_entry *entry)
{
	struct usage *u = &entry->usage;

	usage_others(&entry->login);
	u->has_client = u->elsewhere = u->stranger = false;
	memset(&u->client, 0, sizeof u->client);
	u->mechanism = u->tls = 0;
	usage_set_listener(u, "");
}

void
usage_init(struct usage *u)
{
	memset(u, 0, sizeof *u);
	u->first_seen = u->last_seen = INSTANT_NONE;
	u->last_use = u->last_password_use = u->last_exempt = INSTANT_NONE;
}

bool
usage_row_is_used(const struct usage_row *row)
{
	return row->days > 0 || row->usage.last_seen != INSTANT_NONE ||
	    row->usage.last_exempt != INSTANT_NONE;
}

void
usage_set_listener(struct usage *u, const char *name)
{
	size_t n = strlen(name);

	memset(u->listener, 0, sizeof u->listener);
	if (n <= USAGE_LISTENER_MAX && text_is_line(name, n))
		memcpy(u->listener, name, n);
}

instant
usage_later(instant a, instant b)
{
	return a > b ? a : b; /* INSTANT_NONE is the least of all */
}

instant
usage_earlier(instant a, instant b)
{
	if (a == INSTANT_NONE || b == INSTANT_NONE)
		return usage_later(a, b);
	return a < b ? a : b;
}

/* is_later - which was seen last; of one second, any that all would choose */
static bool
is_later(const struct usage *a, const struct usage *b)
{
	int order;

	if (a->last_seen != b->last_seen)
		return a->last_seen > b->last_seen;
	if (a->last_seen == INSTANT_NONE)
		return false;
	if (a->has_client != b->has_client)
		return a->has_client;
	order = memcmp(&a->client, &b->client, sizeof a->client);
	if (a->has_client && order != 0)
		return order > 0;
	if (a->mechanism != b->mechanism)
		return a->mechanism > b->mechanism;
	if (a->tls != b->tls)
		return a->tls > b->tls;
	return strcmp(a->listener, b->listener) > 0;
}

void
usage_add(struct usage *into, const struct usage *from)
{
	if (is_later(from, into)) {
		into->has_client = from->has_client;
		into->client = from->client;
		into->mechanism = from->mechanism;
		into->tls = from->tls;
		memcpy(into->listener, from->listener, sizeof into->listener);
	}
	into->elsewhere = into->elsewhere || from->elsewhere;
	into->stranger = into->stranger && from->stranger;
	into->first_seen = usage_earlier(into->first_seen, from->first_seen);
	into->last_seen = usage_later(into->last_seen, from->last_seen);
	into->last_use = usage_later(into->last_use, from->last_use);
	into->last_password_use =
	    usage_later(into->last_password_use, from->last_password_use);
	into->last_exempt = usage_later(into->last_exempt, from->last_exempt);
}

void
usage_day_add(struct usage_day *into, const struct usage_day *from)
{
	for (int i = 0; i < USAGE_KINDS; i++) {
		uint64_t sum = (uint64_t)into->count[i] + from->count[i];

		into->count[i] = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
	}
	into->mechanisms |= from->mechanisms;
}

uint32_t
usage_day_of(instant t)
{
	return t < 0 ? 0 : (uint32_t)(t / USAGE_SECONDS_A_DAY);
}

/* code_of - a place in a table: 0 for "", 1 for a name that is not there */
static uint8_t
code_of(const char *const *names, uint8_t n, const char *name)
{
	if (*name == '\0')
		return 0;
	for (uint8_t i = 2; i < n; i++)
		if (strcasecmp(names[i], name) == 0)
			return i;
	return 1;
}

uint8_t
usage_mechanism_code(const char *name)
{
	return code_of(mechanisms, USAGE_MECHANISM_CODES, name);
}

const char *
usage_mechanism_name(uint8_t code)
{
	return mechanisms[code < USAGE_MECHANISM_CODES ? code : 1];
}

uint8_t
usage_tls_code(const char *name)
{
	return code_of(tls_versions, USAGE_TLS_CODES, name);
}

const char *
usage_tls_name(uint8_t code)
{
	return tls_versions[code < USAGE_TLS_CODES ? code : 1];
}

uint32_t
usage_mechanisms_known(uint32_t set)
{
	return set >> USAGE_MECHANISM_CODES != 0 ? set | UINT32_C(1) << 1 : set;
}

const char *
usage_mechanisms_print(uint32_t set, char *buf)
{
	struct text t;

	set = usage_mechanisms_known(set);
	text_init(&t, buf, USAGE_MECHANISMS_TEXT_MAX);
	for (uint8_t i = 1; i < USAGE_MECHANISM_CODES; i++)
		if (set & (UINT32_C(1) << i))
			text_printf(&t, "%s%s", t.len > 0 ? "," : "", mechanisms[i]);
	return buf;
}

void
usage_encode(const struct usage *u, struct record_writer *w)
{
	record_put_u8(w, USAGE_VERSION);
	record_put_u64(w, (uint64_t)u->first_seen);
	record_put_u64(w, (uint64_t)u->last_seen);
	record_put_u64(w, (uint64_t)u->last_use);
	record_put_u64(w, (uint64_t)u->last_password_use);
	record_put_u64(w, (uint64_t)u->last_exempt);
	record_put_u8(w, u->mechanism);
	record_put_u8(w, u->tls);
	record_put_u8(w,
	    (uint8_t)((u->has_client ? HAS_CLIENT : 0) |
		(u->elsewhere ? ELSEWHERE : 0) | (u->stranger ? STRANGER : 0) |
		(u->listener[0] != '\0' ? HAS_LISTENER : 0)));
	if (u->has_client)
		record_put_bytes(w, u->client.byte, sizeof u->client.byte);
	if (u->listener[0] != '\0')
		record_put_string(w, u->listener);
}

/* get_instant - one of our years, or none: it will be printed */
static instant
get_instant(struct record_reader *r)
{
	instant t = (instant)record_get_u64(r);

	if (t != INSTANT_NONE && !instant_is_valid(t))
		r->failed = true;
	return t;
}

/* get_listener - a name that can be printed */
static void
get_listener(struct record_reader *r, struct usage *u)
{
	char name[USAGE_LISTENER_MAX + 1] = "";

	record_get_string(r, name, sizeof name);
	usage_set_listener(u, r->failed ? "" : name);
	if (u->listener[0] == '\0')
		r->failed = true;
}

/*
 * get_flags - and client and listener; version 1 did not note where else a login was
 * seen, version 2 no listener
 */
static void
get_flags(struct record_reader *r, uint8_t version, struct usage *u)
{
	static const uint8_t most[] = {0, HAS_CLIENT, HAS_CLIENT | ELSEWHERE | STRANGER,
	    HAS_CLIENT | ELSEWHERE | STRANGER | HAS_LISTENER};
	uint8_t flags = record_get_u8(r);

	if (flags > most[version])
		r->failed = true;
	u->has_client = flags & HAS_CLIENT;
	if (u->has_client)
		record_get_bytes(r, u->client.byte, sizeof u->client.byte);
	if (flags & HAS_LISTENER)
		get_listener(r, u);
	u->stranger = flags & STRANGER;
	u->elsewhere = flags & ELSEWHERE;
	if (version == 1)
		u->elsewhere = u->first_seen != INSTANT_NONE &&
		    !(u->has_client && cidr_ip_is_loopback(&u->client));
}

enum error
usage_read(struct record_reader *r, struct usage *out_r)
{
	uint8_t version = r->left > 0 ? r->at[0] : 0;
	enum error e =
	    record_read_version(r, (struct bytes){r->at, r->left}, USAGE_VERSION);

	usage_init(out_r);
	if (e != OK)
		return e;
	out_r->first_seen = get_instant(r);
	out_r->last_seen = get_instant(r);
	out_r->last_use = get_instant(r);
	out_r->last_password_use = get_instant(r);
	out_r->last_exempt = get_instant(r);
	out_r->mechanism = record_get_u8(r);
	out_r->tls = record_get_u8(r);
	get_flags(r, version, out_r);
	return r->failed ? ERR_DAMAGED : OK;
}

enum error
usage_decode(struct bytes from, struct usage *out_r)
{
	struct record_reader r = {.at = from.at, .left = from.len};
	enum error e = usage_read(&r, out_r);

	return e == OK ? record_end(&r) : e;
}

void
usage_day_encode(const struct usage_day *d, struct record_writer *w)
{
	record_put_u8(w, DAY_VERSION);
	for (int i = 0; i < USAGE_KINDS; i++)
		record_put_u32(w, d->count[i]);
	record_put_u32(w, d->mechanisms);
}

enum error
usage_day_read(struct record_reader *r, struct usage_day *out_r)
{
	enum error e =
	    record_read_version(r, (struct bytes){r->at, r->left}, DAY_VERSION);

	if (e != OK)
		return e;
	for (int i = 0; i < USAGE_KINDS; i++)
		out_r->count[i] = record_get_u32(r);
	out_r->mechanisms = record_get_u32(r);
	return r->failed ? ERR_DAMAGED : OK;
}

enum error
usage_day_decode(struct bytes from, struct usage_day *out_r)
{
	struct record_reader r = {.at = from.at, .left = from.len};
	enum error e = usage_day_read(&r, out_r);

	return e == OK ? record_end(&r) : e;
}
