/* SPDX-License-Identifier: BSD-2-Clause */
/* overrule - what holds at present instead of the setting of a tenant or mailbox */
#include "policy/decision/overrule.h"

#include <string.h>

static const struct {
	enum overrule cause;
	const char *word, *text;
} causes_known[] = {
    {OVERRULE_LOCK, "lock", "it is locked"},
    {OVERRULE_ENFORCE, "enforce", "enforce is no"},
    {OVERRULE_ACTION, "action", "the action is report"},
    {OVERRULE_ENFORCE_FROM, "enforce_from", "enforce-from is still to come"},
    {OVERRULE_UNTIL, "until", "until is over"},
    {OVERRULE_EXEMPT_CLIENTS, "exempt_clients", "exempt-clients pass"},
    {OVERRULE_EXEMPT_LISTENERS, "exempt_listeners", "exempt-listeners pass"},
};

#define KNOWN (sizeof causes_known / sizeof *causes_known)

/* exempted - where a denial does not hold */
static unsigned
exempted(const struct settings *s)
{
	unsigned causes = 0;

	if (s->exempt_clients.count > 0)
		causes |= OVERRULE_EXEMPT_CLIENTS;
	if (s->exempt_listeners[0] != '\0')
		causes |= OVERRULE_EXEMPT_LISTENERS;
	return causes;
}

unsigned
overrule_tenant(
    const struct settings *s, const struct tenant *t, bool locked, instant now)
{
	enum action action = t->action == ACTION_DEFAULT ? s->action : t->action;
	unsigned causes = exempted(s);

	if (t->smtp_auth == SMTP_AUTH_ENABLED || locked)
		return locked && t->smtp_auth == SMTP_AUTH_ENABLED ? OVERRULE_LOCK : 0;
	if (s->enforce == WORD_NO)
		causes |= OVERRULE_ENFORCE;
	if (action == ACTION_REPORT)
		causes |= OVERRULE_ACTION;
	if (t->enforce_from != INSTANT_NONE && now < t->enforce_from)
		causes |= OVERRULE_ENFORCE_FROM;
	return causes;
}

unsigned
overrule_mailbox(
    const struct settings *s, const struct mailbox *m, bool locked, instant now)
{
	if (m->smtp_auth == SMTP_AUTH_INHERIT)
		return 0;
	if (locked)
		return m->smtp_auth == SMTP_AUTH_ENABLED ? OVERRULE_LOCK : 0;
	if (!mailbox_overrides(m, now))
		return OVERRULE_UNTIL;
	if (m->smtp_auth == SMTP_AUTH_ENABLED)
		return 0;
	return exempted(s) | (s->enforce == WORD_NO ? OVERRULE_ENFORCE : 0);
}

unsigned
overrule_setting(const struct settings *s, const char *key)
{
	unsigned enforce = s->enforce == WORD_NO ? OVERRULE_ENFORCE : 0;
	unsigned action = s->action == ACTION_REPORT ? OVERRULE_ACTION : 0;

	if (strcmp(key, "enforce") == 0 && enforce == 0)
		return exempted(s) | action;
	if (strcmp(key, "action") == 0 && action == 0)
		return exempted(s) | enforce;
	if (strcmp(key, "unknown-tenant") == 0 && s->unknown_tenant != ACTION_ACCEPT)
		return exempted(s) | enforce;
	if (strcmp(key, "invalid-login") == 0 && s->invalid_login != ACTION_ACCEPT)
		return exempted(s) | enforce;
	return 0;
}

const char *
overrule_lax(const struct settings *s, const char *key)
{
	if (strcmp(key, "enforce") == 0 && s->enforce == WORD_NO)
		return "enforce is no: nothing is denied now but what is locked";
	if (strcmp(key, "action") == 0 && s->action == ACTION_REPORT)
		return "action is report: the denials of tenants without an action of their own are logged only";
	return NULL;
}

const char *
overrule_laxer(const struct settings *before, const struct settings *now)
{
	static const char *const keys[] = {"enforce", "action"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (overrule_lax(before, keys[i]) == NULL &&
		    overrule_lax(now, keys[i]) != NULL)
			return overrule_lax(now, keys[i]);
	return NULL;
}

const char *
overrule_word(enum overrule cause)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (causes_known[i].cause == cause)
			return causes_known[i].word;
	return "";
}

void
overrule_describe(unsigned causes, const struct tenant *t, struct text *out)
{
	char when[INSTANT_TEXT_MAX];
	const char *comma = "";

	for (size_t i = 0; i < KNOWN; i++) {
		if (!(causes & causes_known[i].cause))
			continue;
		text_puts(out, comma);
		comma = ", ";
		if (causes_known[i].cause == OVERRULE_ENFORCE_FROM && t != NULL)
			text_printf(out, "enforce-from is %s",
			    instant_print(t->enforce_from, when));
		else
			text_puts(out, causes_known[i].text);
	}
}
