/* SPDX-License-Identifier: BSD-2-Clause */
/* login_usage - the use of a login in a span of time, and what it would get now */
#include "policy/usage/login_usage.h"

#include <string.h>

#include "policy/identity/mta.h"
#include "policy/usage/auth_denied.h"

static void
count_days(const struct usage_row *row, instant since, struct login_usage *s)
{
	uint32_t first = usage_day_of(since);

	for (size_t i = 0; i < row->days; i++) {
		if (row->day[i].day < first)
			continue;
		for (int k = 0; k < USAGE_KINDS; k++)
			s->count[k] += row->day[i].count[k];
		s->mechanisms |= row->day[i].mechanisms;
	}
	if (row->auth_denied != NULL)
		s->auth_denied = auth_denied_count(row->auth_denied, first);
}

/* print_client - from where it came last; "" where that is not known */
static void
print_client(const struct usage_row *row, char *client)
{
	const struct auth_denied *denied = row->auth_denied;

	*client = '\0';
	if (row->usage.has_client)
		cidr_ip_print(&row->usage.client, client);
	else if (denied != NULL && denied->has_client && !usage_row_is_used(row))
		cidr_ip_print(&denied->client, client);
}

/* judge - as the MTA would ask */
static enum error
judge(struct store_txn *txn, const struct usage_row *row, instant now,
    struct outcome *outcome)
{
	char client[CIDR_IP_TEXT_MAX];
	const struct submission s = {
	    .login = row->login.text,
	    .login_len = row->login.len,
	    .normal = true,
	    .mta = MTA_POSTFIX,
	    .client = client,
	    .listener = row->usage.listener,
	    .mechanism = usage_mechanism_name(row->usage.mechanism),
	    .now = now,
	};

	print_client(row, client);
	return submission_judge(txn, &s, outcome, NULL);
}

/* is_uncovered - a modern mechanism needs no exception where passwords are blocked */
static bool
is_uncovered(const struct usage_row *row, instant since, const struct login_usage *s)
{
	if (!s->used || s->excepted)
		return false;
	if (s->outcome.has_tenant && s->outcome.tenant.blocks == BLOCKS_PASSWORDS)
		return row->usage.last_password_use >= since;
	return true;
}

/* is_excepted - by an exception that holds past the start of the tenant's schedule */
static bool
is_excepted(const struct outcome *o)
{
	return o->has_mailbox && o->decision.override == OVERRIDE_HELD &&
	    o->mailbox.smtp_auth == SMTP_AUTH_ENABLED &&
	    (o->mailbox.until == INSTANT_NONE ||
		o->mailbox.until > o->tenant.enforce_from);
}

/* is_settled - the tenant's setting has no part in the decision */
static bool
is_settled(const struct decision *d)
{
	return d->reason == REASON_LOCKED || d->reason == REASON_MAILBOX_DISABLED ||
	    d->reason == REASON_EXEMPT_CLIENT || d->reason == REASON_EXEMPT_LISTENER;
}

enum error
login_usage_is_known(struct store_txn *txn, const struct login *login, bool *known_r)
{
	struct usage_row row = {.login = *login};
	struct outcome outcome;
	enum error e;

	usage_init(&row.usage);
	e = judge(txn, &row, 0, &outcome);
	*known_r = e == OK && outcome.has_tenant;
	return e;
}

enum error
login_usage_read(struct store_txn *txn, const struct usage_row *row, instant since,
    instant now, struct login_usage *out_r)
{
	enum error e;

	memset(out_r, 0, sizeof *out_r);
	out_r->row = row;
	count_days(row, since, out_r);
	out_r->used =
	    row->usage.last_use != INSTANT_NONE && row->usage.last_use >= since;
	if (usage_is_others(&row->login))
		return OK;
	e = judge(txn, row, now, &out_r->outcome);
	if (e != OK)
		return e;
	out_r->excepted = is_excepted(&out_r->outcome);
	out_r->uncovered = is_uncovered(row, since, out_r);
	out_r->exposed = out_r->uncovered && !is_settled(&out_r->outcome.decision);
	return OK;
}
