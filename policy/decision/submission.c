/* SPDX-License-Identifier: BSD-2-Clause */
/* submission - one MAIL FROM of a session: who it is and what is decided */
#include "policy/decision/submission.h"

#include <string.h>

#include "policy/decision/lock_lookup.h"
#include "policy/decision/resolve.h"
#include "policy/decision/steps.h"
#include "policy/identity/mta.h"
#include "policy/identity/xtext.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/tenant_table.h"

#define READING_MAX 4096 /* bytes of a login that a SASL service may look at */

/*
 * is_garbled - whether Postfix has put '?' for the bytes of a character, two at least,
 * as it does where smtputf8_enable is off: which login that was nobody can tell
 */
static bool
is_garbled(const char *s, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (s[i - 1] == '?' && s[i] == '?')
			return true;
	return false;
}

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
	} else if (is_garbled(raw, n)) {
		steps_add(steps, "invalid: Postfix has put '?' for other characters");
		return ERR_DATA;
	}
	e = login_normalize(
	    raw, n, settings->login_separators, out, steps != NULL ? &why : NULL);
	if (e == ERR_DATA)
		steps_add(steps, "invalid: %s", steps != NULL ? why.text : "");
	if (e == OK)
		steps_login(steps, "normal form:", out->text, out->len);
	return e;
}

static enum error
find_tenant(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	enum error e =
	    tenant_table_of(txn, &out->login, &out->tenant, &out->has_tenant);

	if (e != OK)
		return e;
	if (!out->has_tenant) {
		steps_add(steps, "tenant: unknown");
		return OK;
	}
	e = lock_table_add_tenant(txn, out->tenant.name, &out->tenant_lock);
	steps_tenant(steps, &out->tenant, &out->tenant_lock, s->now);
	return e;
}

/* tell_mailbox - the line of its setting and lock; on the decision path nothing */
static enum error
tell_mailbox(struct store_txn *txn, const struct login *address,
    const struct mailbox *m, instant now, struct text *steps)
{
	struct lock_state lock = {.set = false};
	enum error e;

	if (steps == NULL)
		return OK;
	e = lock_table_add_login(txn, address, &lock);
	steps_mailbox(steps, m, &lock, now);
	return e;
}

/*
 * consider_base - the mailbox without the subaddress: it counts where the exact one
 * has no setting in force
 */
static enum error
consider_base(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	const char *delimiters = store_settings(txn)->subaddress_delimiter;
	struct mailbox base;
	struct login address;
	bool found;
	enum error e;

	if (!login_strip_subaddress(&out->login, delimiters, &address))
		return OK;
	e = mailbox_table_get(txn, &address, &base, &found);
	if (e != OK || !found)
		return e;
	steps_login(steps, "without subaddress:", address.text, address.len);
	e = tell_mailbox(txn, &address, &base, s->now, steps);
	if (e != OK)
		return e;
	if (out->has_mailbox && mailbox_overrides(&out->mailbox, s->now)) {
		steps_add(steps,
		    "the setting with the subaddress is in force: of this one only a lock counts");
		return OK;
	}
	out->has_mailbox = true;
	out->mailbox = base;
	out->login = address;
	return OK;
}

static enum error
find_mailbox(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	enum error e = OK;

	out->has_mailbox = false;
	if (out->login.has_domain)
		e = mailbox_table_get(
		    txn, &out->login, &out->mailbox, &out->has_mailbox);
	if (e == OK && out->has_mailbox)
		e = tell_mailbox(txn, &out->login, &out->mailbox, s->now, steps);
	if (e == OK && out->login.has_domain)
		e = consider_base(txn, s, out, steps);
	return e == OK && !out->has_mailbox
	    ? tell_mailbox(txn, &out->login, NULL, s->now, steps)
	    : e;
}

/* look_up - all that the decision needs to know of the login in normal form */
static enum error
look_up(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	enum error e =
	    lock_lookup_login(txn, &out->login, s->now, &out->login_lock, steps);

	if (e == OK)
		e = resolve_login(txn, &out->login, steps);
	out->has_login = e == OK;
	if (e != OK)
		return e == ERR_DATA ? OK : e;
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

/*
 * judge_login - the decision for the login in normal form that OUT holds, or for an
 * invalid one
 */
static enum error
judge_login(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	struct facts facts = {
	    .authenticated = true, .listener = s->listener, .mechanism = s->mechanism};
	enum error e = OK;

	out->has_tenant = out->has_mailbox = false;
	out->login_lock.set = out->tenant_lock.set = false;
	if (out->has_login)
		e = look_up(txn, s, out, steps);
	if (e != OK)
		return e;
	facts.valid_login = out->has_login;
	facts.login_locked = lock_holds(&out->login_lock, s->now);
	facts.tenant_locked = lock_holds(&out->tenant_lock, s->now);
	facts.has_client = needs_client(store_settings(txn), out) &&
	    cidr_ip_parse(s->client, &facts.client);
	out->decision =
	    decision_make(store_settings(txn), out->has_tenant ? &out->tenant : NULL,
		out->has_mailbox ? &out->mailbox : NULL, &facts, s->now);
	steps_add(steps, "decision: %s, reason %s",
	    decision_verdict_name(out->decision.verdict),
	    decision_reason_name(out->decision.reason));
	return OK;
}

/* judge_spelling - LOOSE, or an invalid login (NULL); of both decisions the stricter
 * stays in OUT */
static enum error
judge_spelling(struct store_txn *txn, const struct submission *s,
    const struct login *loose, struct outcome *out, struct text *steps)
{
	struct outcome other = {.has_login = loose != NULL};
	enum error e;

	if (loose != NULL) {
		other.login = *loose;
		steps_login(
		    steps, "may be read as the login:", loose->text, loose->len);
	} else {
		steps_add(steps, "may be read as an invalid login");
	}
	e = judge_login(txn, s, &other, steps);
	if (e != OK || !decision_is_stricter(&other.decision, &out->decision))
		return e;
	steps_add(steps, "the stricter decision holds: that of this reading");
	*out = other;
	return OK;
}

/*
 * judge_looser - what password databases may take the N bytes RAW for, as decoded: they
 * overlook width, case, blanks and what cannot be seen, each in its own way
 */
static enum error
judge_looser(struct store_txn *txn, const struct submission *s, const char *raw,
    size_t n, struct outcome *out, struct text *steps)
{
	static const enum looseness looser[] = {
	    LOOSE_COMPATIBLE, LOOSE_WORDS, LOOSE_FOLDED};
	const struct settings *settings = store_settings(txn);
	struct login last, loose;
	enum error had =
	    login_normalize(raw, n, settings->login_separators, &last, NULL);

	for (size_t i = 0; i < sizeof looser / sizeof *looser; i++) {
		enum error e =
		    login_loosen(raw, n, looser[i], !settings_replace_domain(settings),
			settings->login_separators, &loose);

		if (e != OK && e != ERR_DATA)
			return e;
		if (e == had && (e != OK || login_equal(&loose, &last)))
			continue;
		had = e;
		if (e == OK)
			last = loose;
		e = judge_spelling(txn, s, e == OK ? &loose : NULL, out, steps);
		if (e != OK)
			return e;
	}
	return OK;
}

/*
 * is_plain - nothing but ASCII, and all as the client sent it: Sendmail encodes what
 * else there is, and Postfix has '?' for a control character
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
 * join_marks - the N bytes S as OUT, without what behind '?' may say which control
 * character it was, and the length of that: Dovecot hands on some of them as U+0001
 * with a letter or digit, and Postfix puts '?' for U+0001
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
judge_readings(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	char decoded[READING_MAX];
	size_t n = s->login_len, len;
	enum error e;

	/* what no password database is asked is an invalid login, and no more */
	if (s->mta == MTA_SENDMAIL)
		return xtext_decode(s->login, n, decoded, sizeof decoded, &n) == OK
		    ? judge_looser(txn, s, decoded, n, out, steps)
		    : OK;
	if (n > READING_MAX)
		return OK;
	e = judge_looser(txn, s, s->login, n, out, steps);
	if (e != OK)
		return e;
	len = join_marks(s->login, n, decoded);
	return len < n ? judge_looser(txn, s, decoded, len, out, steps) : OK;
}

enum error
submission_judge(struct store_txn *txn, const struct submission *s, struct outcome *out,
    struct text *steps)
{
	enum error e;

	out->has_login = out->has_tenant = out->has_mailbox = false;
	out->login_lock.set = out->tenant_lock.set = false;
	if (s->login_len == 0) {
		out->decision = decision_make(
		    store_settings(txn), NULL, NULL, &(struct facts){0}, s->now);
		steps_add(steps, "no login: unauthenticated, not our business");
		return OK;
	}
	e = normalize(s, store_settings(txn), &out->login, steps);
	if (e != OK && e != ERR_DATA)
		return e;
	out->has_login = e == OK;
	e = judge_login(txn, s, out, steps);
	if (e == OK && (!out->has_login || !is_plain(s)))
		e = judge_readings(txn, s, out, steps);
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
