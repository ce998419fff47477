/* SPDX-License-Identifier: BSD-2-Clause */
/* submission - one MAIL FROM of a session: who it is and what is decided */
#include "policy/submission.h"

#include <string.h>

#include "policy/alias_table.h"
#include "policy/mailbox_table.h"
#include "policy/steps.h"
#include "policy/tenant_table.h"

/* normalize - from the MTA's bytes to the normal form; ERR_DATA: an invalid login */
static enum error
normalize(const struct submission *s, const struct settings *settings,
    struct login *out, struct text *steps)
{
	char decoded[LOGIN_RAW_MAX + 1];
	const char *raw = s->login;
	size_t n = s->login_len;
	struct error_text why;
	enum error e;

	if (s->normal && login_from_normal(raw, n, out) != OK)
		return ERR_DATA;
	if (s->normal && out->has_domain)
		return OK; /* else a separator may have become known since */
	steps_login(steps, "login as received:", raw, n);
	if (s->mta == MTA_SENDMAIL) {
		e = xtext_decode(raw, n, decoded, sizeof decoded, &n);
		if (e != OK) {
			steps_add(steps, "invalid: the login is no xtext, or too long");
			return ERR_DATA;
		}
		raw = decoded;
		steps_login(steps, "decoded from xtext:", raw, n);
	}
	e = login_normalize(
	    raw, n, settings->login_separators, out, steps != NULL ? &why : NULL);
	if (e == ERR_DATA)
		steps_add(steps, "invalid: %s", steps != NULL ? why.text : "");
	if (e == OK)
		steps_login(steps, "normal form:", out->text, out->len);
	return e;
}

/* follow_alias - the mailbox a login is an alias of takes its place */
static enum error
follow_alias(struct store_txn *txn, struct login *login, struct text *steps)
{
	struct login mailbox;
	enum error e = alias_table_get(txn, login, &mailbox);

	if (e != OK)
		return e;
	*login = mailbox;
	steps_login(steps, "alias of mailbox:", login->text, login->len);
	return OK;
}

/*
 * resolve - aliases, then the default domain. The login with the default domain is
 * the same login spelt out, so it may be an alias too.
 */
static enum error
resolve(struct store_txn *txn, struct login *login, struct text *steps)
{
	const struct settings *settings = store_settings(txn);
	enum error e = follow_alias(txn, login, steps);

	if (e != ERR_NOTFOUND || login->has_domain)
		return e == ERR_NOTFOUND ? OK : e;
	if (settings->default_domain[0] == '\0') {
		steps_add(steps, "no domain, and default-domain is not set");
		return OK;
	}
	e = login_append_domain(login, settings->default_domain);
	if (e != OK)
		return ERR_DATA;
	steps_login(steps, "with default-domain:", login->text, login->len);
	e = follow_alias(txn, login, steps);
	return e == ERR_NOTFOUND ? OK : e;
}

static enum error
find_tenant(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	enum error e = tenant_table_of(txn, &out->login, &out->tenant);

	out->has_tenant = e == OK;
	if (e == OK)
		steps_tenant(steps, &out->tenant, s->now);
	else if (e == ERR_NOTFOUND)
		steps_add(steps, "tenant: unknown");
	return e == ERR_NOTFOUND ? OK : e;
}

/*
 * consider_base - the mailbox without the subaddress: it counts where the exact one
 * has no setting in force, and its lock counts always
 */
static enum error
consider_base(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	const char *delimiters = store_settings(txn)->subaddress_delimiter;
	struct mailbox base;
	struct login address;
	enum error e;

	if (!login_strip_subaddress(&out->login, delimiters, &address))
		return OK;
	e = mailbox_table_get(txn, &address, &base);
	if (e != OK)
		return e == ERR_NOTFOUND ? OK : e;
	steps_login(steps, "without subaddress:", address.text, address.len);
	steps_mailbox(steps, &base, s->now);
	if (out->has_mailbox && mailbox_overrides(&out->mailbox, s->now)) {
		steps_add(steps,
		    "the setting with the subaddress is in force: of this "
		    "one only a lock counts");
		if (lock_holds(&base.lock, s->now))
			out->mailbox.lock = base.lock;
		return OK;
	}
	if (out->has_mailbox && lock_holds(&out->mailbox.lock, s->now))
		base.lock = out->mailbox.lock;
	out->has_mailbox = true;
	out->mailbox = base;
	out->login = address;
	return OK;
}

static enum error
find_mailbox(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	enum error e = ERR_NOTFOUND;

	if (out->login.has_domain)
		e = mailbox_table_get(txn, &out->login, &out->mailbox);
	if (e != OK && e != ERR_NOTFOUND)
		return e;
	out->has_mailbox = e == OK;
	if (out->has_mailbox)
		steps_mailbox(steps, &out->mailbox, s->now);
	if (out->login.has_domain)
		e = consider_base(txn, s, out, steps);
	if (!out->has_mailbox)
		steps_mailbox(steps, NULL, s->now);
	return e == ERR_NOTFOUND ? OK : e;
}

/* look_up - all that the decision needs to know of the login */
static enum error
look_up(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	enum error e = normalize(s, store_settings(txn), &out->login, steps);

	if (e == OK)
		e = resolve(txn, &out->login, steps);
	if (e == ERR_DATA)
		return OK;
	if (e != OK)
		return e;
	out->has_login = true;
	e = find_tenant(txn, s, out, steps);
	return e == OK && out->has_tenant ? find_mailbox(txn, s, out, steps) : e;
}

/* needs_client - whether some list of networks has to be asked for the client */
static bool
needs_client(const struct settings *settings, const struct outcome *o)
{
	return settings->exempt_clients.count > 0 ||
	    (o->has_mailbox && o->mailbox.clients.count > 0);
}

enum error
submission_judge(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	struct facts facts = {.listener = s->listener, .mechanism = s->mechanism};
	enum error e = OK;

	out->has_login = out->has_tenant = out->has_mailbox = false;
	facts.authenticated = s->login_len > 0;
	if (facts.authenticated)
		e = look_up(txn, s, out, steps);
	if (e != OK)
		return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
	facts.valid_login = out->has_login;
	facts.has_client = needs_client(store_settings(txn), out) &&
	    address_parse(s->client, &facts.client);
	out->decision =
	    decide(store_settings(txn), out->has_tenant ? &out->tenant : NULL,
		out->has_mailbox ? &out->mailbox : NULL, &facts, s->now);
	if (facts.authenticated)
		steps_add(steps, "decision: %s, reason %s",
		    verdict_name(out->decision.verdict),
		    reason_name(out->decision.reason));
	else
		steps_add(steps, "no login: unauthenticated, not our business");
	return OK;
}

const char *
outcome_mailbox(const struct outcome *o)
{
	return o->has_login && o->login.has_domain ? o->login.text : "";
}

const char *
outcome_tenant(const struct outcome *o)
{
	return o->has_tenant ? o->tenant.name : "";
}
