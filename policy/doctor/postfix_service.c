/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_service - what can be wrong where a service of Postfix asks the milter */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "policy/doctor/postfix_tables.h"
#include "policy/doctor/postfix_visit.h"
#include "policy/identity/mta.h"

static void
check_default_action(struct visit *v, const struct milter_entry *ours)
{
	struct findings *f = &v->checks->findings;
	const char *action = ours->default_action;

	if (action[0] == '\0')
		action = visit_value(v, "milter_default_action");
	if (strcasecmp(action, "accept") != 0 &&
	    strncasecmp(action, "quarantine", 10) != 0)
		return;
	findings_add(f, "default-action-accept", v->service->name,
	    "default_action=%s: while the milter is away, everything is accepted",
	    action);
	findings_fix(f,
	    "put default_action=tempfail into the braces of the milter's entry; postfix reload");
}

static void
check_timeout(struct visit *v, const struct milter_entry *ours)
{
	struct findings *f = &v->checks->findings;
	long seconds = ours->command_timeout;

	if (seconds < 0)
		seconds = milter_list_seconds(visit_value(v, "milter_command_timeout"));
	if (seconds < 0 || seconds >= CHECKS_PATIENCE_S)
		return;
	findings_add(f, "milter-timeout", v->service->name,
	    "command_timeout is %ld s, but the milter may take 10 s to verify its database after a start: Postfix would give up before",
	    seconds);
	findings_fix(
	    f, "put command_timeout=15s into the braces of the milter's entry");
}

/* check_dropped - the milters of main.cf that an override leaves out */
static void
check_dropped(struct visit *v)
{
	struct findings *f = &v->checks->findings;
	struct milter_list *global = &v->other;

	if (!postfix_overrides(&v->postfix, v->service, "smtpd_milters"))
		return;
	milter_list_parse(postfix_value(&v->postfix, NULL, "smtpd_milters"), global);
	for (size_t i = 0; i < global->count; i++) {
		const struct milter_entry *entry = &global->entry[i];
		bool found = visit_find_ours(v, global, v->service->chrooted) == entry;

		for (size_t j = 0; j < v->list.count; j++)
			found = found ||
			    strcmp(v->list.entry[j].address, entry->address) == 0;
		if (found)
			continue;
		findings_add(f, "milter-dropped", v->service->name,
		    "-o smtpd_milters= in master.cf replaces main.cf's list, so %s is no longer asked for mail that comes in here",
		    entry->address);
		findings_fix(f,
		    "name %s behind our milter in that line (a signer, for one, has to see this mail); postfix reload",
		    entry->address);
	}
}

/* piece_of - what a list with our milter has in it, however it names the host */
static void
piece_of(const struct endpoint *ours, char *out, size_t cap)
{
	if (ours->kind == ENDPOINT_UNIX)
		snprintf(out, cap, "/%s", visit_last_part(ours->name));
	else
		snprintf(out, cap, ":%u", ours->port);
}

/* check_maps - smtpd_milter_maps can turn milters off for a client, or name others */
static void
check_maps(struct visit *v)
{
	struct findings *f = &v->checks->findings;
	const char *name = v->service->name;
	char table[300], piece[ENDPOINT_MAX + 2];

	piece_of(&v->checks->milter, piece, sizeof piece);
	switch (postfix_tables_look(v->postfix.dir, visit_value(v, "smtpd_milter_maps"),
	    piece, table, sizeof table)) {
	case TABLES_KEEP:
		return;
	case TABLES_DISABLE:
		findings_add(f, "milter-maps-disable", name,
		    "%s in smtpd_milter_maps says DISABLE: for those clients no milter is asked, and nothing is refused",
		    table);
		findings_fix(f,
		    "take those lines out; a client that may submit is exempted with \"smtpauthctl settings add exempt-clients ADDRESS\"");
		return;
	case TABLES_REPLACE:
		findings_add(f, "milter-maps-replace", name,
		    "%s in smtpd_milter_maps names milters without ours: for those clients that list takes the place of smtpd_milters, and nothing is refused",
		    table);
		findings_fix(f, "add our milter to the lists in that table");
		return;
	case TABLES_UNKNOWN:
		findings_add(f, "milter-maps-unknown", name,
		    "smtpd_milter_maps has %s, which cannot be looked through: make sure that it neither says DISABLE nor leaves our milter out for a client that submits",
		    table);
		return;
	}
}

/* check_reach - whether Postfix's user may connect to a unix socket */
static void
check_reach(struct visit *v)
{
	struct checks *s = v->checks;
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
		visit_own_folder(v);
	}
}

/* check_macros - what the daemon tells the MTA by, and how much it is told */
static void
check_macros(struct visit *v)
{
	struct checks *s = v->checks;
	const char *version = visit_value(v, "milter_macro_v");

	if (s->config->mta == MTA_AUTO && version[0] >= '0' && version[0] <= '9') {
		findings_add(&s->findings, "mta-detection", v->service->name,
		    "macro v is \"%s\": beginning with a digit it reads as Sendmail's, so logins would be decoded that are not encoded",
		    version);
		findings_fix(&s->findings, "mta = postfix in smtpauth-milter.conf");
	}
}

/* check_protocol - of the milter's own entry, or of all milters */
static void
check_protocol(struct visit *v, const struct milter_entry *ours)
{
	struct findings *f = &v->checks->findings;
	const struct postfix_service *s = v->service;
	long version = ours->protocol;

	if (version < 0)
		version = strtol(visit_value(v, "milter_protocol"), NULL, 10);
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
	struct checks *s = v->checks;
	const char *name = v->service->name;

	if ((strncmp(name, "127.", 4) != 0 && strncmp(name, "localhost:", 10) != 0 &&
		strncmp(name, "[::1]:", 6) != 0) ||
	    s->settings == NULL ||
	    visit_value(v, "smtpd_authorized_xclient_hosts")[0] != '\0' ||
	    settings_exempt_listener(
		s->settings, visit_value(v, "milter_macro_daemon_name")) ||
	    cidr_list_has_loopback(&s->settings->exempt_clients))
		return;
	findings_add(&s->findings, "webmail-not-exempt", name,
	    "this service listens on loopback, as for webmail, and is not exempt: webmail stops for every mailbox whose SMTP AUTH is off");
	findings_fix(&s->findings,
	    "postconf -P '%s/inet/milter_macro_daemon_name=WEBMAIL'; postfix reload; smtpauthctl settings add exempt-listeners WEBMAIL",
	    name);
}

/* check_loopback - exempt loopback is everyone, once a proxy stands in front */
static void
check_loopback(struct visit *v)
{
	struct checks *s = v->checks;

	if (s->settings == NULL ||
	    !cidr_list_has_loopback(&s->settings->exempt_clients) ||
	    visit_value(v, "smtpd_authorized_xclient_hosts")[0] != '\0')
		return;
	findings_add(&s->findings, "loopback-exempt", v->service->name,
	    "exempt-clients has loopback, and a proxy on this machine (Dovecot's submission service, nginx) without XCLIENT makes every client loopback: everyone would be exempt");
	findings_fix(&s->findings,
	    "exempt a listener of webmail's own instead (exempt-listeners), or let the proxy tell the client: smtpd_authorized_xclient_hosts in Postfix, submission_relay_trusted = yes in Dovecot");
}

void
visit_asking(struct visit *v, const struct milter_entry *ours)
{
	checks_asks(v->checks, v->service->name);
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
