/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_checks - mistakes about the milter in main.cf and master.cf */
#include "policy/doctor/postfix_checks.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "policy/base/child_process.h"
#include "policy/doctor/postfix_exempt.h"
#include "policy/doctor/postfix_visit.h"
#include "policy/identity/mta.h"
#include "policy/kernel/proc.h"

#define PROCESSES_SPARE 64 /* descriptors that are no sessions */

/* check_offered - Dovecot's submission service, for one, may log users in by itself */
static void
check_offered(struct postfix_visit *v)
{
	if (v->offered || v->unread)
		return;
	findings_add(v->found, "nobody-asks", "master.cf",
	    "no service of this Postfix offers SMTP AUTH, so the milter is never asked: nothing is refused");
	findings_fix(v->found,
	    "-o smtpd_sasl_auth_enable=yes and -o smtpd_milters= for the services that users submit to; where Dovecot takes the submissions, see Proxies in contrib/postfix/README.md");
}

/* check_non_smtpd - mail without a session has no login, and old logins come back */
static void
check_non_smtpd(struct postfix_visit *v)
{
	struct milter_list *list = &v->other;

	milter_list_parse(postfix_visit_main(v, "non_smtpd_milters"), list);
	if (postfix_visit_ours(v, list, true) == NULL &&
	    postfix_visit_ours(v, list, false) == NULL)
		return;
	findings_add(v->found, "milter-in-non-smtpd", "main.cf",
	    "non_smtpd_milters names the milter: mail from sendmail(1) has no login, and a message put back into the queue would be judged again");
	findings_fix(v->found, "take it out of non_smtpd_milters; postfix reload");
}

/* check_files - one SMTP session is one connection to the milter */
static void
check_files(struct postfix_visit *v)
{
	long limit;

	if (!v->checks->running ||
	    !proc_files_limit((pid_t)v->checks->daemon.pid, &limit) ||
	    (!v->unlimited && v->sessions + PROCESSES_SPARE <= limit))
		return;
	findings_add(v->found, "fd-limit", "smtpauth-milter",
	    "it may open %ld files, and Postfix may run %s%ld smtpd processes that each hold a connection",
	    limit, v->unlimited ? "any number of processes, more than " : "",
	    v->sessions);
	findings_fix(v->found,
	    "LimitNOFILE=%ld in the milter's unit, or fewer processes in master.cf",
	    v->sessions + PROCESSES_SPARE > 65536 ? v->sessions * 2 : 65536L);
}

/* no_realm - why logins will have no domain; NULL: they will */
static const char *
no_realm(struct postfix_visit *v)
{
	static const char *const dovecot[] = {
	    "doveconf", "-h", "auth_username_format", NULL};
	const char *type = postfix_visit_main(v, "smtpd_sasl_type");
	bool cut;
	char *format;

	if (strcmp(type, "cyrus") == 0)
		return postfix_visit_main(v, "smtpd_sasl_local_domain")[0] != '\0'
		    ? NULL
		    : "Cyrus SASL with an empty smtpd_sasl_local_domain adds no domain to a login that is typed without one";
	if (strcmp(type, "dovecot") != 0 || child_process_read(dovecot, &format) != OK)
		return NULL;
	cut = strstr(format, "%n") != NULL || strstr(format, "%Ln") != NULL ||
	    strstr(format, "username") != NULL;
	free(format);
	return cut ? "Dovecot's auth_username_format cuts the domain off every login"
		   : NULL;
}

/* check_realm - unless the mail log has logins, or a setting gives them a tenant */
static void
check_realm(struct postfix_visit *v)
{
	const struct checks *c = v->checks;
	const char *reason;

	if (c->settings == NULL || c->settings->default_domain[0] != '\0' ||
	    c->catch_all || store_meta(c->txn)->aliases > 0 || c->services[0] == '\0' ||
	    c->logins > 0 || (reason = no_realm(v)) == NULL)
		return;
	findings_add(v->found, "login-without-realm", "main.cf",
	    "%s: such a login belongs to no tenant", reason);
	findings_fix(v->found,
	    "smtpauthctl settings set default-domain DOMAIN; or aliases (\"smtpauthctl mailbox alias add ADDRESS LOGIN\"), or a tenant with domain '*'");
}

/* check_braces - an entry with options in braces is known to Postfix 3.0 and newer */
static void
check_braces(struct postfix_visit *v)
{
	const char *version = postfix_visit_main(v, "mail_version");

	if (strtol(version, NULL, 10) >= 3 || version[0] == '\0' ||
	    strchr(postfix_visit_value(v, "smtpd_milters"), '{') == NULL)
		return;
	findings_add(v->found, "milter-syntax", v->where,
	    "this is Postfix %s, and a milter with options in braces needs 3.0: every submission is put off",
	    postfix_visit_main(v, "mail_version"));
	findings_fix(v->found,
	    "name the address alone in smtpd_milters, and set milter_default_action=tempfail and milter_command_timeout=15s; postfix%s reload",
	    v->postfix.option);
}

/* service_address - where a program of this machine connects to the service */
static bool
service_address(struct postfix_visit *v, struct endpoint *at)
{
	const char *name = v->service->name, *port = strrchr(name, ':');
	const char *all = postfix_visit_main(v, "inet_interfaces");
	const struct servent *known;
	size_t n;

	*at = (struct endpoint){.kind = ENDPOINT_INET};
	if (port != NULL) {
		n = (size_t)(port++ - name);
		if (*name == '[')
			name++, n -= n > 1 ? 2 : n;
	} else {
		port = name;
		name = strcmp(all, "all") == 0 || strcmp(all, "loopback-only") == 0 ||
			strstr(all, "localhost") != NULL
		    ? "127.0.0.1"
		    : all;
		if (name != all &&
		    strcmp(postfix_visit_main(v, "inet_protocols"), "ipv6") == 0)
			name = "::1";
		n = strcspn(name, ", \t");
	}
	if (snprintf(at->name, sizeof at->name, "%.*s", (int)n, name) > ENDPOINT_MAX)
		return false;
	at->port = (unsigned)strtoul(port, NULL, 10);
	if (at->port == 0 && (known = getservbyname(port, "tcp")) != NULL)
		at->port = ntohs((uint16_t)known->s_port);
	return at->port != 0;
}

/* always_offers - whether the service offers AUTH to us, without TLS too */
static bool
always_offers(struct postfix_visit *v)
{
	return strcasecmp(postfix_visit_value(v, "smtpd_tls_auth_only"), "yes") != 0 &&
	    strcasecmp(postfix_visit_value(v, "smtpd_tls_security_level"), "encrypt") !=
	    0 &&
	    strcasecmp(postfix_visit_value(v, "smtpd_enforce_tls"), "yes") != 0 &&
	    postfix_visit_value(v, "smtpd_sasl_exceptions_networks")[0] == '\0' &&
	    postfix_visit_value(v, "smtpd_discard_ehlo_keyword_address_maps")[0] ==
	    '\0' &&
	    strcasestr(postfix_visit_value(v, "smtpd_discard_ehlo_keywords"), "auth") ==
	    NULL;
}

/* has_finding - whether there is one with this ID */
static bool
has_finding(const struct postfix_visit *v, const char *id)
{
	for (size_t i = 0; i < v->found->count; i++)
		if (strcmp(v->found->item[i].id, id) == 0)
			return true;
	return false;
}

/* say_no_greeting - unless the log has been found to say why */
static void
say_no_greeting(struct postfix_visit *v, bool closed)
{
	if (has_finding(v, "mta-fatal"))
		return;
	if (closed)
		findings_add(v->found, "service-dead", v->where,
		    "this service closes every connection without a greeting: its smtpd ends with \"fatal:\" in Postfix's log");
	else
		findings_add(v->found, "service-dead", v->where,
		    "this service takes connections and gives no greeting within %d s: its smtpd does not start (\"fatal:\" and \"throttling\" in Postfix's log), or all of its processes are busy",
		    PROBE_SERVICE_S);
	findings_fix(v->found,
	    "mend what the line with \"fatal:\" in Postfix's log names (mail.log, or journalctl -u 'postfix*'); postfix%s reload",
	    v->postfix.option);
}

/* check_answer - whether the service works: a greeting, and AUTH; whether it greets */
static bool
check_answer(struct postfix_visit *v)
{
	struct endpoint at;
	bool tls =
	    strcasecmp(postfix_visit_value(v, "smtpd_tls_wrappermode"), "yes") == 0;

	if (v->master.pid == 0 || strcmp(v->service->type, "inet") != 0 ||
	    postfix_visit_value(v, "smtpd_upstream_proxy_protocol")[0] != '\0' ||
	    !service_address(v, &at))
		return false;
	switch (probe_service(&at, tls)) {
	case PROBE_SERVICE_CLOSED:
		say_no_greeting(v, true);
		return false;
	case PROBE_SERVICE_SILENT:
		say_no_greeting(v, false);
		return false;
	case PROBE_SERVICE_ABSENT:
		if (v->stale)
			return false; /* which is said */
		findings_add(v->found, "service-absent", v->where,
		    "nobody listens on the port of this service, though Postfix runs: its log says why (\"fatal: bind\"), or it was not reloaded");
		findings_fix(v->found, "postfix%s reload", v->postfix.option);
		return false;
	case PROBE_SERVICE_NO_AUTH:
		if (!always_offers(v))
			return true;
		findings_add(v->found, "auth-not-offered", v->where,
		    "smtpd_sasl_auth_enable is yes, and EHLO does not offer AUTH: nobody can log in here");
		findings_fix(v->found,
		    "see whether Dovecot or saslauthd runs, and what warnings of SASL Postfix's log has");
		return true;
	case PROBE_SERVICE_WELL:
		return true;
	case PROBE_SERVICE_OTHER:
		return false;
	}
	return false;
}

/* check_stale - what was read here is not what runs */
static void
check_stale(struct postfix_visit *v)
{
	static const char *const files[] = {"main.cf", "master.cf"};
	char path[POSTFIX_DIR_MAX + 20];
	struct stat st;

	if (!postfix_master_find(&v->postfix, &v->master)) {
		if (!v->checks->root)
			findings_add(&v->checks->unseen, "not-root", "",
			    "%swhether the services of Postfix answer, and whether it has read its files",
			    checks_unless_root(v->checks));
		return;
	}
	if (v->master.loaded == 0)
		return;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s",
		    postfix_visit_main(v, "config_directory"), files[i]);
		if (stat(path, &st) != 0 || st.st_mtime <= v->master.loaded + 1)
			continue;
		v->stale = true;
		findings_add(v->found, "postfix-not-reloaded",
		    v->instance != NULL ? path : files[i],
		    "it was changed after Postfix has read it: what runs is older than what was looked at here");
		findings_fix(v->found, "postfix%s reload", v->postfix.option);
	}
}

/*
 * is_noise - a warning that is said better elsewhere, or of a name in main.cf that
 * nothing refers to: sites keep such, and what it was meant for is looked at anyway
 */
static bool
is_noise(const struct postfix_visit *v, const char *line)
{
	return (v->braces && strstr(line, "missing '}'") != NULL) ||
	    strstr(line, "main.cf: unused parameter:") != NULL;
}

/* check_warnings - what postconf(1) itself has to say */
static void
check_warnings(struct postfix_visit *v)
{
	static const char prefix[] = "postconf: warning: ";
	char *rest;

	if (v->postfix.warnings == NULL)
		return;
	for (char *line = strtok_r(v->postfix.warnings, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, prefix, sizeof prefix - 1) == 0)
			line += sizeof prefix - 1;
		if (is_noise(v, line))
			continue;
		findings_add(v->found, "postconf-warning",
		    v->instance != NULL ? v->instance : "Postfix", "%s", line);
		findings_fix(v->found,
		    "mend that line; postconf%s -n shows the warnings that are left",
		    v->postfix.option);
	}
}

/* visit_instance - one Postfix: its files, its services */
static void
visit_instance(struct postfix_visit *v, const char *dir)
{
	struct error_text why;

	v->service = NULL;
	v->stale = v->braces = false;
	v->master = (struct postfix_master){0};
	if (postfix_read(&v->postfix, dir, &why) != OK) {
		v->unread = true;
		findings_add(v->found, "mta-unreadable",
		    v->instance != NULL ? v->instance : "Postfix", "%s", why.text);
		return;
	}
	check_stale(v);
	for (size_t i = 0; i < v->postfix.services; i++)
		if (postfix_visit_service(v, &v->postfix.service[i])) {
			check_braces(v);
			if (check_answer(v))
				v->greeting++;
			else
				v->mute = true;
		}
	v->service = NULL;
	check_warnings(v);
	check_non_smtpd(v);
	check_realm(v);
}

/* visit_others - the instances that the first one names (MULTI_INSTANCE_README) */
static void
visit_others(struct postfix_visit *v, char *folders)
{
	char *rest;

	for (char *dir = strtok_r(folders, ", \t", &rest); dir != NULL;
	     dir = strtok_r(NULL, ", \t", &rest)) {
		postfix_free(&v->postfix);
		v->instance = dir;
		visit_instance(v, dir);
	}
	v->instance = NULL;
}

static void
visit_all(struct postfix_visit *v, const char *dir)
{
	struct checks *c = v->checks;
	char *others;

	if (c->milter.kind == ENDPOINT_NONE) {
		checks_unknown_socket(c);
		return;
	}
	visit_instance(v, dir);
	if (v->unread)
		return;
	others = strdup(postfix_visit_main(v, "multi_instance_directories"));
	if (others == NULL)
		v->found->failed = true;
	else
		visit_others(v, others);
	free(others);
	c->served = v->greeting > 0 && !v->mute && !v->unread;
	check_offered(v);
	check_files(v);
	postfix_exempt_rest(v);
	if (c->config->mta == MTA_SENDMAIL)
		checks_wrong_mta(c,
		    "mta = sendmail, but this is Postfix: its logins would be decoded, and one like a+2Bb@... be read as another");
}

/* drop_all - those at WHERE, or NULL for anywhere */
static void
drop_all(struct findings *f, const char *id, const char *where)
{
	for (size_t i = f->count; i-- > 0;)
		if (strcmp(f->item[i].id, id) == 0 &&
		    (where == NULL || strcmp(f->item[i].where, where) == 0))
			findings_drop(f, i);
}

static size_t
count_of(const struct findings *f, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += strcmp(f->item[i].id, id) == 0;
	return n;
}

/*
 * drop_symptoms - one finding for one cause. A mistake in the files is why smtpd ends,
 * what smtpd says is why a service gives no greeting, and a service on loopback is
 * where the mail log has logins from this machine
 */
static void
drop_symptoms(struct findings *f)
{
	bool known = count_of(f, "milter-syntax") + count_of(f, "master-syntax") > 0;

	if (known || count_of(f, "mta-fatal") > 0)
		drop_all(f, "service-dead", NULL);
	if (known)
		drop_all(f, "mta-fatal", NULL);
	if (count_of(f, "webmail-not-exempt") > 1)
		drop_all(f, "webmail-not-exempt", "mail log");
}

void
postfix_checks(struct checks *c, const char *dir)
{
	static struct postfix_visit v; /* large */

	memset(&v, 0, sizeof v);
	v.checks = c;
	v.found = &c->findings;
	visit_all(&v, dir);
	drop_symptoms(v.found);
	postfix_free(&v.postfix);
}
