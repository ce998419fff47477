/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_visit - the visit to the services of a Postfix, one by one */
#include "policy/doctor/postfix_visit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "policy/doctor/postfix_exempt.h"
#include "policy/identity/mta.h"

const char *
postfix_visit_value(struct postfix_visit *v, const char *name)
{
	return postfix_value(&v->postfix, v->service, name);
}

const char *
postfix_visit_main(struct postfix_visit *v, const char *name)
{
	return postfix_value(&v->postfix, NULL, name);
}

/* from_outside - a unix socket's path without the chroot; others stay */
static struct endpoint
from_outside(struct postfix_visit *v, const struct endpoint *e, bool chrooted)
{
	struct endpoint out = *e;
	char path[ENDPOINT_MAX * 2 + 2];
	bool absolute = e->name[0] == '/';

	if (e->kind == ENDPOINT_UNIX && (chrooted || !absolute) &&
	    snprintf(path, sizeof path, "%s%s%s",
		postfix_visit_main(v, "queue_directory"), absolute ? "" : "/",
		e->name) <= ENDPOINT_MAX)
		strcpy(out.name, path);
	return out;
}

const struct milter_entry *
postfix_visit_ours(
    struct postfix_visit *v, const struct milter_list *list, bool chrooted)
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
right_address(struct postfix_visit *v, char *out)
{
	const char *queue = postfix_visit_main(v, "queue_directory");
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
fix_folder(struct postfix_visit *v)
{
	char queue[ENDPOINT_MAX + 1];

	snprintf(queue, sizeof queue, "%s", postfix_visit_main(v, "queue_directory"));
	findings_fix(v->found,
	    "install -d -o %s -g %s -m 2710 %s/smtpauth; in smtpauth-milter.conf: socket = unix:%s/smtpauth/milter.sock, and socket-mode = 0660; restart smtpauth-milter; name unix:smtpauth/milter.sock in smtpd_milters",
	    checks_user(v->checks), postfix_visit_main(v, "mail_owner"), queue, queue);
}

/* fix_list - the value of smtpd_milters changed where the service has it from */
static void
fix_list(struct postfix_visit *v, const char *value)
{
	char set[POSTFIX_DIR_MAX + 500];
	bool master =
	    postfix_set(&v->postfix, v->service, "smtpd_milters", set, sizeof set);

	if (strpbrk(value, "'\\") != NULL ||
	    (master && !milter_list_squeeze(value, v->squeezed, sizeof v->squeezed)))
		findings_fix(
		    v->found, "write in smtpd_milters: %s; postfix reload", value);
	else
		findings_fix(v->found, "%s%s'; postfix%s reload", set,
		    master ? v->squeezed : value, v->postfix.option);
}

/* fix_entry - the advice to write OTHER in place of the entry, not beside it */
static void
fix_entry(struct postfix_visit *v, const struct milter_entry *entry, const char *other)
{
	if (milter_list_replace(postfix_visit_value(v, "smtpd_milters"), entry->address,
		other, v->edited, sizeof v->edited))
		fix_list(v, v->edited);
	else
		findings_fix(v->found,
		    "write %s in place of %s in smtpd_milters; postfix reload", other,
		    entry->address);
}

/* fix_option - an option of our entry, set where the service has its list from */
static void
fix_option(struct postfix_visit *v, const char *name, const char *setting)
{
	size_t number = (size_t)(v->ours - v->list.entry);

	if (milter_list_set(postfix_visit_value(v, "smtpd_milters"), number, name,
		setting, v->edited, sizeof v->edited))
		fix_list(v, v->edited);
	else
		findings_fix(v->found,
		    "put %s=%s into the braces of the milter's entry; postfix%s reload",
		    name, setting, v->postfix.option);
}

/* say_absent - with a value without space, as "postconf -P" needs it */
static void
say_absent(struct postfix_visit *v, const char *right)
{
	const struct postfix_service *s = v->service;
	const char *option = v->postfix.option;
	char others[2048];

	if (!milter_list_squeeze(
		postfix_visit_value(v, "smtpd_milters"), others, sizeof others))
		strcpy(others, "THE-MILTERS-IT-HAS");
	findings_add(v->found, "milter-not-listed", v->where,
	    "this service offers SMTP AUTH and does not ask the milter: nothing is refused here");
	findings_fix(v->found,
	    "postconf%s -P '%s/%s/smtpd_milters={%s,connect_timeout=3s,command_timeout=15s,default_action=tempfail}%s%s'; postfix%s reload; or, if nobody is to log in there: postconf%s -P '%s/%s/smtpd_sasl_auth_enable=no' && postfix%s reload",
	    option, s->name, s->type, right, others[0] != '\0' ? "," : "", others,
	    option, option, s->name, s->type, option);
}

/* milter_problem - as probe_listener() says, 0 for none; each is tried once */
static int
milter_problem(struct postfix_visit *v, const struct endpoint *at)
{
	int problem;

	for (size_t i = 0; i < v->milters; i++)
		if (v->milter[i].at.kind == at->kind &&
		    v->milter[i].at.port == at->port &&
		    strcmp(v->milter[i].at.name, at->name) == 0)
			return v->milter[i].problem;
	problem = probe_listener(at);
	if (problem == EACCES || problem == EPERM)
		problem = 0; /* the caller may not connect; that says nothing */
	if (v->milters < POSTFIX_VISIT_DEAD_MAX)
		v->milter[v->milters++] = (struct postfix_visit_milter){*at, problem};
	return problem;
}

/* entry_problem - of a milter of the list, as the service reaches it */
static int
entry_problem(struct postfix_visit *v, const struct milter_entry *entry)
{
	struct endpoint at = from_outside(v, &entry->endpoint, v->service->chrooted);

	if (at.kind == ENDPOINT_NONE || entry == v->ours)
		return 0; /* ours is asked anyway */
	return milter_problem(v, &at);
}

/*
 * say_dead - no milter is there; RIGHT is our address if it was meant, or NULL, and
 * whether this service reaches it
 */
static void
say_dead(struct postfix_visit *v, const struct milter_entry *entry, int problem,
    const char *right, bool in_reach)
{
	const char *action = entry->default_action;
	bool silent = problem == PROBE_NO_ANSWER;

	if (action[0] == '\0')
		action = postfix_visit_value(v, "milter_default_action");
	findings_add(v->found, "milter-dead", v->where,
	    "%s: %s (%s), and Postfix answers by default_action=%s%s%s%s",
	    entry->address, silent ? "no milter answers there" : "nobody listens there",
	    silent
		? "somebody takes the connection, as systemd does for a program that does not run"
		: strerror(problem),
	    action, right != NULL ? "; did you mean ours (" : "",
	    right != NULL ? right : "", right != NULL ? ")?" : "");
	if (right != NULL && in_reach)
		fix_entry(v, entry, right);
	else if (right != NULL)
		fix_folder(v);
	else
		findings_fix(v->found,
		    "start that milter, or take %s out of smtpd_milters; postfix%s reload",
		    entry->address, v->postfix.option);
}

/* check_dead - the milters of the list but ours and the one that is MEANT to be ours */
static void
check_dead(struct postfix_visit *v, const struct milter_entry *meant)
{
	int problem;

	for (size_t i = 0; i < v->list.count; i++) {
		const struct milter_entry *entry = &v->list.entry[i];

		if (entry != meant && (problem = entry_problem(v, entry)) != 0)
			say_dead(v, entry, problem, NULL, false);
	}
}

/*
 * is_others - whether mail from sendmail(1) goes to it, too, which ours has no business
 * with: a signer or a filter that happens to be away
 */
static bool
is_others(struct postfix_visit *v, const struct milter_entry *entry)
{
	milter_list_parse(postfix_visit_main(v, "non_smtpd_milters"), &v->other);
	for (size_t i = 0; i < v->other.count; i++)
		if (strcmp(v->other.entry[i].address, entry->address) == 0)
			return true;
	return false;
}

/* find_near - the entry that was probably meant to be ours, or NULL */
static const struct milter_entry *
find_near(struct postfix_visit *v)
{
	const struct milter_entry *dead = NULL;

	for (size_t i = 0; i < v->list.count; i++)
		if (is_near(&v->list.entry[i], &v->checks->milter))
			return &v->list.entry[i];
	for (size_t i = 0; i < v->list.count; i++) {
		const struct milter_entry *entry = &v->list.entry[i];

		if (entry_problem(v, entry) == 0 || is_others(v, entry))
			continue;
		if (dead == NULL || entry->endpoint.kind == v->checks->milter.kind)
			dead = entry;
		if (dead->endpoint.kind == v->checks->milter.kind)
			break;
	}
	return dead;
}

/* drop_fatal - what the log says of a fault that is named here */
static void
drop_fatal(struct postfix_visit *v)
{
	for (size_t i = v->found->count; i-- > 0;)
		if (strcmp(v->found->item[i].id, "mta-fatal") == 0)
			findings_drop(v->found, i);
}

/* say_near - the entry does not lead to us as it is written */
static void
say_near(struct postfix_visit *v, const struct milter_entry *entry, const char *right,
    bool in_reach)
{
	bool unread = entry->endpoint.kind == ENDPOINT_NONE;

	if (unread)
		drop_fatal(v);
	findings_add(v->found, unread ? "milter-syntax" : "socket-path", v->where,
	    "the milter %s does not lead to the daemon's socket%s; Postfix answers with its default action, or nobody is asked",
	    entry->address,
	    unread                     ? " (that is not how Postfix writes an address)"
		: v->service->chrooted ? ": this smtpd is chrooted"
				       : ": this smtpd is not chrooted");
	if (in_reach)
		fix_entry(v, entry, right);
	else
		fix_folder(v);
}

/* leads_elsewhere - to a daemon that runs, but not where our configuration says */
static bool
leads_elsewhere(struct postfix_visit *v)
{
	const struct checks *c = v->checks;
	struct endpoint runs, at;

	if (!c->running || !endpoint_from_milter(c->daemon.socket, &runs))
		return false;
	for (size_t i = 0; i < v->list.count; i++) {
		at = from_outside(v, &v->list.entry[i].endpoint, v->service->chrooted);
		if (endpoint_reaches(&at, &runs))
			return true;
	}
	return false;
}

/*
 * visit_unlisted - a service that offers AUTH and does not ask us: why not; whether it
 * can work
 */
static bool
visit_unlisted(struct postfix_visit *v)
{
	const struct milter_entry *near = find_near(v);
	char right[ENDPOINT_MAX + 32];
	bool in_reach = right_address(v, right);

	if (strpbrk(right, "'\\") != NULL) /* it goes into a command to type */
		strcpy(right, "unix:PATH-OF-THE-SOCKET");
	check_dead(v, near);
	if (leads_elsewhere(v))
		return true; /* and that is said */
	if (near == NULL)
		say_absent(v, right);
	else if (is_near(near, &v->checks->milter))
		say_near(v, near, right, in_reach);
	else
		say_dead(v, near, entry_problem(v, near), right, in_reach);
	return near == NULL || near->endpoint.kind != ENDPOINT_NONE;
}

static void
check_default_action(struct postfix_visit *v)
{
	const char *action = v->ours->default_action;

	if (action[0] == '\0')
		action = postfix_visit_value(v, "milter_default_action");
	if (strcasecmp(action, "accept") != 0 &&
	    strncasecmp(action, "quarantine", 10) != 0)
		return;
	findings_add(v->found, "default-action-accept", v->where,
	    "default_action=%s: while the milter is away, everything is accepted",
	    action);
	fix_option(v, "default_action", "tempfail");
}

static void
check_timeout(struct postfix_visit *v)
{
	long seconds = v->ours->command_timeout;

	if (seconds < 0)
		seconds = milter_list_seconds(
		    postfix_visit_value(v, "milter_command_timeout"));
	if (seconds < 0 || seconds >= CHECKS_PATIENCE_S)
		return;
	findings_add(v->found, "milter-timeout", v->where,
	    "command_timeout is %ld s, but the milter may take 10 s to verify its database after a start: Postfix would give up before",
	    seconds);
	fix_option(v, "command_timeout", "15s");
}

/* check_dropped - the milters of main.cf that an override leaves out */
static void
check_dropped(struct postfix_visit *v)
{
	struct milter_list *global = &v->other;
	const struct milter_entry *ours;

	if (!postfix_overrides(&v->postfix, v->service, "smtpd_milters"))
		return;
	milter_list_parse(postfix_visit_main(v, "smtpd_milters"), global);
	ours = postfix_visit_ours(v, global, v->service->chrooted);
	for (size_t i = 0; i < global->count; i++) {
		const struct milter_entry *entry = &global->entry[i];
		bool found = entry == ours;

		for (size_t j = 0; j < v->list.count; j++)
			found |= strcmp(v->list.entry[j].address, entry->address) == 0;
		if (found)
			continue;
		findings_add(v->found, "milter-dropped", v->where,
		    "-o smtpd_milters= in master.cf replaces main.cf's list, so %s is no longer asked for mail that comes in here",
		    entry->address);
		findings_fix(v->found,
		    "name %s behind our milter in that line (a signer, for one, has to see this mail); postfix reload",
		    entry->address);
	}
}

/* check_reach - whether Postfix's user may connect to a unix socket */
static void
check_reach(struct postfix_visit *v)
{
	const struct checks *c = v->checks;
	char root[ENDPOINT_MAX + 1] = "";
	struct account user;
	struct error_text why;
	enum error e;

	if (c->milter.kind != ENDPOINT_UNIX || geteuid() != 0 ||
	    !account_find(postfix_visit_main(v, "mail_owner"), &user))
		return;
	if (v->service->chrooted)
		snprintf(
		    root, sizeof root, "%s", postfix_visit_main(v, "queue_directory"));
	e = account_may(&user, root, c->milter.name, W_OK, &why);
	if (e == ERR_MISSING && c->running) {
		findings_add(v->found, "socket-missing", v->where,
		    "there is no socket: %s", why.text);
		findings_fix(v->found, "restart smtpauth-milter");
	} else if (e == ERR_PERMISSION) {
		findings_add(v->found, "socket-not-writable", v->where,
		    "Postfix cannot connect to the milter: %s", why.text);
		fix_folder(v);
	}
}

/* check_macros - macro v, by which the daemon tells the MTAs apart */
static void
check_macros(struct postfix_visit *v)
{
	const char *version = postfix_visit_value(v, "milter_macro_v");

	if (v->checks->config->mta != MTA_AUTO ||
	    mta_from_version(version) != MTA_SENDMAIL)
		return;
	findings_add(v->found, "mta-detection", v->where,
	    "macro v is \"%s\": beginning with a digit it reads as Sendmail's, so logins would be decoded that are not encoded",
	    version);
	findings_fix(v->found, "mta = postfix in smtpauth-milter.conf");
}

static void
visit_asking(struct postfix_visit *v)
{
	static void (*const checks[])(struct postfix_visit * v) = {check_default_action,
	    check_timeout, check_dropped, postfix_exempt_maps, check_reach,
	    check_macros, postfix_exempt_service};

	checks_asks(v->checks, v->where);
	v->unlimited |= v->service->processes == 0;
	v->sessions += v->service->processes;
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		checks[i](v);
	check_dead(v, NULL);
}

/* say_spaced - "-o name = value"; whether it is so */
static bool
say_spaced(struct postfix_visit *v)
{
	const struct postfix_service *s = v->service;
	char name[POSTFIX_NAME_MAX + 1], line[4096];

	if (!postfix_spaced(s, name, line, sizeof line))
		return false;
	drop_fatal(v);
	findings_add(v->found, "master-syntax", v->where,
	    "\"-o %s = ...\" in master.cf has spaces around the \"=\": smtpd ends with \"fatal:\", and nobody is served here",
	    name);
	if (line[0] == '\0' || strchr(line, '\'') != NULL)
		findings_fix(v->found,
		    "take the spaces out of that line of master.cf; postfix%s reload",
		    v->postfix.option);
	else
		findings_fix(v->found, "postconf%s -M '%s/%s=%s'; postfix%s reload",
		    v->postfix.option, s->name, s->type, line, v->postfix.option);
	return true;
}

/* say_open - a brace that is not closed; whether it is so */
static bool
say_open(struct postfix_visit *v)
{
	const char *value = postfix_visit_value(v, "smtpd_milters");
	int n;

	if (v->list.open == 0 || v->list.open > 9)
		return false;
	n = snprintf(v->edited, sizeof v->edited, "%s }}}}}}}}}", value);
	v->edited[n - 9 + (int)v->list.open] = '\0';
	drop_fatal(v);
	findings_add(v->found, "milter-syntax", v->where,
	    "missing '}' in smtpd_milters: smtpd ends with \"fatal:\", and nobody is served here");
	v->braces = true;
	fix_list(v, v->edited);
	return true;
}

/* say_silent - no_milters: after a filter it is right, and AUTH is not */
static void
say_silent(struct postfix_visit *v)
{
	const struct postfix_service *s = v->service;
	const char *option = v->postfix.option;

	findings_add(v->found, "milter-switched-off", v->where,
	    "this service offers SMTP AUTH, and receive_override_options has no_milters: no milter is asked, and nothing is refused here");
	if (postfix_exempt_loopback(v))
		findings_fix(v->found,
		    "postconf%s -P '%s/%s/smtpd_sasl_auth_enable=no'; postfix%s reload (mail comes back from a filter here, which does not log in, and without no_milters every milter would see the mail twice)",
		    option, s->name, s->type, option);
	else
		findings_fix(v->found,
		    "if nobody is to log in here: postconf%s -P '%s/%s/smtpd_sasl_auth_enable=no' && postfix%s reload; else name in smtpd_milters the milters that this service needs, ours among them, and take no_milters out of receive_override_options; postfix%s reload",
		    option, s->name, s->type, option, option);
}

/* visit_name - how findings name the service */
static void
visit_name(struct postfix_visit *v)
{
	snprintf(v->where, sizeof v->where, "%s%s%s",
	    v->instance != NULL ? v->instance : "", v->instance != NULL ? ": " : "",
	    v->service->name);
}

bool
postfix_visit_service(struct postfix_visit *v, const struct postfix_service *service)
{
	bool auth, silent;

	v->service = service;
	visit_name(v);
	postfix_exempt_name(v);
	auth = strcasecmp(postfix_visit_value(v, "smtpd_sasl_auth_enable"), "yes") == 0;
	v->offered |= auth;
	if (auth)
		postfix_exempt_note(v);
	silent = strstr(postfix_visit_value(v, "receive_override_options"),
		     "no_milters") != NULL;
	milter_list_parse(postfix_visit_value(v, "smtpd_milters"), &v->list);
	if (say_spaced(v) || say_open(v))
		return false;
	if (v->list.cut)
		findings_add(v->found, "mta-unreadable", v->where,
		    "smtpd_milters is too long: not all of it was looked at");
	v->ours = postfix_visit_ours(v, &v->list, service->chrooted);
	if (auth && silent) {
		say_silent(v);
	} else if (auth && v->ours == NULL) {
		return visit_unlisted(v);
	} else if (auth) {
		visit_asking(v);
	} else if (!silent) {
		if (v->ours != NULL) {
			findings_add(v->found, "milter-misplaced", v->where,
			    "this service offers no SMTP AUTH, so there is nothing to decide; but a stopped milter would defer the mail that comes in here");
			findings_fix(v->found,
			    "take the milter out of main.cf's smtpd_milters and name it with -o smtpd_milters= in the services that offer AUTH");
		}
		check_dead(v, NULL);
	}
	return auth;
}
