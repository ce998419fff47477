/* SPDX-License-Identifier: BSD-2-Clause */
/* authd_checks - whether smtpauth-authd answers, and as the policy says */
#include "policy/doctor/door/authd_checks.h"

#include <stdio.h>
#include <string.h>

#include "policy/decision/reply.h"
#include "policy/json/json_value.h"
#include "policy/tables/domain_table.h"

#define WHO "smtpauth-authd"
#define LOCAL_PART "smtpauthctl-doctor@"
#define CLIENT "192.0.2.1" /* RFC 5737: nobody's */

/* A judgement, as authd has to answer it. */
struct expected {
	bool refused;
	char text[sizeof((struct reply *)0)->xcode + REPLY_LINE_MAX + 2];
};

static struct submission
submission_at_auth(const char *login)
{
	return (struct submission){.login = login,
	    .login_len = strlen(login),
	    .mta = MTA_POSTFIX,
	    .client = CLIENT,
	    .listener = "smtp",
	    .mechanism = "PLAIN"};
}

/* judge - by the policy in TXN; false if it cannot be read */
static bool
judge(struct store_txn *txn, const struct submission *s, struct expected *out)
{
	struct submission now = *s;
	struct outcome o;
	struct reply r;

	now.now = instant_now();
	if (submission_judge(txn, &now, &o, NULL) != OK || store_check(txn) != OK)
		return false;
	const struct reply_names names = {
	    submission_tenant(&o), submission_mailbox(&o), s->client, ""};

	reply_build(store_settings(txn), o.has_tenant ? &o.tenant : NULL, &o.decision,
	    &names, &r);
	out->refused = o.decision.verdict == VERDICT_REJECT;
	snprintf(out->text, sizeof out->text, "%s %s", r.xcode, r.text);
	return true;
}

/* A search for a login that is refused. */
struct search {
	struct store_txn *txn;
	char login[sizeof LOCAL_PART + DOMAIN_MAX];
	unsigned tried;
};

/* try_domain - of a walk */
static enum error
try_domain(void *arg, const char *domain, const char *tenant)
{
	struct search *s = arg;
	struct expected expected;
	struct submission submission;

	(void)tenant;
	if (strcmp(domain, DOMAIN_ANY) == 0)
		return OK;
	snprintf(s->login, sizeof s->login, LOCAL_PART "%s", domain);
	submission = submission_at_auth(s->login);
	if (judge(s->txn, &submission, &expected) && expected.refused)
		return WALK_STOP;
	return ++s->tried < AUTHD_CHECKS_DOMAINS ? OK : WALK_STOP;
}

/* judge_afresh - by the policy as it is now */
static bool
judge_afresh(struct door *d, const struct submission *s, struct expected *out)
{
	struct checks *c = d->checks;

	store_reset(c->txn);
	if (store_renew(c->txn) != OK) {
		c->txn = NULL;
		c->settings = NULL;
		return false;
	}
	c->settings = store_settings(c->txn);
	return judge(c->txn, s, out);
}

/* is_as_expected - the verdict, and the text before the id; a long one gives way to it
 */
static bool
is_as_expected(const struct authd_answer *a, const struct expected *e)
{
	size_t n = strlen(e->text);

	if (n > AUTHD_CHECKS_TEXT_MAX)
		n = AUTHD_CHECKS_TEXT_MAX;
	return a->refused == e->refused &&
	    (!e->refused || strncmp(a->text, e->text, n) == 0);
}

static void
say_differs(struct door *d, const struct submission *s, const struct authd_answer *a,
    const struct expected *e)
{
	struct findings *f = &d->checks->findings;

	findings_add(f, "authd-differs", WHO,
	    "about %s it answers \"%s\", and by the policy in %s the answer is \"%s\"",
	    s->login, a->refused ? a->text : "go on", d->checks->dir,
	    e->refused ? e->text : "go on");
	findings_fix(f,
	    "systemctl restart smtpauth-authd; if that does not help, its state-dir is another one (smtpauth-authd -p)");
}

/* say_key - it has another key than the file */
static void
say_key(struct door *d)
{
	struct findings *f = &d->checks->findings;

	findings_add(f, "authd-key", WHO,
	    "it does not take the key in %s: it was started with another one, and whoever uses this key gets no answer",
	    d->authd.key_file);
	findings_fix(f, "systemctl restart smtpauth-authd");
}

static void
say_no_answer(struct door *d, const struct authd_answer *a, const char *why)
{
	struct findings *f = &d->checks->findings;

	if (why[0] != '\0')
		findings_add(f, "authd-answer", WHO,
		    "asked about a login, it gives no answer: %s", why);
	else
		findings_add(f, "authd-answer", WHO,
		    "asked about a login, it answers with status %d of HTTP", a->http);
	findings_fix(f, "its log says why; systemctl restart smtpauth-authd");
}

/*
 * ask - about a login, and compares: a second time by the policy as it is then, which
 * may have been changed meanwhile; whether there is an answer
 */
static bool
ask(struct door *d, const struct submission *s, struct authd_answer *a)
{
	struct expected expected;
	struct error_text why = {""};
	bool same = d->checks->txn == NULL || d->health.status != 200;
	enum error e = authd_ask(&d->authd, s, a, &why);

	for (int i = 0; i < 2 && e == OK && a->http == 200 && !same; i++) {
		if (i > 0)
			e = authd_ask(&d->authd, s, a, &why);
		same = e != OK || !judge_afresh(d, s, &expected) ||
		    is_as_expected(a, &expected);
	}
	if (e == OK && a->http == 401)
		say_key(d);
	else if (e != OK || a->http != 200)
		say_no_answer(d, a, e != OK ? why.text : "");
	else if (!same)
		say_differs(d, s, a, &expected);
	return e == OK && a->http == 200;
}

/* say_absent - nobody is there to be asked */
static void
say_absent(struct door *d)
{
	struct findings *f = &d->checks->findings;
	char address[ENDPOINT_MAX + 32];

	endpoint_milter(&d->authd.at, address);
	if (d->authd.off_tcp) {
		findings_add(f, "authd-off-tcp", address,
		    "nobody listens there, where %s would ask smtpauth-authd: socket in section [authd] is a unix socket, and Dovecot and PAM connect over TCP only",
		    d->asked_by);
		findings_fix(f,
		    "take socket out of section [authd], to which all lines after [authd] belong; where it is the milter's, move it before that line; systemctl restart smtpauth-milter smtpauth-authd");
		return;
	}
	if (d->health_error == ERR_MISSING)
		findings_add(f, "authd-not-running", address,
		    "nobody listens there, where smtpauth-authd is asked (%s): logins go on, and only the milter refuses; a right password gets an answer",
		    d->asked_by);
	else
		findings_add(f, "authd-answer", address,
		    "smtpauth-authd is asked there (%s), and what listens does not answer as that: %s",
		    d->asked_by,
		    d->health_error == OK ? "is it another program?"
					  : d->health_why.text);
	findings_fix(f,
	    "systemctl enable --now smtpauth-authd; its log says why if it does not stay");
}

/* check_health - whether it can decide */
static void
check_health(struct door *d)
{
	struct findings *f = &d->checks->findings;

	if (d->health.status != 503)
		return;
	findings_add(f, "authd-on-error", WHO,
	    "it answers with on-error: its policy database cannot be used");
	findings_fix(f,
	    "its log and \"smtpauthctl verify\" name the fault; \"smtpauthctl restore DIR\" brings a backup back");
}

/* check_version - an upgrade that did not restart it */
static void
check_version(struct door *d)
{
	struct findings *f = &d->checks->findings;
	const char *version;
	json_value *v;

	if (d->health.status != 200 ||
	    json_value_parse(d->health.body, d->health.len, &v, NULL) != OK)
		return;
	version = json_value_string(json_value_member(v, "version"));
	if (version != NULL && strcmp(version, PACKAGE_VERSION) != 0) {
		findings_add(f, "authd-version", WHO,
		    "version %.40s of it runs, and this is smtpauthctl %s", version,
		    PACKAGE_VERSION);
		findings_fix(f, "systemctl restart smtpauth-authd");
	}
	json_value_free(v);
}

/* take_key - whether the key can be used */
static bool
take_key(struct door *d)
{
	struct findings *f = &d->checks->findings;
	struct error_text why;
	enum error e = authd_read_key(&d->authd, &why);

	if (e == OK && d->authd.key.exposed) {
		findings_add(f, "authd-key-public", d->authd.key_file,
		    "every user of this machine may read the key, and ask whose SMTP AUTH is off");
		findings_fix(f, "chmod o= %s", d->authd.key_file);
	}
	if (e == OK)
		return true;
	findings_add(f, "authd-key-file", d->authd.key_file, "%s", why.text);
	findings_fix(f, "smtpauthctl init; systemctl restart smtpauth-authd");
	return false;
}

void
authd_checks(struct door *d, const struct submission *login)
{
	struct search search = {.txn = d->checks->txn};
	struct authd_answer ignored;
	struct submission s;

	if (!d->answers) {
		say_absent(d);
		return;
	}
	check_health(d);
	check_version(d);
	if (!take_key(d))
		return;
	if (search.txn == NULL ||
	    domain_table_each(search.txn, NULL, try_domain, &search) != OK ||
	    search.login[0] == '\0')
		strcpy(search.login, LOCAL_PART "smtpauth.invalid");
	s = submission_at_auth(search.login);
	if (ask(d, &s, &ignored) && login != NULL)
		d->asked = ask(d, login, &d->answer);
}
