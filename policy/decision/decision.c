/* SPDX-License-Identifier: BSD-2-Clause */
/* decision - the table of rules, as one pure function */
#include "policy/decision/decision.h"

#include <string.h>
#include <strings.h>

bool
decision_is_modern(const char *mechanism)
{
	static const char *const modern[] = {
	    "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "GSSAPI", "GSS-SPNEGO"};

	for (size_t i = 0; i < sizeof modern / sizeof *modern; i++)
		if (strcasecmp(mechanism, modern[i]) == 0)
			return true;
	return false;
}

static void
decision_set(struct decision *d, enum verdict verdict, enum reason reason)
{
	d->verdict = verdict;
	d->reason = reason;
}

static enum verdict
verdict_of(enum action action)
{
	switch (action) {
	case ACTION_TEMPFAIL:
		return VERDICT_TEMPFAIL;
	case ACTION_REPORT:
		return VERDICT_REPORT;
	case ACTION_ACCEPT:
		return VERDICT_ALLOW;
	case ACTION_DEFAULT:
	case ACTION_REJECT:
		break;
	}
	return VERDICT_REJECT;
}

/* decision_deny - a denial, which a dry run turns into a report; an accept stays one */
static void
decision_deny(struct decision *d, const struct settings *s, enum action action,
    enum reason reason)
{
	enum verdict v = verdict_of(action);

	if (!s->enforce && v != VERDICT_ALLOW)
		v = VERDICT_REPORT;
	decision_set(d, v, reason);
}

static enum action
action_of(const struct settings *s, const struct tenant *t)
{
	return t->action == ACTION_DEFAULT ? s->action : t->action;
}

/*
 * mailbox_action - a mailbox's own `disabled` is always enforced: a tenant or a
 * site that only reports must not let it pass.
 */
static enum action
mailbox_action(const struct settings *s, const struct tenant *t)
{
	enum action action = action_of(s, t);

	if (action == ACTION_REPORT)
		action = s->action;
	return action == ACTION_REPORT ? ACTION_REJECT : action;
}

/* decide_locked - row 1 */
static bool
decide_locked(const struct facts *f, struct decision *d)
{
	if (!f->tenant_locked && !f->login_locked)
		return false;
	d->login_locked = !f->tenant_locked;
	decision_set(d, VERDICT_REJECT, REASON_LOCKED);
	return true;
}

/* decide_before_tenant - rows 2 to 5 */
static bool
decide_before_tenant(const struct settings *s, const struct tenant *t,
    const struct facts *f, struct decision *d)
{
	if (f->has_client && cidr_list_has(&s->exempt_clients, &f->client))
		decision_set(d, VERDICT_ALLOW, REASON_EXEMPT_CLIENT);
	else if (settings_exempt_listener(s, f->listener))
		decision_set(d, VERDICT_ALLOW, REASON_EXEMPT_LISTENER);
	else if (!f->valid_login)
		decision_deny(d, s, s->invalid_login, REASON_INVALID_LOGIN);
	else if (t == NULL)
		decision_deny(d, s, s->unknown_tenant, REASON_UNKNOWN_TENANT);
	else
		return false;
	return true;
}

/* override_of - whether the mailbox's setting holds for this client, now */
static enum override
override_of(const struct mailbox *m, const struct facts *f, instant now)
{
	if (m == NULL || m->smtp_auth == SMTP_AUTH_INHERIT)
		return OVERRIDE_NONE;
	if (!mailbox_overrides(m, now))
		return OVERRIDE_EXPIRED;
	if (m->smtp_auth == SMTP_AUTH_ENABLED && m->clients.count > 0 &&
	    (!f->has_client || !cidr_list_has(&m->clients, &f->client)))
		return OVERRIDE_OTHER_CLIENT;
	return OVERRIDE_HELD;
}

/* decide_mailbox - rows 6 and 7 */
static bool
decide_mailbox(const struct settings *s, const struct tenant *t,
    const struct mailbox *m, struct decision *d)
{
	if (d->override != OVERRIDE_HELD)
		return false;
	if (m->smtp_auth == SMTP_AUTH_DISABLED)
		decision_deny(d, s, mailbox_action(s, t), REASON_MAILBOX_DISABLED);
	else
		decision_set(d, VERDICT_ALLOW, REASON_MAILBOX_ENABLED);
	return true;
}

/* decide_tenant - rows 8 to 12 */
static void
decide_tenant(const struct settings *s, const struct tenant *t, const struct facts *f,
    instant now, struct decision *d)
{
	enum action action = action_of(s, t);

	if (t->smtp_auth == SMTP_AUTH_ENABLED)
		decision_set(d, VERDICT_ALLOW, REASON_TENANT_ENABLED);
	else if (t->blocks == BLOCKS_PASSWORDS && decision_is_modern(f->mechanism))
		decision_set(d, VERDICT_ALLOW, REASON_MODERN_AUTH);
	else if (t->enforce_from != INSTANT_NONE && now < t->enforce_from)
		decision_set(d, VERDICT_ALLOW, REASON_SCHEDULED);
	else if (t->tempfail_until != INSTANT_NONE && now < t->tempfail_until &&
	    action != ACTION_REPORT)
		decision_deny(d, s, ACTION_TEMPFAIL, REASON_TENANT_DISABLED);
	else
		decision_deny(d, s, action, REASON_TENANT_DISABLED);
}

struct decision
decision_make(const struct settings *settings, const struct tenant *tenant,
    const struct mailbox *mailbox, const struct facts *facts, instant now)
{
	struct decision d = {
	    VERDICT_PASS, REASON_UNAUTHENTICATED, OVERRIDE_NONE, false};

	if (!facts->authenticated)
		return d;
	d.override = override_of(mailbox, facts, now);
	if (decide_locked(facts, &d) ||
	    decide_before_tenant(settings, tenant, facts, &d) ||
	    decide_mailbox(settings, tenant, mailbox, &d))
		return d;
	decide_tenant(settings, tenant, facts, now, &d);
	return d;
}

struct decision
decision_store_error(enum action action)
{
	return (struct decision){
	    verdict_of(action), REASON_STORE_ERROR, OVERRIDE_NONE, false};
}

bool
decision_is_stricter(const struct decision *a, const struct decision *b)
{
	return a->verdict > b->verdict; /* the verdicts are in this order */
}

bool
decision_passes(enum verdict v)
{
	return v == VERDICT_PASS || v == VERDICT_ALLOW || v == VERDICT_REPORT;
}

const char *
decision_verdict_name(enum verdict v)
{
	static const char *const names[] = {
	    "pass", "allow", "report", "tempfail", "reject"};

	return names[v];
}

const char *
decision_reason_name(enum reason r)
{
	static const char *const names[] = {"unauthenticated", "locked",
	    "exempt-client", "exempt-listener", "invalid-login", "unknown-tenant",
	    "mailbox-disabled", "mailbox-enabled", "tenant-enabled", "modern-auth",
	    "scheduled", "tenant-disabled", "store-error"};

	return names[r];
}
