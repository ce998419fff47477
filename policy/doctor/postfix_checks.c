/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_checks - what can be wrong about the milter in main.cf and master.cf */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "policy/doctor/milter_list.h"
#include "policy/doctor/postfix.h"
#include "policy/doctor/postfix_tables.h"
#include "policy/doctor/program.h"
#include "policy/doctor/site.h"

#define PROCESSES_SPARE 64 /* descriptors that are no sessions */

struct visit {
	struct site *site;
	struct postfix postfix;
	const struct postfix_service *service;
	struct milter_list list;  /* the service's smtpd_milters */
	struct milter_list other; /* main.cf's, or another of its lists */
	char path[ENDPOINT_MAX * 2 + 2];
	long sessions; /* that may be open at once, over all services */
	bool unlimited;
	bool offered; /* some service has AUTH */
};

static const char *
value(struct visit *v, const char *name)
{
	return postfix_value(&v->postfix, v->service, name);
}

static bool
says_yes(struct visit *v, const char *name)
{
	return strcasecmp(value(v, name), "yes") == 0;
}

/* seen_from_outside - a unix socket's path without the chroot; others stay */
static struct endpoint
seen_from_outside(struct visit *v, const struct endpoint *e, bool chrooted)
{
	const char *queue = postfix_value(&v->postfix, NULL, "queue_directory");
	struct endpoint out = *e;
	bool relative = e->kind == ENDPOINT_UNIX && e->name[0] != '/';

	if (e->kind != ENDPOINT_UNIX || (!chrooted && !relative) ||
	    snprintf(v->path, sizeof v->path, "%s%s%s", queue,
		e->name[0] == '/' ? "" : "/", e->name) > ENDPOINT_MAX)
		return out;
	strcpy(out.name, v->path);
	return out;
}

/* find_ours - the entry that leads to the daemon, or NULL */
static const struct milter_entry *
find_ours(struct visit *v, const struct milter_list *list, bool chrooted)
{
	for (size_t i = 0; i < list->count; i++) {
		struct endpoint e =
		    seen_from_outside(v, &list->entry[i].endpoint, chrooted);

		if (endpoint_reaches(&e, &v->site->milter))
			return &list->entry[i];
	}
	return NULL;
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* is_near - whether the entry was probably meant to be ours */
static bool
is_near(const struct milter_entry *entry, const struct endpoint *ours)
{
	const struct endpoint *e = &entry->endpoint;
	char port[16];

	if (e->kind == ENDPOINT_UNIX && ours->kind == ENDPOINT_UNIX)
		return strcmp(last_part(e->name), last_part(ours->name)) == 0;
	if (e->kind != ENDPOINT_NONE || ours->kind != ENDPOINT_INET)
		return false;
	snprintf(port, sizeof port, ":%u@", ours->port);
	return strstr(entry->address, port) != NULL;
}

/* out_of_reach - a chrooted service and a socket that is not below its root */
static bool
out_of_reach(struct visit *v)
{
	const char *queue = postfix_value(&v->postfix, NULL, "queue_directory");
	const struct endpoint *ours = &v->site->milter;
	size_t n = strlen(queue);

	return ours->kind == ENDPOINT_UNIX && v->service->chrooted &&
	    (strncmp(ours->name, queue, n) != 0 || ours->name[n] != '/');
}

/* right_address - how this service has to name the daemon's socket */
static const char *
right_address(struct visit *v, char *out)
{
	const char *queue = postfix_value(&v->postfix, NULL, "queue_directory");
	size_t n = strlen(queue);
	const struct endpoint *ours = &v->site->milter;

	endpoint_postfix(ours, out);
	if (ours->kind == ENDPOINT_UNIX && v->service->chrooted && !out_of_reach(v))
		snprintf(out, ENDPOINT_MAX + 32, "unix:%s", ours->name + n);
	return out;
}

/* say_own_folder - a place for the socket that Postfix reaches, chrooted or not */
static void
say_own_folder(struct visit *v)
{
	const struct config *config = v->site->config;
	char queue[ENDPOINT_MAX + 1];

	snprintf(queue, sizeof queue, "%s",
	    postfix_value(&v->postfix, NULL, "queue_directory"));
	findings_fix(&v->site->findings,
	    "install -d -o %s -g %s -m 2710 %s/smtpauth; in smtpauth-milter.conf: "
	    "socket = unix:%s/smtpauth/milter.sock, and socket-mode = 0660; restart "
	    "smtpauth-milter; name unix:smtpauth/milter.sock in smtpd_milters",
	    config->user[0] != '\0' ? config->user : "smtpauth",
	    postfix_value(&v->postfix, NULL, "mail_owner"), queue, queue);
}

/* say_absent - what to type, in one word: "postconf -P" takes no space */
static void
say_absent(struct visit *v, const char *right)
{
	struct findings *f = &v->site->findings;
	const struct postfix_service *s = v->service;
	char others[2048];

	if (!milter_list_squeeze(value(v, "smtpd_milters"), others, sizeof others))
		strcpy(others, "THE-MILTERS-IT-HAS");
	findings_add(f, "milter-not-listed", s->name,
	    "this service offers SMTP AUTH and does not ask the milter: nothing is "
	    "refused here");
	findings_fix(f,
	    "postconf -P '%s/%s/smtpd_milters={%s,connect_timeout=3s,"
	    "command_timeout=15s,default_action=tempfail}%s%s'; postfix reload. Or, if "
	    "nobody is to log in here: postconf -P '%s/%s/smtpd_sasl_auth_enable=no'",
	    s->name, s->type, right, others[0] != '\0' ? "," : "", others, s->name,
	    s->type);
}

/* say_unlisted - a service offers AUTH and does not ask us: why not, and how */
static void
say_unlisted(struct visit *v)
{
	struct findings *f = &v->site->findings;
	char right[ENDPOINT_MAX + 32];
	const char *name = v->service->name;

	right_address(v, right);
	for (size_t i = 0; i < v->list.count; i++) {
		const struct milter_entry *entry = &v->list.entry[i];

		if (!is_near(entry, &v->site->milter))
			continue;
		findings_add(f,
		    entry->endpoint.kind == ENDPOINT_NONE ? "milter-syntax"
							  : "socket-path",
		    name,
		    "the milter %s does not lead to the daemon's socket%s; Postfix "
		    "answers with its default action, or nobody is asked",
		    entry->address,
		    entry->endpoint.kind == ENDPOINT_NONE ? " (that is not how Postfix "
							    "writes an address)"
			: v->service->chrooted            ? ": this smtpd is chrooted"
					       : ": this smtpd is not chrooted");
		if (out_of_reach(v))
			say_own_folder(v);
		else
			findings_fix(
			    f, "write %s in smtpd_milters; postfix reload", right);
		return;
	}
	say_absent(v, right);
}

/* no_milters - whether the service asks none at all, whatever its list says */
static bool
no_milters(struct visit *v)
{
	const char *options = value(v, "receive_override_options");

	return strstr(options, "no_milters") != NULL;
}

static void
say_switched_off(struct visit *v)
{
	struct findings *f = &v->site->findings;

	findings_add(f, "milter-switched-off", v->service->name,
	    "this service lists the milter, but receive_override_options has "
	    "no_milters: no milter is asked, and nothing is refused here");
	findings_fix(
	    f, "take no_milters out of receive_override_options; postfix reload");
}

static void
check_default_action(struct visit *v, const struct milter_entry *ours)
{
	struct findings *f = &v->site->findings;
	const char *action = ours->default_action;

	if (action[0] == '\0')
		action = value(v, "milter_default_action");
	if (strcasecmp(action, "accept") != 0 &&
	    strncasecmp(action, "quarantine", 10) != 0)
		return;
	findings_add(f, "default-action-accept", v->service->name,
	    "default_action=%s: while the milter is away, everything is accepted",
	    action);
	findings_fix(f,
	    "put default_action=tempfail into the braces of the milter's entry; "
	    "postfix "
	    "reload");
}

static void
check_timeout(struct visit *v, const struct milter_entry *ours)
{
	struct findings *f = &v->site->findings;
	long seconds = ours->command_timeout;

	if (seconds < 0)
		seconds = milter_seconds(value(v, "milter_command_timeout"));
	if (seconds < 0 || seconds >= SITE_PATIENCE_S)
		return;
	findings_add(f, "milter-timeout", v->service->name,
	    "command_timeout is %ld s, but the milter may take 10 s to verify its "
	    "database after a start: Postfix would give up before",
	    seconds);
	findings_fix(
	    f, "put command_timeout=15s into the braces of the milter's entry");
}

/* check_dropped - the milters of main.cf that an override leaves out */
static void
check_dropped(struct visit *v)
{
	struct findings *f = &v->site->findings;
	struct milter_list *global = &v->other;

	if (!postfix_overrides(&v->postfix, v->service, "smtpd_milters"))
		return;
	milter_list_parse(postfix_value(&v->postfix, NULL, "smtpd_milters"), global);
	for (size_t i = 0; i < global->count; i++) {
		const struct milter_entry *entry = &global->entry[i];
		bool found = find_ours(v, global, v->service->chrooted) == entry;

		for (size_t j = 0; j < v->list.count; j++)
			found = found ||
			    strcmp(v->list.entry[j].address, entry->address) == 0;
		if (found)
			continue;
		findings_add(f, "milter-dropped", v->service->name,
		    "-o smtpd_milters= in master.cf replaces main.cf's list, so %s is "
		    "no "
		    "longer asked for mail that comes in here",
		    entry->address);
		findings_fix(f,
		    "name %s behind our milter in that line (a signer, for one, has "
		    "to see this mail); postfix reload",
		    entry->address);
	}
}

/* check_maps - smtpd_milter_maps can turn all milters off for a client */
static void
check_maps(struct visit *v)
{
	struct findings *f = &v->site->findings;
	const char *maps = value(v, "smtpd_milter_maps");
	char table[300];

	switch (tables_disable(maps, table, sizeof table)) {
	case TABLES_KEEP:
		return;
	case TABLES_DISABLE:
		findings_add(f, "milter-maps-disable", v->service->name,
		    "%s in smtpd_milter_maps says DISABLE: for those clients no milter "
		    "is asked, and nothing is refused",
		    table);
		findings_fix(f,
		    "take those lines out; a client that may submit is exempted with "
		    "\"smtpauthctl settings add exempt-clients ADDRESS\"");
		return;
	case TABLES_UNKNOWN:
		findings_add(f, "milter-maps-unknown", v->service->name,
		    "smtpd_milter_maps has %s, which cannot be looked through: make "
		    "sure "
		    "that it says DISABLE for no client that submits",
		    table);
		return;
	}
}

/* check_reach - whether Postfix's user may connect to a unix socket */
static void
check_reach(struct visit *v)
{
	struct site *s = v->site;
	struct account user;
	struct error_text why;
	char root[ENDPOINT_MAX + 1] = "";
	const char *owner = postfix_value(&v->postfix, NULL, "mail_owner");
	enum error e;

	if (s->milter.kind != ENDPOINT_UNIX)
		return;
	if (account_find(owner, &user) != OK)
		return;
	if (v->service->chrooted)
		snprintf(root, sizeof root, "%s",
		    postfix_value(&v->postfix, NULL, "queue_directory"));
	e = account_may(&user, root, s->milter.name, W_OK, &why);
	if (e == ERR_MISSING && s->running) {
		findings_add(&s->findings, "socket-missing", v->service->name,
		    "there is no socket: %s", why.text);
		findings_fix(&s->findings, "restart smtpauth-milter");
	} else if (e == ERR_PERMISSION) {
		findings_add(&s->findings, "socket-not-writable", v->service->name,
		    "Postfix cannot connect to the milter: %s", why.text);
		say_own_folder(v);
	}
}

/* check_macros - what the daemon tells the MTA by, and how much it is told */
static void
check_macros(struct visit *v)
{
	struct site *s = v->site;
	const char *version = value(v, "milter_macro_v");

	if (s->config->mta == MTA_AUTO && version[0] >= '0' && version[0] <= '9') {
		findings_add(&s->findings, "mta-detection", v->service->name,
		    "macro v is \"%s\": beginning with a digit it reads as Sendmail's, "
		    "so "
		    "logins would be decoded that are not encoded",
		    version);
		findings_fix(&s->findings, "mta = postfix in smtpauth-milter.conf");
	}
}

/* check_protocol - of the milter's own entry, or of all milters */
static void
check_protocol(struct visit *v, const struct milter_entry *ours)
{
	struct findings *f = &v->site->findings;
	const struct postfix_service *s = v->service;
	long version = ours->protocol;

	if (version < 0)
		version = strtol(value(v, "milter_protocol"), NULL, 10);
	if (version >= 6)
		return;
	findings_add(f, "milter-protocol", s->name,
	    "milter_protocol is below 6: the milter cannot ask for its macros");
	if (ours->protocol >= 0)
		findings_fix(f, "take protocol= out of the milter's entry");
	else if (postfix_overrides(&v->postfix, s, "milter_protocol"))
		findings_fix(f, "postconf -PX %s/%s/milter_protocol; postfix reload",
		    s->name, s->type);
	else
		findings_fix(f, "postconf -X milter_protocol; postfix reload");
}

/* check_webmail - a service only this machine can reach, with AUTH and not exempt */
static void
check_webmail(struct visit *v)
{
	struct site *s = v->site;
	const char *name = v->service->name;

	if ((strncmp(name, "127.", 4) != 0 && strncmp(name, "localhost:", 10) != 0 &&
		strncmp(name, "[::1]:", 6) != 0) ||
	    s->settings == NULL ||
	    value(v, "smtpd_authorized_xclient_hosts")[0] != '\0' ||
	    settings_exempt_listener(
		s->settings, value(v, "milter_macro_daemon_name")) ||
	    cidr_list_has_loopback(&s->settings->exempt_clients))
		return;
	findings_add(&s->findings, "webmail-not-exempt", name,
	    "this service listens on loopback, as for webmail, and is not exempt: "
	    "webmail stops for every mailbox whose SMTP AUTH is off");
	findings_fix(&s->findings,
	    "postconf -P '%s/inet/milter_macro_daemon_name=WEBMAIL'; postfix reload; "
	    "smtpauthctl settings add exempt-listeners WEBMAIL",
	    name);
}

/* check_loopback - exempt loopback is everyone, once a proxy stands in front */
static void
check_loopback(struct visit *v)
{
	struct site *s = v->site;

	if (s->settings == NULL ||
	    !cidr_list_has_loopback(&s->settings->exempt_clients) ||
	    value(v, "smtpd_authorized_xclient_hosts")[0] != '\0')
		return;
	findings_add(&s->findings, "loopback-exempt", v->service->name,
	    "exempt-clients has loopback, and a proxy on this machine (Dovecot's "
	    "submission service, nginx) without XCLIENT makes every client loopback: "
	    "everyone would be exempt");
	findings_fix(&s->findings,
	    "exempt a listener of webmail's own instead (exempt-listeners), or let the "
	    "proxy tell the client: smtpd_authorized_xclient_hosts in Postfix, "
	    "submission_relay_trusted = yes in Dovecot");
}

static void
visit_asking(struct visit *v, const struct milter_entry *ours)
{
	site_asks(v->site, v->service->name);
	if (v->service->processes == 0)
		v->unlimited = true;
	v->sessions += v->service->processes;
	check_default_action(v, ours);
	check_timeout(v, ours);
	check_dropped(v);
	check_maps(v);
	check_reach(v);
	check_macros(v);
	check_protocol(v, ours);
	check_webmail(v);
	check_loopback(v);
}

static void
visit_service(struct visit *v, const struct postfix_service *service)
{
	struct findings *f = &v->site->findings;
	const struct milter_entry *ours;
	bool auth;

	v->service = service;
	auth = says_yes(v, "smtpd_sasl_auth_enable");
	v->offered = v->offered || auth;
	milter_list_parse(value(v, "smtpd_milters"), &v->list);
	ours = find_ours(v, &v->list, service->chrooted);
	if (ours != NULL && auth && no_milters(v)) {
		say_switched_off(v);
	} else if (ours != NULL && auth) {
		visit_asking(v, ours);
	} else if (ours != NULL && !no_milters(v)) {
		findings_add(f, "milter-misplaced", service->name,
		    "this service offers no SMTP AUTH, so there is nothing to decide; "
		    "but "
		    "a stopped milter would defer the mail that comes in here");
		findings_fix(f,
		    "take the milter out of main.cf's smtpd_milters and name it with "
		    "-o "
		    "smtpd_milters= in the services that offer AUTH");
	} else if (auth) {
		say_unlisted(v);
	}
}

/* check_offered - Dovecot's submission service, for one, may log users in by itself */
static void
check_offered(struct visit *v)
{
	struct findings *f = &v->site->findings;

	if (v->offered)
		return;
	findings_add(f, "nobody-asks", "master.cf",
	    "no service of this Postfix offers SMTP AUTH, so the milter is never "
	    "asked: nothing is refused");
	findings_fix(f,
	    "-o smtpd_sasl_auth_enable=yes and -o smtpd_milters= for the services that "
	    "users submit to; where Dovecot takes the submissions, see Proxies in "
	    "contrib/postfix/README.md");
}

/* check_non_smtpd - mail without a session has no login, and old logins come back */
static void
check_non_smtpd(struct visit *v)
{
	struct findings *f = &v->site->findings;
	struct milter_list *list = &v->other;

	milter_list_parse(postfix_value(&v->postfix, NULL, "non_smtpd_milters"), list);
	if (find_ours(v, list, true) == NULL && find_ours(v, list, false) == NULL)
		return;
	findings_add(f, "milter-in-non-smtpd", "main.cf",
	    "non_smtpd_milters names the milter: mail from sendmail(1) has no login, "
	    "and a "
	    "message put back into the queue would be judged again");
	findings_fix(f, "take it out of non_smtpd_milters; postfix reload");
}

/* check_files - one SMTP session is one connection to the milter */
static void
check_files(struct visit *v)
{
	struct site *s = v->site;
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
	    "it may open %ld files, and Postfix may run %s%ld smtpd processes that "
	    "each "
	    "hold a connection",
	    limit, v->unlimited ? "any number of processes, more than " : "",
	    v->sessions);
	findings_fix(&s->findings,
	    "LimitNOFILE=%ld in the milter's unit, or fewer "
	    "processes in master.cf",
	    v->sessions + PROCESSES_SPARE > 65536 ? v->sessions * 2 : 65536L);
}

/* no_realm - what the fix is for logins that carry no domain */
static void
say_no_realm(struct visit *v, const char *reason)
{
	findings_add(&v->site->findings, "login-without-realm", "main.cf",
	    "%s: such a login belongs to no tenant", reason);
	findings_fix(&v->site->findings,
	    "smtpauthctl settings set default-domain DOMAIN; or aliases (\"smtpauthctl "
	    "mailbox alias add ADDRESS LOGIN\"), or a tenant "
	    "with domain '*'");
}

/* check_realm - whether the logins will have a domain */
static void
check_realm(struct visit *v)
{
	static const char *const dovecot[] = {
	    "doveconf", "-h", "auth_username_format", NULL};
	const struct site *s = v->site;
	const char *type;
	char *format;

	if (s->settings == NULL || s->settings->default_domain[0] != '\0' ||
	    s->catch_all || store_meta(s->txn)->aliases > 0 || s->services[0] == '\0')
		return;
	type = postfix_value(&v->postfix, NULL, "smtpd_sasl_type");
	if (strcmp(type, "cyrus") == 0) {
		if (postfix_value(&v->postfix, NULL, "smtpd_sasl_local_domain")[0] ==
		    '\0')
			say_no_realm(v,
			    "Cyrus SASL with an empty smtpd_sasl_local_domain adds no "
			    "domain "
			    "to a login that is typed without one");
	} else if (strcmp(type, "dovecot") == 0 &&
	    program_read(dovecot, &format) == OK) {
		if (strstr(format, "%n") != NULL || strstr(format, "%Ln") != NULL ||
		    strstr(format, "username") != NULL)
			say_no_realm(v,
			    "Dovecot's auth_username_format cuts the domain off every "
			    "login");
		free(format);
	}
}

static void
visit_all(struct visit *v)
{
	struct site *s = v->site;

	for (size_t i = 0; i < v->postfix.services; i++)
		visit_service(v, &v->postfix.service[i]);
	v->service = NULL;
	check_offered(v);
	check_non_smtpd(v);
	check_files(v);
	check_realm(v);
	if (s->config->mta != MTA_SENDMAIL)
		return;
	findings_add(&s->findings, "mta-setting", "smtpauth-milter.conf",
	    "mta = sendmail, but this is Postfix: its logins would be decoded, and one "
	    "like "
	    "a+2Bb@... be read as another");
	findings_fix(&s->findings, "mta = auto");
}

void
check_postfix(struct site *s, const char *dir)
{
	struct visit *v = calloc(1, sizeof *v); /* large */
	struct error_text why;

	if (v == NULL) {
		s->findings.failed = true;
		return;
	}
	v->site = s;
	if (postfix_read(&v->postfix, dir, &why) == OK)
		visit_all(v);
	else
		findings_add(&s->findings, "mta-unreadable", "Postfix", "%s", why.text);
	postfix_free(&v->postfix);
	free(v);
}
