/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_exempt - who passes a service of Postfix without a decision about the login
 */
#include "policy/doctor/postfix_exempt.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/doctor/postfix_tables.h"

#define DAEMON_NAME "milter_macro_daemon_name"

void
postfix_exempt_name(struct postfix_visit *v)
{
	const struct settings *settings = v->checks->settings;
	const char *name = postfix_visit_value(v, DAEMON_NAME), *all;
	size_t n;

	if (settings == NULL)
		return;
	all = settings->exempt_listeners;
	for (const char *at = all; *at != '\0'; at += n, at += *at == ',') {
		n = strcspn(at, ",");
		if (strlen(name) == n && strncasecmp(at, name, n) == 0)
			v->named[at - all] = 1;
	}
}

bool
postfix_exempt_loopback(struct postfix_visit *v)
{
	const char *name = v->service->name;

	if (strchr(name, ':') == NULL && strcmp(v->service->type, "inet") == 0)
		return strcmp(postfix_visit_main(v, "inet_interfaces"),
			   "loopback-only") == 0;
	return strncmp(name, "127.", 4) == 0 ||
	    strncasecmp(name, "localhost:", 10) == 0 || strncmp(name, "[::1]:", 6) == 0;
}

/* sasl_of - whose program of this machine the service asks */
static enum checks_sasl
sasl_of(struct postfix_visit *v)
{
	const char *type = postfix_visit_value(v, "smtpd_sasl_type");
	bool dovecot = strcmp(type, "dovecot") == 0;
	const char *path;

	if (!dovecot)
		return strcmp(type, "cyrus") == 0 ? CHECKS_SASL_CYRUS
						  : CHECKS_SASL_OTHER;
	path = postfix_visit_value(v, "smtpd_sasl_path");
	if (strncmp(path, "inet:", 5) == 0 && strncmp(path + 5, "127.", 4) != 0 &&
	    strncmp(path + 5, "localhost:", 10) != 0 &&
	    strncmp(path + 5, "[::1]:", 6) != 0)
		return CHECKS_SASL_OTHER;
	return CHECKS_SASL_DOVECOT;
}

void
postfix_exempt_note(struct postfix_visit *v)
{
	const struct settings *settings = v->checks->settings;
	struct checks_service *s = &v->checks->service[v->checks->service_count];

	if (v->checks->service_count == CHECKS_SERVICE_MAX)
		return;
	v->checks->service_count++;
	s->sasl = sasl_of(v);
	snprintf(s->where, sizeof s->where, "%.*s", CHECKS_NAME_MAX, v->where);
	snprintf(
	    s->option, sizeof s->option, "%.*s", CHECKS_NAME_MAX, v->postfix.option);
	snprintf(s->key, sizeof s->key, "%.*s/%s", CHECKS_NAME_MAX - 6,
	    v->service->name, v->service->type);
	snprintf(s->listener, sizeof s->listener, "%.*s", CHECKS_NAME_MAX,
	    postfix_visit_value(v, DAEMON_NAME));
	snprintf(s->protocol, sizeof s->protocol, "%.*s", CHECKS_NAME_MAX,
	    postfix_visit_value(v, "smtpd_sasl_service"));
	if (s->protocol[0] == '\0')
		strcpy(s->protocol, "smtp"); /* Postfix before 2.11 */
	s->exempt = settings != NULL && settings_exempt_listener(settings, s->listener);
	s->loopback = postfix_exempt_loopback(v);
}

/* proxy_of - what tells the service the client's address for others; NULL: nobody */
static const char *
proxy_of(struct postfix_visit *v)
{
	if (postfix_visit_value(v, "smtpd_upstream_proxy_protocol")[0] != '\0')
		return "smtpd_upstream_proxy_protocol";
	if (postfix_visit_value(v, "smtpd_authorized_xclient_hosts")[0] != '\0')
		return "smtpd_authorized_xclient_hosts";
	return NULL;
}

/* check_listener - an exempt name lets pass whoever reaches the service */
static void
check_listener(struct postfix_visit *v)
{
	const char *proxy = proxy_of(v);
	char name[SETTING_LISTENERS_MAX + 1];

	if (snprintf(name, sizeof name, "%s", postfix_visit_value(v, DAEMON_NAME)) >=
		(int)sizeof name ||
	    !settings_exempt_listener(v->checks->settings, name))
		return;
	v->exempt++;
	if (proxy == NULL && postfix_exempt_loopback(v))
		return;
	findings_add(v->found, "listener-exempt", v->where,
	    "its name %s (" DAEMON_NAME
	    ") is in exempt-listeners, and %s%s: whoever logs in here passes",
	    name, proxy != NULL ? proxy : "it does not listen on loopback alone",
	    proxy != NULL ? " says that clients of others come in" : "");
	findings_fix(v->found,
	    "smtpauthctl settings remove exempt-listeners %s; give webmail a service of its own on loopback, with a name that no other service has (\"Webmail\" in contrib/postfix/README.md)",
	    name);
}

/* check_webmail - a service that only this machine reaches: for webmail, or a proxy */
static void
check_webmail(struct postfix_visit *v)
{
	const struct settings *settings = v->checks->settings;

	for (size_t i = 0; i < v->found->count; i++)
		if (strcmp(v->found->item[i].id, "webmail-not-exempt") == 0 &&
		    strcmp(v->found->item[i].where, "mail log") == 0)
			return; /* logins say more than an address */
	if (!postfix_exempt_loopback(v) || strchr(v->service->name, ':') == NULL ||
	    proxy_of(v) != NULL ||
	    settings_exempt_listener(settings, postfix_visit_value(v, DAEMON_NAME)) ||
	    cidr_list_has_loopback(&settings->exempt_clients))
		return;
	findings_add(v->found, "webmail-not-exempt", v->where,
	    "this service listens on loopback and is not exempt: if webmail submits here, it stops for every mailbox whose SMTP AUTH is off; if a proxy, a filter or a TLS wrapper does, that is right, as loopback does not say who is behind it");
	findings_fix(v->found,
	    "if nothing but webmail comes in here, exempt it as \"Webmail\" in contrib/postfix/README.md says; else leave it so, and say --ignore webmail-not-exempt");
}

/* is_wide - a network of many machines */
static bool
is_wide(const struct cidr *net)
{
	return cidr_is_wide(net) && !cidr_ip_is_loopback(&net->base);
}

/* check_loopback - behind a proxy that does not tell the client, all are loopback */
static void
check_loopback(struct postfix_visit *v)
{
	const struct cidr_list *list = &v->checks->settings->exempt_clients;

	if (!cidr_list_has_loopback(list) || proxy_of(v) != NULL)
		return;
	for (size_t i = 0; i < list->count; i++)
		if (is_wide(&list->net[i]))
			return; /* which is said */
	findings_add(v->found, "loopback-exempt", v->where,
	    "exempt-clients has loopback, and a proxy on this machine (Dovecot's submission service, nginx) without XCLIENT makes every client loopback: everyone would be exempt");
	findings_fix(v->found,
	    "exempt a listener of webmail's own instead (exempt-listeners), or let the proxy tell the client: smtpd_authorized_xclient_hosts in Postfix, submission_relay_trusted = yes in Dovecot");
}

/* has_word - whether one of the words of the list is there, and before which end */
static size_t
place_of(const char *list, const char *const *words)
{
	size_t first = strlen(list) + 1;

	for (; *words != NULL; words++) {
		size_t n = strlen(*words);

		for (const char *at = list; (at = strstr(at, *words)) != NULL; at++)
			if ((at == list || strchr(", \t", at[-1]) != NULL) &&
			    strchr(", \t", at[n]) != NULL &&
			    (size_t)(at - list) < first)
				first = (size_t)(at - list);
	}
	return first;
}

/* lets_mynetworks - whether the list lets clients of mynetworks go on without a login
 */
static bool
lets_mynetworks(struct postfix_visit *v, const char *parameter, bool *permits)
{
	static const char *const yes[] = {"permit_mynetworks", NULL};
	static const char *const no[] = {"reject", "defer", "reject_unauth_destination",
	    "defer_unauth_destination", NULL};
	const char *list = postfix_visit_value(v, parameter);
	size_t permit = place_of(list, yes), refuse = place_of(list, no);

	*permits |= permit < refuse;
	return permit < refuse || refuse > strlen(list);
}

/* holds_others - whether mynetworks has more than this machine */
static bool
holds_others(const char *networks)
{
	size_t n;

	for (; *networks != '\0'; networks += n) {
		networks += strspn(networks, ", \t");
		n = strcspn(networks, ", \t");
		if (n > 0 && strncmp(networks, "127.", 4) != 0 &&
		    strncmp(networks, "[::1]", 5) != 0 &&
		    strncmp(networks, "[::ffff:127.", 12) != 0)
			return true;
	}
	return false;
}

/* is_port_25 - whether mail of others comes in here */
static bool
is_port_25(struct postfix_visit *v)
{
	const char *colon = strrchr(v->service->name, ':');
	const char *port = colon != NULL ? colon + 1 : v->service->name;

	return strcmp(port, "25") == 0 || strcmp(port, "smtp") == 0;
}

/*
 * is_inherited - whether only main.cf permits mynetworks, which is this machine, to a
 * service that others reach: programs of this machine have port 25 and sendmail(1)
 */
static bool
is_inherited(struct postfix_visit *v, const char *const *lists, size_t count)
{
	const char *networks = postfix_visit_value(v, "mynetworks");

	if (holds_others(networks))
		return false;
	if (networks[0] == '\0')
		return true; /* it is nobody */
	for (size_t i = 0; i < count; i++)
		if (postfix_overrides(&v->postfix, v->service, lists[i]) &&
		    strstr(postfix_visit_value(v, lists[i]), "permit_mynetworks") !=
			NULL)
			return false;
	return !postfix_exempt_loopback(v);
}

/* check_mynetworks - mail without a login is none of the milter's business */
static void
check_mynetworks(struct postfix_visit *v)
{
	static const char *const lists[] = {"smtpd_client_restrictions",
	    "smtpd_helo_restrictions", "smtpd_sender_restrictions",
	    "smtpd_relay_restrictions", "smtpd_recipient_restrictions"};
	enum { LISTS = sizeof lists / sizeof *lists };
	bool permits = false;

	if (is_port_25(v))
		return; /* where servers of this network relay */
	for (size_t i = 0; i < LISTS; i++)
		if (!lets_mynetworks(v, lists[i], &permits))
			return;
	if (!permits || is_inherited(v, lists, LISTS))
		return;
	findings_add(v->found, "mynetworks-relay", v->where,
	    "permit_mynetworks holds here: who is in mynetworks (%s) submits without a login, and then there is nothing to decide",
	    postfix_visit_value(v, "mynetworks"));
	findings_fix(v->found,
	    "postconf%s -P '%s/%s/smtpd_relay_restrictions=permit_sasl_authenticated,reject_unauth_destination'; postfix%s reload",
	    v->postfix.option, v->service->name, v->service->type, v->postfix.option);
}

void
postfix_exempt_maps(struct postfix_visit *v)
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
	    postfix_visit_value(v, "smtpd_milter_maps"), piece, table, sizeof table)) {
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

void
postfix_exempt_service(struct postfix_visit *v)
{
	v->asking++;
	check_mynetworks(v);
	if (v->checks->settings == NULL)
		return;
	check_listener(v);
	check_webmail(v);
	check_loopback(v);
}

/* check_wide - a network that holds a part of the internet */
static void
check_wide(struct postfix_visit *v)
{
	const struct cidr_list *list = &v->checks->settings->exempt_clients;
	char net[CIDR_TEXT_MAX];

	for (size_t i = 0; i < list->count; i++) {
		if (!is_wide(&list->net[i]))
			continue;
		cidr_print(&list->net[i], net);
		findings_add(v->found, "exempt-clients-wide", "settings",
		    "exempt-clients has %s: everybody who submits from there passes",
		    net);
		findings_fix(v->found,
		    "smtpauthctl settings remove exempt-clients %s; if single machines of it have to pass, add their addresses",
		    net);
	}
}

/* check_names - an exemption for a name that no service has */
static void
check_names(struct postfix_visit *v)
{
	const char *all = v->checks->settings->exempt_listeners;
	size_t n;

	for (const char *at = all; *at != '\0'; at += n, at += *at == ',') {
		n = strcspn(at, ",");
		if (v->named[at - all])
			continue;
		findings_add(v->found, "exempt-listener-unknown", "settings",
		    "no service of this Postfix has the name %.*s (" DAEMON_NAME
		    "), which is in exempt-listeners: it exempts nobody here, and another service that gets the name everybody",
		    (int)n, at);
		findings_fix(v->found,
		    "smtpauthctl settings remove exempt-listeners %.*s; unless another machine with this policy has it: look at the spelling in its master.cf",
		    (int)n, at);
	}
}

/* say_all - in place of what was found of the services, if anything */
static void
say_all(struct postfix_visit *v)
{
	static const char text[] =
	    "every service that asks the milter has a name of exempt-listeners: nothing is refused";
	struct findings *f = v->found;
	bool said = false;

	for (size_t i = f->count; i-- > 0;) {
		struct finding one = f->item[i];

		if (strcmp(one.id, "listener-exempt") != 0)
			continue;
		findings_add(f, "all-exempt", v->checks->services, "%s", text);
		findings_fix(f, "%s", one.fix);
		findings_drop(f, i);
		said = true;
	}
	if (said)
		return;
	findings_add(f, "all-exempt", v->checks->services, "%s", text);
	findings_fix(f,
	    "name the milter in the services that users submit to, too; or, if they submit here, smtpauthctl settings remove exempt-listeners NAME");
}

void
postfix_exempt_rest(struct postfix_visit *v)
{
	if (v->checks->settings == NULL)
		return;
	check_wide(v);
	if (v->unread)
		return; /* another service may be there */
	check_names(v);
	if (v->asking > 0 && v->exempt == v->asking)
		say_all(v);
}
