/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_checks - mistakes about the milter in main.cf and master.cf */
#include "policy/doctor/postfix_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "policy/base/child_process.h"
#include "policy/doctor/milter_list.h"
#include "policy/doctor/postfix.h"
#include "policy/doctor/postfix_tables.h"
#include "policy/identity/mta.h"

#define PROCESSES_SPARE 64 /* descriptors that are no sessions */

/* The visit to the services of one Postfix. */
struct visit {
	struct checks *checks;
	struct findings *found; /* of CHECKS */
	struct postfix postfix;
	const struct postfix_service *service; /* the one visited; NULL: main.cf */
	const struct milter_entry *ours;       /* its entry for the daemon */
	struct milter_list list;               /* its smtpd_milters */
	struct milter_list other;              /* main.cf's, or another of its lists */
	long sessions; /* that may be open at once, over all services */
	bool unlimited;
	bool offered; /* some service has AUTH */
};

static const char *
service_value(struct visit *v, const char *name)
{
	return postfix_value(&v->postfix, v->service, name);
}

static const char *
main_value(struct visit *v, const char *name)
{
	return postfix_value(&v->postfix, NULL, name);
}

/* from_outside - a unix socket's path without the chroot; others stay */
static struct endpoint
from_outside(struct visit *v, const struct endpoint *e, bool chrooted)
{
	struct endpoint out = *e;
	char path[ENDPOINT_MAX * 2 + 2];
	bool absolute = e->name[0] == '/';

	if (e->kind == ENDPOINT_UNIX && (chrooted || !absolute) &&
	    snprintf(path, sizeof path, "%s%s%s", main_value(v, "queue_directory"),
		absolute ? "" : "/", e->name) <= ENDPOINT_MAX)
		strcpy(out.name, path);
	return out;
}

/* find_ours - the entry that leads to the daemon, or NULL */
static const struct milter_entry *
find_ours(struct visit *v, const struct milter_list *list, bool chrooted)
{
	for (size_t i = 0; i < list->count; i++) {
		struct endpoint e = from_outside(v, &list->entry[i].endpoint, chrooted);

		if (endpoint_reaches(&e, &v->checks->milter))
			return &list->entry[i];
	}
	return NULL;
}

/* is_near - whether the entry was probably meant to be ours */
static bool
is_near(const struct milter_entry *entry, const struct endpoint *ours)
{
	const struct endpoint *e = &entry->endpoint;
	char port[16];

	if (e->kind == ENDPOINT_UNIX && ours->kind == ENDPOINT_UNIX)
		return strcmp(postfix_basename(e->name),
			   postfix_basename(ours->name)) == 0;
	if (e->kind != ENDPOINT_NONE || ours->kind != ENDPOINT_INET)
		return false;
	snprintf(port, sizeof port, ":%u@", ours->port);
	return strstr(entry->address, port) != NULL;
}

/*
 * right_address - how this service has to name the daemon's socket; whether the service
 * reaches it: a chrooted one sees only files below its root
 */
static bool
right_address(struct visit *v, char *out)
{
	const char *queue = main_value(v, "queue_directory");
	const struct endpoint *ours = &v->checks->milter;
	size_t n = strlen(queue);

	endpoint_postfix(ours, out);
	if (ours->kind != ENDPOINT_UNIX || !v->service->chrooted)
		return true;
	if (strncmp(ours->name, queue, n) != 0 || ours->name[n] != '/')
		return false;
	snprintf(out, ENDPOINT_MAX + 32, "unix:%s", ours->name + n);
	return true;
}

/* fix_folder - a place for the socket that Postfix reaches, chrooted or not */
static void
fix_folder(struct visit *v)
{
	char queue[ENDPOINT_MAX + 1];

	snprintf(queue, sizeof queue, "%s", main_value(v, "queue_directory"));
	findings_fix(v->found,
	    "install -d -o %s -g %s -m 2710 %s/smtpauth; in smtpauth-milter.conf: socket = unix:%s/smtpauth/milter.sock, and socket-mode = 0660; restart smtpauth-milter; name unix:smtpauth/milter.sock in smtpd_milters",
	    checks_user(v->checks), main_value(v, "mail_owner"), queue, queue);
}

/* say_absent - with a value without space, as "postconf -P" needs it */
static void
say_absent(struct visit *v, const char *right)
{
	const struct postfix_service *s = v->service;
	char others[2048];

	if (!milter_list_squeeze(
		service_value(v, "smtpd_milters"), others, sizeof others))
		strcpy(others, "THE-MILTERS-IT-HAS");
	findings_add(v->found, "milter-not-listed", s->name,
	    "this service offers SMTP AUTH and does not ask the milter: nothing is refused here");
	findings_fix(v->found,
	    "postconf -P '%s/%s/smtpd_milters={%s,connect_timeout=3s,command_timeout=15s,default_action=tempfail}%s%s'; postfix reload. Or, if nobody is to log in here: postconf -P '%s/%s/smtpd_sasl_auth_enable=no'",
	    s->name, s->type, right, others[0] != '\0' ? "," : "", others, s->name,
	    s->type);
}

/* visit_unlisted - a service that offers AUTH and does not ask us: why not */
static void
visit_unlisted(struct visit *v)
{
	char right[ENDPOINT_MAX + 32];
	bool in_reach = right_address(v, right);
	const char *why = v->service->chrooted ? ": this smtpd is chrooted"
					       : ": this smtpd is not chrooted";

	if (strpbrk(right, "'\\") != NULL) /* it goes into a command to type */
		strcpy(right, "unix:PATH-OF-THE-SOCKET");
	for (size_t i = 0; i < v->list.count; i++) {
		const struct milter_entry *entry = &v->list.entry[i];
		bool unread = entry->endpoint.kind == ENDPOINT_NONE;

		if (!is_near(entry, &v->checks->milter))
			continue;
		findings_add(v->found, unread ? "milter-syntax" : "socket-path",
		    v->service->name,
		    "the milter %s does not lead to the daemon's socket%s; Postfix answers with its default action, or nobody is asked",
		    entry->address,
		    unread ? " (that is not how Postfix writes an address)" : why);
		if (in_reach)
			findings_fix(v->found,
			    "write %s in smtpd_milters; postfix reload", right);
		else
			fix_folder(v);
		return;
	}
	say_absent(v, right);
}

static void
check_default_action(struct visit *v)
{
	const char *action = v->ours->default_action;

	if (action[0] == '\0')
		action = service_value(v, "milter_default_action");
	if (strcasecmp(action, "accept") != 0 &&
	    strncasecmp(action, "quarantine", 10) != 0)
		return;
	findings_add(v->found, "default-action-accept", v->service->name,
	    "default_action=%s: while the milter is away, everything is accepted",
	    action);
	findings_fix(v->found,
	    "put default_action=tempfail into the braces of the milter's entry; postfix reload");
}

static void
check_timeout(struct visit *v)
{
	long seconds = v->ours->command_timeout;

	if (seconds < 0)
		seconds =
		    milter_list_seconds(service_value(v, "milter_command_timeout"));
	if (seconds < 0 || seconds >= CHECKS_PATIENCE_S)
		return;
	findings_add(v->found, "milter-timeout", v->service->name,
	    "command_timeout is %ld s, but the milter may take 10 s to verify its database after a start: Postfix would give up before",
	    seconds);
	findings_fix(
	    v->found, "put command_timeout=15s into the braces of the milter's entry");
}

/* check_dropped - the milters of main.cf that an override leaves out */
static void
check_dropped(struct visit *v)
{
	struct milter_list *global = &v->other;
	const struct milter_entry *ours;

	if (!postfix_overrides(&v->postfix, v->service, "smtpd_milters"))
		return;
	milter_list_parse(main_value(v, "smtpd_milters"), global);
	ours = find_ours(v, global, v->service->chrooted);
	for (size_t i = 0; i < global->count; i++) {
		const struct milter_entry *entry = &global->entry[i];
		bool found = entry == ours;

		for (size_t j = 0; j < v->list.count; j++)
			found |= strcmp(v->list.entry[j].address, entry->address) == 0;
		if (found)
			continue;
		findings_add(v->found, "milter-dropped", v->service->name,
		    "-o smtpd_milters= in master.cf replaces main.cf's list, so %s is no longer asked for mail that comes in here",
		    entry->address);
		findings_fix(v->found,
		    "name %s behind our milter in that line (a signer, for one, has to see this mail); postfix reload",
		    entry->address);
	}
}

/* check_maps - smtpd_milter_maps can turn milters off for a client, or name others */
static void
check_maps(struct visit *v)
{
	const struct endpoint *ours = &v->checks->milter;
	const char *name = v->service->name;
	char table[300], piece[ENDPOINT_MAX + 2];

	/* a part of every list with our milter, however it names the host */
	if (ours->kind == ENDPOINT_UNIX)
		snprintf(piece, sizeof piece, "/%s", postfix_basename(ours->name));
	else
		snprintf(piece, sizeof piece, ":%u", ours->port);
	switch (postfix_tables_look(v->postfix.dir,
	    service_value(v, "smtpd_milter_maps"), piece, table, sizeof table)) {
	case TABLES_KEEP:
		return;
	case TABLES_DISABLE:
		findings_add(v->found, "milter-maps-disable", name,
		    "%s in smtpd_milter_maps says DISABLE: for those clients no milter is asked, and nothing is refused",
		    table);
		findings_fix(v->found,
		    "take those lines out; a client that may submit is exempted with \"smtpauthctl settings add exempt-clients ADDRESS\"");
		return;
	case TABLES_REPLACE:
		findings_add(v->found, "milter-maps-replace", name,
		    "%s in smtpd_milter_maps names milters without ours: for those clients that list takes the place of smtpd_milters, and nothing is refused",
		    table);
		findings_fix(v->found, "add our milter to the lists in that table");
		return;
	case TABLES_UNKNOWN:
		findings_add(v->found, "milter-maps-unknown", name,
		    "smtpd_milter_maps has %s, which cannot be looked through: make sure that it neither says DISABLE nor leaves our milter out for a client that submits",
		    table);
		return;
	}
}

/* check_reach - whether Postfix's user may connect to a unix socket */
static void
check_reach(struct visit *v)
{
	const struct checks *c = v->checks;
	char root[ENDPOINT_MAX + 1] = "";
	struct account user;
	struct error_text why;
	enum error e;

	if (c->milter.kind != ENDPOINT_UNIX ||
	    !account_find(main_value(v, "mail_owner"), &user))
		return;
	if (v->service->chrooted)
		snprintf(root, sizeof root, "%s", main_value(v, "queue_directory"));
	e = account_may(&user, root, c->milter.name, W_OK, &why);
	if (e == ERR_MISSING && c->running) {
		findings_add(v->found, "socket-missing", v->service->name,
		    "there is no socket: %s", why.text);
		findings_fix(v->found, "restart smtpauth-milter");
	} else if (e == ERR_PERMISSION) {
		findings_add(v->found, "socket-not-writable", v->service->name,
		    "Postfix cannot connect to the milter: %s", why.text);
		fix_folder(v);
	}
}

/* check_macros - macro v, by which the daemon tells the MTAs apart */
static void
check_macros(struct visit *v)
{
	const char *version = service_value(v, "milter_macro_v");

	if (v->checks->config->mta != MTA_AUTO ||
	    mta_from_version(version) != MTA_SENDMAIL)
		return;
	findings_add(v->found, "mta-detection", v->service->name,
	    "macro v is \"%s\": beginning with a digit it reads as Sendmail's, so logins would be decoded that are not encoded",
	    version);
	findings_fix(v->found, "mta = postfix in smtpauth-milter.conf");
}

/* check_protocol - of the milter's own entry, or of all milters */
static void
check_protocol(struct visit *v)
{
	const struct postfix_service *s = v->service;
	long version = v->ours->protocol;

	if (version < 0)
		version = strtol(service_value(v, "milter_protocol"), NULL, 10);
	if (version >= 6)
		return;
	findings_add(v->found, "milter-protocol", s->name,
	    "milter_protocol is below 6: the milter cannot ask for its macros");
	if (v->ours->protocol >= 0)
		findings_fix(v->found, "take protocol= out of the milter's entry");
	else if (postfix_overrides(&v->postfix, s, "milter_protocol"))
		findings_fix(v->found,
		    "postconf -PX %s/%s/milter_protocol; postfix reload", s->name,
		    s->type);
	else
		findings_fix(v->found, "postconf -X milter_protocol; postfix reload");
}

/* check_webmail - a service only this machine can reach, with AUTH and not exempt */
static void
check_webmail(struct visit *v)
{
	const struct settings *settings = v->checks->settings;
	const char *name = v->service->name;

	if ((strncmp(name, "127.", 4) != 0 && strncmp(name, "localhost:", 10) != 0 &&
		strncmp(name, "[::1]:", 6) != 0) ||
	    settings == NULL ||
	    service_value(v, "smtpd_authorized_xclient_hosts")[0] != '\0' ||
	    settings_exempt_listener(
		settings, service_value(v, "milter_macro_daemon_name")) ||
	    cidr_list_has_loopback(&settings->exempt_clients))
		return;
	findings_add(v->found, "webmail-not-exempt", name,
	    "this service listens on loopback, as for webmail, and is not exempt: webmail stops for every mailbox whose SMTP AUTH is off");
	findings_fix(v->found,
	    "postconf -P '%s/inet/milter_macro_daemon_name=WEBMAIL'; postfix reload; smtpauthctl settings add exempt-listeners WEBMAIL",
	    name);
}

/* check_loopback - behind a proxy without XCLIENT every client is loopback */
static void
check_loopback(struct visit *v)
{
	const struct settings *settings = v->checks->settings;

	if (settings == NULL || !cidr_list_has_loopback(&settings->exempt_clients) ||
	    service_value(v, "smtpd_authorized_xclient_hosts")[0] != '\0')
		return;
	findings_add(v->found, "loopback-exempt", v->service->name,
	    "exempt-clients has loopback, and a proxy on this machine (Dovecot's submission service, nginx) without XCLIENT makes every client loopback: everyone would be exempt");
	findings_fix(v->found,
	    "exempt a listener of webmail's own instead (exempt-listeners), or let the proxy tell the client: smtpd_authorized_xclient_hosts in Postfix, submission_relay_trusted = yes in Dovecot");
}

static void
visit_asking(struct visit *v)
{
	static void (*const checks[])(struct visit * v) = {check_default_action,
	    check_timeout, check_dropped, check_maps, check_reach, check_macros,
	    check_protocol, check_webmail, check_loopback};

	checks_asks(v->checks, v->service->name);
	v->unlimited |= v->service->processes == 0;
	v->sessions += v->service->processes;
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		checks[i](v);
}

static void
visit_service(struct visit *v, const struct postfix_service *service)
{
	bool auth, silent;

	v->service = service;
	auth = strcasecmp(service_value(v, "smtpd_sasl_auth_enable"), "yes") == 0;
	v->offered |= auth;
	silent =
	    strstr(service_value(v, "receive_override_options"), "no_milters") != NULL;
	milter_list_parse(service_value(v, "smtpd_milters"), &v->list);
	if (v->list.cut)
		findings_add(v->found, "mta-unreadable", service->name,
		    "smtpd_milters is too long: not all of it was looked at");
	v->ours = find_ours(v, &v->list, service->chrooted);
	if (v->ours == NULL && auth) {
		visit_unlisted(v);
	} else if (v->ours != NULL && auth && silent) {
		findings_add(v->found, "milter-switched-off", service->name,
		    "this service lists the milter, but receive_override_options has no_milters: no milter is asked, and nothing is refused here");
		findings_fix(v->found,
		    "take no_milters out of receive_override_options; postfix reload");
	} else if (v->ours != NULL && auth) {
		visit_asking(v);
	} else if (v->ours != NULL && !silent) {
		findings_add(v->found, "milter-misplaced", service->name,
		    "this service offers no SMTP AUTH, so there is nothing to decide; but a stopped milter would defer the mail that comes in here");
		findings_fix(v->found,
		    "take the milter out of main.cf's smtpd_milters and name it with -o smtpd_milters= in the services that offer AUTH");
	}
}

/* check_offered - Dovecot's submission service, for one, may log users in by itself */
static void
check_offered(struct visit *v)
{
	if (v->offered)
		return;
	findings_add(v->found, "nobody-asks", "master.cf",
	    "no service of this Postfix offers SMTP AUTH, so the milter is never asked: nothing is refused");
	findings_fix(v->found,
	    "-o smtpd_sasl_auth_enable=yes and -o smtpd_milters= for the services that users submit to; where Dovecot takes the submissions, see Proxies in contrib/postfix/README.md");
}

/* check_non_smtpd - mail without a session has no login, and old logins come back */
static void
check_non_smtpd(struct visit *v)
{
	struct milter_list *list = &v->other;

	milter_list_parse(main_value(v, "non_smtpd_milters"), list);
	if (find_ours(v, list, true) == NULL && find_ours(v, list, false) == NULL)
		return;
	findings_add(v->found, "milter-in-non-smtpd", "main.cf",
	    "non_smtpd_milters names the milter: mail from sendmail(1) has no login, and a message put back into the queue would be judged again");
	findings_fix(v->found, "take it out of non_smtpd_milters; postfix reload");
}

/* check_files - one SMTP session is one connection to the milter */
static void
check_files(struct visit *v)
{
	char path[40], line[200];
	long limit = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%lu/limits",
	    (unsigned long)v->checks->daemon.pid);
	f = v->checks->running ? fopen(path, "re") : NULL;
	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "Max open files", 14) == 0)
			limit = strtol(line + 14, NULL, 10);
	fclose(f);
	if (limit == 0 || (!v->unlimited && v->sessions + PROCESSES_SPARE <= limit))
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
no_realm(struct visit *v)
{
	static const char *const dovecot[] = {
	    "doveconf", "-h", "auth_username_format", NULL};
	const char *type = main_value(v, "smtpd_sasl_type");
	bool cut;
	char *format;

	if (strcmp(type, "cyrus") == 0)
		return main_value(v, "smtpd_sasl_local_domain")[0] != '\0'
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
check_realm(struct visit *v)
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

static void
visit_all(struct visit *v)
{
	struct checks *c = v->checks;

	if (c->milter.kind == ENDPOINT_NONE) {
		checks_unknown_socket(c);
		return;
	}
	for (size_t i = 0; i < v->postfix.services; i++)
		visit_service(v, &v->postfix.service[i]);
	v->service = NULL;
	check_offered(v);
	check_non_smtpd(v);
	check_files(v);
	check_realm(v);
	if (c->config->mta == MTA_SENDMAIL)
		checks_wrong_mta(c,
		    "mta = sendmail, but this is Postfix: its logins would be decoded, and one like a+2Bb@... be read as another");
}

void
postfix_checks(struct checks *c, const char *dir)
{
	static struct visit v; /* large */
	struct error_text why;

	memset(&v, 0, sizeof v);
	v.checks = c;
	v.found = &c->findings;
	if (postfix_read(&v.postfix, dir, &why) == OK)
		visit_all(&v);
	else
		findings_add(v.found, "mta-unreadable", "Postfix", "%s", why.text);
	postfix_free(&v.postfix);
}
