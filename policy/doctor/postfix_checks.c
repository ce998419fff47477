/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_checks - what can be wrong about the milter in main.cf and master.cf */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "policy/base/child_process.h"
#include "policy/doctor/postfix_visit.h"
#include "policy/identity/mta.h"

#define PROCESSES_SPARE 64 /* descriptors that are no sessions */

static bool
says_yes(struct visit *v, const char *name)
{
	return strcasecmp(visit_value(v, name), "yes") == 0;
}

/* no_milters - whether the service asks none at all, whatever its list says */
static bool
no_milters(struct visit *v)
{
	const char *options = visit_value(v, "receive_override_options");

	return strstr(options, "no_milters") != NULL;
}

static void
say_switched_off(struct visit *v)
{
	struct findings *f = &v->checks->findings;

	findings_add(f, "milter-switched-off", v->service->name,
	    "this service lists the milter, but receive_override_options has no_milters: no milter is asked, and nothing is refused here");
	findings_fix(
	    f, "take no_milters out of receive_override_options; postfix reload");
}

static void
visit_service(struct visit *v, const struct postfix_service *service)
{
	struct findings *f = &v->checks->findings;
	const struct milter_entry *ours;
	bool auth;

	v->service = service;
	auth = says_yes(v, "smtpd_sasl_auth_enable");
	v->offered = v->offered || auth;
	milter_list_parse(visit_value(v, "smtpd_milters"), &v->list);
	if (v->list.cut)
		findings_add(f, "mta-unreadable", service->name,
		    "smtpd_milters is too long: not all of it was looked at");
	ours = visit_find_ours(v, &v->list, service->chrooted);
	if (ours != NULL && auth && no_milters(v)) {
		say_switched_off(v);
	} else if (ours != NULL && auth) {
		visit_asking(v, ours);
	} else if (ours != NULL && !no_milters(v)) {
		findings_add(f, "milter-misplaced", service->name,
		    "this service offers no SMTP AUTH, so there is nothing to decide; but a stopped milter would defer the mail that comes in here");
		findings_fix(f,
		    "take the milter out of main.cf's smtpd_milters and name it with -o smtpd_milters= in the services that offer AUTH");
	} else if (auth) {
		visit_unlisted(v);
	}
}

/* check_offered - Dovecot's submission service, for one, may log users in by itself */
static void
check_offered(struct visit *v)
{
	struct findings *f = &v->checks->findings;

	if (v->offered)
		return;
	findings_add(f, "nobody-asks", "master.cf",
	    "no service of this Postfix offers SMTP AUTH, so the milter is never asked: nothing is refused");
	findings_fix(f,
	    "-o smtpd_sasl_auth_enable=yes and -o smtpd_milters= for the services that users submit to; where Dovecot takes the submissions, see Proxies in contrib/postfix/README.md");
}

/* check_non_smtpd - mail without a session has no login, and old logins come back */
static void
check_non_smtpd(struct visit *v)
{
	struct findings *f = &v->checks->findings;
	struct milter_list *list = &v->other;

	milter_list_parse(postfix_value(&v->postfix, NULL, "non_smtpd_milters"), list);
	if (visit_find_ours(v, list, true) == NULL &&
	    visit_find_ours(v, list, false) == NULL)
		return;
	findings_add(f, "milter-in-non-smtpd", "main.cf",
	    "non_smtpd_milters names the milter: mail from sendmail(1) has no login, and a message put back into the queue would be judged again");
	findings_fix(f, "take it out of non_smtpd_milters; postfix reload");
}

/* check_files - one SMTP session is one connection to the milter */
static void
check_files(struct visit *v)
{
	struct checks *s = v->checks;
	char path[40], line[200];
	long limit = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%lu/limits", (unsigned long)s->daemon.pid);
	f = s->running ? fopen(path, "re") : NULL;
	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "Max open files", 14) == 0)
			limit = strtol(line + 14, NULL, 10);
	fclose(f);
	if (limit == 0 || (!v->unlimited && v->sessions + PROCESSES_SPARE <= limit))
		return;
	findings_add(&s->findings, "fd-limit", "smtpauth-milter",
	    "it may open %ld files, and Postfix may run %s%ld smtpd processes that each hold a connection",
	    limit, v->unlimited ? "any number of processes, more than " : "",
	    v->sessions);
	findings_fix(&s->findings,
	    "LimitNOFILE=%ld in the milter's unit, or fewer processes in master.cf",
	    v->sessions + PROCESSES_SPARE > 65536 ? v->sessions * 2 : 65536L);
}

/* no_realm - what the fix is for logins that carry no domain */
static void
say_no_realm(struct visit *v, const char *reason)
{
	findings_add(&v->checks->findings, "login-without-realm", "main.cf",
	    "%s: such a login belongs to no tenant", reason);
	findings_fix(&v->checks->findings,
	    "smtpauthctl settings set default-domain DOMAIN; or aliases (\"smtpauthctl mailbox alias add ADDRESS LOGIN\"), or a tenant with domain '*'");
}

/* check_realm - whether the logins will have a domain */
static void
check_realm(struct visit *v)
{
	static const char *const dovecot[] = {
	    "doveconf", "-h", "auth_username_format", NULL};
	const struct checks *s = v->checks;
	const char *type;
	char *format;

	if (s->settings == NULL || s->settings->default_domain[0] != '\0' ||
	    s->catch_all || store_meta(s->txn)->aliases > 0 || s->services[0] == '\0' ||
	    s->logins > 0)
		return;
	type = postfix_value(&v->postfix, NULL, "smtpd_sasl_type");
	if (strcmp(type, "cyrus") == 0) {
		if (postfix_value(&v->postfix, NULL, "smtpd_sasl_local_domain")[0] ==
		    '\0')
			say_no_realm(v,
			    "Cyrus SASL with an empty smtpd_sasl_local_domain adds no domain to a login that is typed without one");
	} else if (strcmp(type, "dovecot") == 0 &&
	    child_process_read(dovecot, &format) == OK) {
		if (strstr(format, "%n") != NULL || strstr(format, "%Ln") != NULL ||
		    strstr(format, "username") != NULL)
			say_no_realm(v,
			    "Dovecot's auth_username_format cuts the domain off every login");
		free(format);
	}
}

static void
visit_all(struct visit *v)
{
	struct checks *s = v->checks;

	if (s->milter.kind == ENDPOINT_NONE) {
		checks_unknown_socket(s);
		return;
	}
	for (size_t i = 0; i < v->postfix.services; i++)
		visit_service(v, &v->postfix.service[i]);
	v->service = NULL;
	check_offered(v);
	check_non_smtpd(v);
	check_files(v);
	check_realm(v);
	if (s->config->mta == MTA_SENDMAIL)
		checks_wrong_mta(s,
		    "mta = sendmail, but this is Postfix: its logins would be decoded, and one like a+2Bb@... be read as another");
}

void
postfix_checks(struct checks *s, const char *dir)
{
	struct visit *v = calloc(1, sizeof *v); /* large */
	struct error_text why;

	if (v == NULL) {
		s->findings.failed = true;
		return;
	}
	v->checks = s;
	if (postfix_read(&v->postfix, dir, &why) == OK)
		visit_all(v);
	else
		findings_add(&s->findings, "mta-unreadable", "Postfix", "%s", why.text);
	postfix_free(&v->postfix);
	free(v);
}
