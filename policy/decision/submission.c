/* SPDX-License-Identifier: BSD-2-Clause */
/* submission - one MAIL FROM of a session: its login and the decision */
#include "policy/decision/submission.h"

#include <string.h>

#include "policy/decision/lock_lookup.h"
#include "policy/decision/resolve.h"
#include "policy/decision/steps.h"
#include "policy/identity/mta.h"
#include "policy/identity/xtext.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"

#define READING_MAX 4096 /* bytes of a login that a SASL service may read */

/* What a login is judged by, and where the steps are written. */
struct judge {
	struct store_txn *txn;
	const struct settings *settings;
	const struct submission *s;
	struct text *steps; /* NULL on the decision path */
};

/*
 * is_garbled - whether Postfix has put '?' for the bytes of a character, two at
 * least, as it does where smtputf8_enable is off: which login that was cannot
 * be told
 */
static bool
is_garbled(const char *s, size_t n)
{
	return memmem(s, n, "??", 2) != NULL;
}

/* normalize_login - from the MTA's bytes; ERR_DATA: an invalid login */
static enum error
normalize_login(const struct judge *j, struct login *out)
{
	char decoded[LOGIN_RAW_MAX + 1];
	const char *raw = j->s->login;
	size_t n = j->s->login_len;
	struct error_text why;
	enum error e;

	if (j->s->normal && login_from_normal(raw, n, out) != OK)
		return ERR_DATA;
	if (j->s->normal && out->has_domain)
		return OK; /* else a separator may have become known since */
	steps_login(j->steps, "login as received:", raw, n);
	if (j->s->mta == MTA_SENDMAIL) {
		if (xtext_decode(raw, n, decoded, sizeof decoded, &n) != OK) {
			steps_add(
			    j->steps, "invalid: the login is no xtext, or too long");
			return ERR_DATA;
		}
		raw = decoded;
		steps_login(j->steps, "decoded from xtext:", raw, n);
	} else if (is_garbled(raw, n)) {
		steps_add(
		    j->steps, "invalid: Postfix has put '?' for other characters");
		return ERR_DATA;
	}
	e = login_normalize(
	    raw, n, j->settings->login_separators, out, j->steps != NULL ? &why : NULL);
	if (e == ERR_DATA)
		steps_add(j->steps, "invalid: %s", j->steps != NULL ? why.text : "");
	if (e == OK)
		steps_login(j->steps, "normal form:", out->text, out->len);
	return e;
}

static enum error
find_tenant(const struct judge *j, struct outcome *out)
{
	enum error e =
	    ownership_of_login(j->txn, &out->login, &out->tenant, &out->has_tenant);

	if (e != OK)
		return e;
	if (!out->has_tenant) {
		steps_add(j->steps, "tenant: unknown");
		return OK;
	}
	e = lock_table_add_tenant(j->txn, out->tenant.name, &out->tenant_lock);
	steps_tenant(j->steps, &out->tenant, &out->tenant_lock, j->s->now);
	return e;
}

/* tell_mailbox - the step about its setting and lock; M is NULL if it has no record */
static enum error
tell_mailbox(
    const struct judge *j, const struct login *address, const struct mailbox *m)
{
	struct lock_state lock = {.set = false};
	enum error e;

	if (j->steps == NULL)
		return OK;
	e = lock_table_add_login(j->txn, address, &lock);
	steps_mailbox(j->steps, m, &lock, j->s->now);
	return e;
}

/*
 * consider_base - the mailbox without the subaddress: it counts where the exact
 * one has no setting in force
 */
static enum error
consider_base(const struct judge *j, struct outcome *out)
{
	struct mailbox base;
	struct login address;
	bool found;
	enum error e;

	if (!login_strip_subaddress(
		&out->login, j->settings->subaddress_delimiter, &address))
		return OK;
	e = mailbox_table_get(j->txn, &address, &base, &found);
	if (e != OK || !found)
		return e;
	steps_login(j->steps, "without subaddress:", address.text, address.len);
	e = tell_mailbox(j, &address, &base);
	if (e != OK)
		return e;
	if (out->has_mailbox && mailbox_overrides(&out->mailbox, j->s->now)) {
		steps_add(j->steps,
		    "the setting with the subaddress is in force: of this one only a lock counts");
		return OK;
	}
	out->has_mailbox = true;
	out->mailbox = base;
	out->login = address;
	return OK;
}

static enum error
find_mailbox(const struct judge *j, struct outcome *out)
{
	enum error e;

	if (!out->login.has_domain)
		return tell_mailbox(j, &out->login, NULL);
	e = mailbox_table_get(j->txn, &out->login, &out->mailbox, &out->has_mailbox);
	if (e == OK && out->has_mailbox)
		e = tell_mailbox(j, &out->login, &out->mailbox);
	if (e == OK)
		e = consider_base(j, out);
	if (e != OK || out->has_mailbox)
		return e;
	return tell_mailbox(j, &out->login, NULL);
}

/* look_up - all that the decision needs to know of the login in normal form */
static enum error
look_up(const struct judge *j, struct outcome *out)
{
	enum error e = lock_lookup_login(
	    j->txn, &out->login, j->s->now, &out->login_lock, j->steps);

	if (e != OK)
		return e;
	e = resolve_login(j->txn, &out->login, j->steps);
	if (e == ERR_DATA) {
		out->has_login = false;
		return OK;
	}
	if (e == OK)
		e = find_tenant(j, out);
	return e == OK && out->has_tenant ? find_mailbox(j, out) : e;
}

/* is_unsure - see struct outcome; a lock holds for every client */
static bool
is_unsure(const struct judge *j, const struct facts *f, const struct decision *d)
{
	if (decision_passes(d->verdict) || d->reason == REASON_LOCKED)
		return false;
	if (!f->has_client &&
	    (j->settings->exempt_clients.count > 0 ||
		d->override == OVERRIDE_OTHER_CLIENT))
		return true;
	return f->listener[0] == '\0' && j->settings->exempt_listeners[0] != '\0';
}

/*
 * judge_login - the decision for the login in normal form that OUT holds, or
 * for an invalid one
 */
static enum error
judge_login(const struct judge *j, struct outcome *out)
{
	struct facts facts = {.authenticated = true,
	    .listener = j->s->listener,
	    .mechanism = j->s->mechanism};
	enum error e = OK;

	out->has_tenant = out->has_mailbox = false;
	out->login_lock.set = out->tenant_lock.set = false;
	if (out->has_login)
		e = look_up(j, out);
	if (e != OK)
		return e;
	facts.valid_login = out->has_login;
	facts.login_locked = lock_holds(&out->login_lock, j->s->now);
	facts.tenant_locked = lock_holds(&out->tenant_lock, j->s->now);
	/* the address is read only if some list of networks asks for it */
	facts.has_client = (j->settings->exempt_clients.count > 0 ||
			       (out->has_mailbox && out->mailbox.clients.count > 0)) &&
	    cidr_ip_parse(j->s->client, &facts.client);
	out->decision =
	    decision_make(j->settings, out->has_tenant ? &out->tenant : NULL,
		out->has_mailbox ? &out->mailbox : NULL, &facts, j->s->now);
	out->unsure = is_unsure(j, &facts, &out->decision);
	steps_add(j->steps, "decision: %s, reason %s",
	    decision_verdict_name(out->decision.verdict),
	    decision_reason_name(out->decision.reason));
	return OK;
}

/*
 * take_stricter - of the decisions on two readings. Of two that are as strict the first
 * stays; what one of them denies to every client is denied.
 */
static void
take_stricter(const struct judge *j, const struct outcome *other, struct outcome *out)
{
	if (decision_is_stricter(&other->decision, &out->decision)) {
		steps_add(
		    j->steps, "the stricter decision holds: that of this reading");
		*out = *other;
	} else if (other->decision.verdict == out->decision.verdict) {
		out->unsure = out->unsure && other->unsure;
	}
}

/* judge_spelling - LOOSE, or an invalid login (NULL); the stricter decision
 * stays in OUT
 */
static enum error
judge_spelling(const struct judge *j, const struct login *loose, struct outcome *out)
{
	struct outcome other = {.has_login = loose != NULL};
	enum error e;

	if (loose != NULL) {
		other.login = *loose;
		steps_login(
		    j->steps, "may be read as the login:", loose->text, loose->len);
	} else {
		steps_add(j->steps, "may be read as an invalid login");
	}
	e = judge_login(j, &other);
	if (e == OK)
		take_stricter(j, &other, out);
	return e;
}

/*
 * judge_looser - what password databases may take the N bytes RAW for, as
 * decoded: they ignore width, case, blanks and invisible characters, each in
 * its own way
 */
static enum error
judge_looser(const struct judge *j, const char *raw, size_t n, struct outcome *out)
{
	static const enum looseness looser[] = {
	    LOOSE_COMPATIBLE, LOOSE_WORDS, LOOSE_FOLDED};
	const char *separators = j->settings->login_separators;
	bool with_domain = !settings_replace_domain(j->settings);
	struct login last, loose;
	enum error had = login_normalize(raw, n, separators, &last, NULL);

	for (size_t i = 0; i < sizeof looser / sizeof *looser; i++) {
		enum error e =
		    login_loosen(raw, n, looser[i], with_domain, separators, &loose);

		if (e != OK && e != ERR_DATA)
			return e;
		if (e == had && (e != OK || login_equal(&loose, &last)))
			continue;
		had = e;
		if (e == OK)
			last = loose;
		e = judge_spelling(j, e == OK ? &loose : NULL, out);
		if (e != OK)
			return e;
	}
	return OK;
}

/*
 * is_plain - nothing but ASCII, and all as the client sent it: Sendmail encodes
 * what else there is, and Postfix has '?' for a control character
 */
static bool
is_plain(const struct submission *s)
{
	for (size_t i = 0; i < s->login_len; i++)
		if ((unsigned char)s->login[i] >= 0x80 || s->login[i] == '?' ||
		    (s->mta == MTA_SENDMAIL && s->login[i] == '+'))
			return false;
	return true;
}

/*
 * join_marks - the N bytes S as OUT, without the character after '?' that may
 * say which control character it was, and the length of that: Dovecot hands on
 * some of them as U+0001 with a letter or digit, and Postfix puts '?' for
 * U+0001
 */
static size_t
join_marks(const char *s, size_t n, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		if (i == 0 || s[i - 1] != '?' || memchr("1tnr", s[i], 4) == NULL)
			out[len++] = s[i];
	return len;
}

/* judge_readings - a login that is not plain, or invalid, in its looser forms, too */
static enum error
judge_readings(const struct judge *j, struct outcome *out)
{
	const struct submission *s = j->s;
	char decoded[READING_MAX];
	size_t n = s->login_len, len;
	enum error e;

	/* what no password database is asked is an invalid login, and no more */
	if (s->mta == MTA_SENDMAIL)
		return xtext_decode(s->login, n, decoded, sizeof decoded, &n) == OK
		    ? judge_looser(j, decoded, n, out)
		    : OK;
	if (n > READING_MAX)
		return OK;
	e = judge_looser(j, s->login, n, out);
	if (e != OK)
		return e;
	len = join_marks(s->login, n, decoded);
	return len < n ? judge_looser(j, decoded, len, out) : OK;
}

enum error
submission_judge(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	const struct judge j = {txn, store_settings(txn), s, steps};
	enum error e;

	out->has_login = out->has_tenant = out->has_mailbox = false;
	out->login_lock.set = out->tenant_lock.set = false;
	out->unsure = false;
	if (s->login_len == 0) {
		out->decision =
		    decision_make(j.settings, NULL, NULL, &(struct facts){0}, s->now);
		steps_add(steps, "no login: unauthenticated, not our business");
		return OK;
	}
	e = normalize_login(&j, &out->login);
	if (e != OK && e != ERR_DATA)
		return e;
	out->has_login = e == OK;
	e = judge_login(&j, out);
	if (e == OK && (!out->has_login || !is_plain(s)))
		e = judge_readings(&j, out);
	return e;
}

const char *
submission_mailbox(const struct outcome *o)
{
	return o->has_login && o->login.has_domain ? o->login.text : "";
}

const char *
submission_tenant(const struct outcome *o)
{
	return o->has_tenant ? o->tenant.name : "";
}
