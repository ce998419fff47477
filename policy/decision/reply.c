/* SPDX-License-Identifier: BSD-2-Clause */
/* reply - the SMTP reply that goes with a decision */
#include "policy/decision/reply.h"

#include <stdio.h>
#include <string.h>

#include "policy/base/unicode.h"

/* libmilter refuses a longer text (libmilter/smfi.c, MAXREPLYLEN) */
#define WIRE_MAX 980

/* A text under construction: it stops, for good, where a limit is reached. */
struct line {
	char *at;
	size_t len, cap; /* CAP without the NUL */
	size_t wire;     /* length with every % doubled */
	size_t wire_cap;
	bool full;
};

static void
reply_add_char(struct line *l, char c)
{
	size_t wire = c == '%' ? 2 : 1;

	if (l->full || l->len + 1 > l->cap || l->wire + wire > l->wire_cap) {
		l->full = true;
		return;
	}
	l->at[l->len++] = c;
	l->at[l->len] = '\0';
	l->wire += wire;
}

/* reply_add - printable ASCII as it is, any other character as one '?' */
static void
reply_add(struct line *l, const char *s)
{
	size_t n = strlen(s), len;

	for (size_t i = 0; i < n; i += len) {
		len = unicode_length(s + i, n - i);
		reply_add_char(
		    l, (char)(len == 1 && s[i] >= ' ' && s[i] <= '~' ? s[i] : '?'));
		if (len == 0)
			len = 1;
	}
}

/* The fields of an own text. */
enum { FIELD_TENANT, FIELD_MAILBOX, FIELD_CLIENT, FIELD_URL, FIELD_ID, FIELDS };
static const char *const fields[FIELDS] = {
    "{tenant}", "{mailbox}", "{client}", "{url}", "{id}"};

/* field_at - the field that S begins with, or FIELDS */
static size_t
field_at(const char *s)
{
	size_t i = 0;

	while (i < FIELDS && strncmp(s, fields[i], strlen(fields[i])) != 0)
		i++;
	return i;
}

bool
reply_unknown_field(const char *text, char *out)
{
	static const char word[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	for (const char *s = strchr(text, '{'); s != NULL; s = strchr(s + 1, '{')) {
		size_t n = strspn(s + 1, word) + 2;

		if (n == 2 || s[n - 1] != '}' || n >= REPLY_FIELD_MAX ||
		    field_at(s) < FIELDS)
			continue;
		memcpy(out, s, n);
		out[n] = '\0';
		return true;
	}
	return false;
}

bool
reply_is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* reply_expand - an own text with its {fields} filled in; an unknown one stays */
static void
reply_expand(
    struct line *l, const char *s, const char *url, const struct reply_names *names)
{
	const char *const value[FIELDS] = {[FIELD_TENANT] = names->tenant,
	    [FIELD_MAILBOX] = names->mailbox,
	    [FIELD_CLIENT] = names->client,
	    [FIELD_URL] = url,
	    [FIELD_ID] = names->id};
	char one[5];

	while (*s != '\0') {
		size_t i = field_at(s), n = unicode_length(s, strlen(s));

		if (i < FIELDS) {
			reply_add(l, value[i]);
			s += strlen(fields[i]);
			continue;
		}
		n = n == 0 ? 1 : n;
		memcpy(one, s, n);
		one[n] = '\0';
		reply_add(l, one);
		s += n;
	}
}

/* own_text - the operator's words for this denial, or "" */
static const char *
own_text(const struct settings *s, const struct tenant *t, enum reason reason)
{
	if (reason != REASON_TENANT_DISABLED && reason != REASON_MAILBOX_DISABLED)
		return "";
	if (t != NULL && t->reply[0] != '\0')
		return t->reply;
	return reason == REASON_TENANT_DISABLED ? s->reply_tenant : s->reply_mailbox;
}

static void
standard_text(struct line *l, const struct decision *d, const struct reply_names *names)
{
	bool mailbox = d->reason == REASON_MAILBOX_DISABLED || d->login_locked;

	switch ((int)d->reason) {
	case REASON_LOCKED:
		reply_add(l, "SMTP AUTH is locked for ");
		break;
	case REASON_TENANT_DISABLED:
	case REASON_MAILBOX_DISABLED:
		reply_add(l, "SMTP AUTH is disabled for ");
		break;
	default:
		reply_add(l, "SMTP AUTH login not accepted");
		return;
	}
	if (mailbox && names->mailbox[0] == '\0') {
		reply_add(l, "this login"); /* without a domain it is no mailbox */
		return;
	}
	reply_add(l, mailbox ? "mailbox " : "tenant ");
	reply_add(l, mailbox ? names->mailbox : names->tenant);
}

static void
exchange_text(struct line *l, const struct decision *d)
{
	reply_add(l, "Authentication unsuccessful");
	switch ((int)d->reason) {
	case REASON_LOCKED:
		reply_add(
		    l, ", user is locked by your organization's security policy.");
		break;
	case REASON_TENANT_DISABLED:
		reply_add(l, ", SmtpClientAuthentication is disabled for the Tenant.");
		break;
	case REASON_MAILBOX_DISABLED:
		reply_add(l, ", SmtpClientAuthentication is disabled for the Mailbox.");
		break;
	default:
		break;
	}
}

static void
set_codes(struct reply *r, const char *code, const char *xcode)
{
	snprintf(r->code, sizeof r->code, "%s", code);
	snprintf(r->xcode, sizeof r->xcode, "%s", xcode);
}

/* denial_codes - by style and verdict; 5.7.139 is for what Exchange has a text for */
static void
denial_codes(struct reply *r, const struct settings *s, const struct decision *d)
{
	bool known = d->reason == REASON_LOCKED ||
	    d->reason == REASON_TENANT_DISABLED || d->reason == REASON_MAILBOX_DISABLED;
	bool exchange = s->reply_style == REPLY_EXCHANGE;

	if (d->verdict == VERDICT_TEMPFAIL)
		set_codes(r, exchange ? "454" : "450", exchange ? "4.7.0" : "4.7.1");
	else if (exchange)
		set_codes(r, "535", known ? "5.7.139" : "5.7.3");
	else
		set_codes(r, "550", "5.7.1");
}

/* line_start - leaves room for the codes before the text and the id after it */
static void
line_start(struct line *l, struct reply *out, const char *id)
{
	size_t suffix = *id == '\0' ? 0 : strlen(id) + 3;

	l->at = out->text;
	l->len = l->wire = 0;
	l->cap = REPLY_LINE_MAX - strlen(out->code) - strlen(out->xcode) - 2 - suffix;
	l->wire_cap = WIRE_MAX - suffix;
	l->full = false;
}

static void
denial_text(struct line *l, const struct settings *s, const struct tenant *t,
    const struct decision *d, const struct reply_names *names)
{
	const char *own = own_text(s, t, d->reason);
	bool exchange = s->reply_style == REPLY_EXCHANGE;

	if (*own != '\0') {
		reply_expand(l, own, s->help_url, names);
		return;
	}
	if (exchange)
		exchange_text(l, d);
	else
		standard_text(l, d, names);
	if (s->help_url[0] != '\0') {
		reply_add(l, exchange ? " Visit " : "; see ");
		reply_add(l, s->help_url);
		reply_add(l, exchange ? " for more information." : "");
	}
}

void
reply_build(const struct settings *settings, const struct tenant *tenant,
    const struct decision *decision, const struct reply_names *names, struct reply *out)
{
	bool temporary = decision->verdict == VERDICT_TEMPFAIL;
	struct line l;

	out->code[0] = out->xcode[0] = out->text[0] = '\0';
	if (decision_passes(decision->verdict))
		return;
	if (decision->reason == REASON_STORE_ERROR)
		set_codes(
		    out, temporary ? "451" : "550", temporary ? "4.3.0" : "5.3.0");
	else
		denial_codes(out, settings, decision);
	line_start(&l, out, names->id);
	if (decision->reason == REASON_STORE_ERROR)
		reply_add(&l, "SMTP AUTH policy temporarily unavailable");
	else
		denial_text(&l, settings, tenant, decision, names);
	while (l.len > 0 && out->text[l.len - 1] == ' ')
		out->text[--l.len] = '\0';
	if (*names->id != '\0')
		snprintf(
		    out->text + l.len, sizeof out->text - l.len, " [%s]", names->id);
}
