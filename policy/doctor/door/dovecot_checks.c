/* SPDX-License-Identifier: BSD-2-Clause */
/* dovecot_checks - mistakes about Dovecot's policy server */
#include "policy/doctor/door/dovecot_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/doctor/door/dovecot_run.h"
#include "policy/doctor/door/dovecot_settings.h"

#define PROTOCOLS_MAX 16

/* A protocol that is asked for, as Dovecot sees it. */
struct protocol {
	char name[DOVECONF_NAME_MAX + 1];
	enum dovecot_server server; /* whom Dovecot asks about it */
};

struct visit {
	struct door *door;
	struct checks *checks;
	struct protocol protocol[PROTOCOLS_MAX];
	size_t protocols;
	bool used; /* a service of Postfix asks it, or authd could be asked */
	struct doveconf conf; /* of the protocol read last */
	unsigned asked;       /* protocols of which authd is asked */
};

/* visit_protocol - finds it, or adds it if there is room; NULL: there is none */
static struct protocol *
visit_protocol(struct visit *v, const char *name)
{
	for (size_t i = 0; i < v->protocols; i++)
		if (strcasecmp(v->protocol[i].name, name) == 0)
			return &v->protocol[i];
	if (v->protocols == PROTOCOLS_MAX || strlen(name) > DOVECONF_NAME_MAX)
		return NULL;
	strcpy(v->protocol[v->protocols].name, name);
	return &v->protocol[v->protocols++];
}

static void
say_unreadable(struct checks *c, const char *why)
{
	findings_add(&c->findings, "dovecot-unreadable", "Dovecot", "%s", why);
	findings_fix(&c->findings, "mend what \"doveconf -n\" complains of");
}

/* read_settings - of a protocol; false if that is not possible */
static bool
read_settings(struct visit *v, const char *protocol)
{
	struct checks *c = v->checks;
	struct error_text why;
	enum error e = doveconf_read(&v->conf, protocol, &why);

	if (e == ERR_MISSING) {
		if (v->door->answers)
			findings_add(&c->unseen, "dovecot", "",
			    "whether Dovecot asks smtpauth-authd: there is no program doveconf");
		return false;
	}
	if (e != OK && v->used)
		say_unreadable(c, why.text);
	return e == OK;
}

/* visit_server - whom Dovecot asks for the protocol whose settings were read */
static void
visit_server(struct visit *v, struct protocol *p)
{
	struct findings *unseen = &v->checks->unseen;

	p->server = dovecot_settings_server(&v->door->authd, v->conf.url);
	switch (p->server) {
	case DOVECOT_SERVER_NONE:
		return;
	case DOVECOT_SERVER_OURS:
	case DOVECOT_SERVER_REMOTE:
		v->asked++;
		v->door->used |= p->server == DOVECOT_SERVER_OURS;
		door_asks(v->door, p->name);
		dovecot_settings_check(
		    v->door, p->name, &v->conf, p->server == DOVECOT_SERVER_REMOTE);
		if (p->server == DOVECOT_SERVER_REMOTE)
			findings_add(unseen, "dovecot", "",
			    "the smtpauth-authd of another machine, which Dovecot asks");
		return;
	case DOVECOT_SERVER_NEAR:
		dovecot_settings_near(v->door, p->name, &v->conf);
		return;
	case DOVECOT_SERVER_FOREIGN:
		if (v->door->answers)
			dovecot_settings_foreign(v->door, p->name, &v->conf);
		return;
	}
}

/* visit_settings - of all protocols; false: Dovecot's settings cannot be read */
static bool
visit_settings(struct visit *v)
{
	for (size_t i = 0; i < v->protocols; i++) {
		if (!read_settings(v, v->protocol[i].name))
			return false;
		if (i == 0 && strstr(v->conf.protocols, " submission ") != NULL)
			(void)visit_protocol(v, "submission");
		visit_server(v, &v->protocol[i]);
	}
	return true;
}

/* is_asked - whether authd is asked, of this machine or another */
static bool
is_asked(enum dovecot_server server)
{
	return server == DOVECOT_SERVER_OURS || server == DOVECOT_SERVER_REMOTE;
}

/* check_readers - mail is read with the same password */
static void
check_readers(struct visit *v, const char *served)
{
	static const char *const readers[] = {"imap", "pop3", "sieve"};
	struct findings *f = &v->checks->findings;
	char word[20], where[30];

	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		snprintf(word, sizeof word, " %s ", readers[i]);
		if (strstr(served, word) == NULL || !read_settings(v, readers[i]) ||
		    !is_asked(dovecot_settings_server(&v->door->authd, v->conf.url)))
			continue;
		snprintf(where, sizeof where, "protocol %s", readers[i]);
		findings_add(f, "auth-policy-imap", where,
		    "smtpauth-authd is asked for this protocol, too: who may not submit mail cannot read it any more");
		findings_fix(f,
		    "move auth_policy_server_url and auth_policy_hash_nonce into \"protocol smtp { }\" and \"protocol submission { }\"" DOVECOT_SETTINGS_RELOAD);
	}
}

/* check_exempt - a listener that the milter lets pass, and Dovecot knows as another */
static void
check_exempt(struct visit *v, const struct checks_service *s)
{
	struct findings *f = &v->checks->findings;
	char name[CHECKS_NAME_MAX + 1];
	size_t n = 0;

	if (settings_exempt_listener(v->checks->settings, s->protocol))
		return;
	for (; s->listener[n] != '\0'; n++)
		name[n] = (char)(s->listener[n] >= 'A' && s->listener[n] <= 'Z'
			? s->listener[n] - 'A' + 'a'
			: s->listener[n]);
	name[n] = '\0';
	findings_add(f, "webmail-at-auth", s->where,
	    "exempt-listeners has %s, the name of this service, but Dovecot knows its logins as protocol %s, of which smtpauth-authd is asked: they are refused at AUTH",
	    s->listener, s->protocol);
	findings_fix(f, "postconf%s -P '%s/smtpd_sasl_service=%s'; postfix%s reload",
	    s->option, s->key, name, s->option);
}

/* check_services - of Postfix, by what Dovecot knows their logins as */
static void
check_services(struct visit *v)
{
	struct findings *f = &v->checks->findings;

	for (size_t i = 0; i < v->checks->service_count; i++) {
		const struct checks_service *s = &v->checks->service[i];
		const struct protocol *p;

		if (s->sasl != CHECKS_SASL_DOVECOT ||
		    (p = visit_protocol(v, s->protocol)) == NULL)
			continue;
		if (is_asked(p->server) && s->exempt)
			check_exempt(v, s);
		if (p->server != DOVECOT_SERVER_NONE || s->exempt || s->loopback)
			continue;
		findings_add(f, "auth-not-asked", s->where,
		    "Dovecot knows the logins of this service as protocol %s, for which it has no auth_policy_server_url: a right password gets an answer at AUTH, before the milter refuses",
		    s->protocol);
		findings_fix(f,
		    "give Dovecot a block \"protocol %s { }\" like that of another protocol" DOVECOT_SETTINGS_RELOAD,
		    s->protocol);
	}
}

/* check_submission - Dovecot's own service */
static void
check_submission(struct visit *v, const char *served)
{
	struct findings *f = &v->checks->findings;
	const struct protocol *p = visit_protocol(v, "submission");

	if (strstr(served, " submission ") == NULL || p == NULL ||
	    p->server != DOVECOT_SERVER_NONE)
		return;
	findings_add(f, "auth-not-asked", "protocol submission",
	    "Dovecot has no auth_policy_server_url for its submission service: a right password gets an answer at AUTH, before the milter refuses");
	findings_fix(f,
	    "give Dovecot a block \"protocol submission { }\" like that of another protocol" DOVECOT_SETTINGS_RELOAD);
}

void
dovecot_checks(struct door *d)
{
	static struct visit v; /* large */
	char served[DOVECONF_VALUE_MAX + 1], base_dir[DOVECONF_VALUE_MAX + 1];

	memset(&v, 0, sizeof v);
	v.door = d;
	v.checks = d->checks;
	for (size_t i = 0; i < v.checks->service_count; i++)
		if (v.checks->service[i].sasl == CHECKS_SASL_DOVECOT)
			(void)visit_protocol(&v, v.checks->service[i].protocol);
	v.used = v.protocols > 0 || d->answers;
	if (v.protocols == 0)
		(void)visit_protocol(&v, "smtp");
	if (!visit_settings(&v) || v.asked == 0)
		return;
	strcpy(served, v.conf.protocols);
	strcpy(base_dir, v.conf.base_dir);
	check_readers(&v, served);
	if (v.checks->settings != NULL)
		check_services(&v);
	check_submission(&v, served);
	dovecot_run_check(d, base_dir);
}
