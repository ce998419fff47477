/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_listing - whether a service of Postfix lists the milter, and how it should */
#include <stdio.h>
#include <string.h>

#include "policy/doctor/postfix_visit.h"

const char *
visit_value(struct visit *v, const char *name)
{
	return postfix_value(&v->postfix, v->service, name);
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
const struct milter_entry *
visit_find_ours(struct visit *v, const struct milter_list *list, bool chrooted)
{
	for (size_t i = 0; i < list->count; i++) {
		struct endpoint e =
		    seen_from_outside(v, &list->entry[i].endpoint, chrooted);

		if (endpoint_reaches(&e, &v->checks->milter))
			return &list->entry[i];
	}
	return NULL;
}

const char *
visit_last_part(const char *path)
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
		return strcmp(visit_last_part(e->name), visit_last_part(ours->name)) ==
		    0;
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
	const struct endpoint *ours = &v->checks->milter;
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
	const struct endpoint *ours = &v->checks->milter;

	endpoint_postfix(ours, out);
	if (ours->kind == ENDPOINT_UNIX && v->service->chrooted && !out_of_reach(v))
		snprintf(out, ENDPOINT_MAX + 32, "unix:%s", ours->name + n);
	return out;
}

/* visit_own_folder - a place for the socket that Postfix reaches, chrooted or not */
void
visit_own_folder(struct visit *v)
{
	const struct config *config = v->checks->config;
	char queue[ENDPOINT_MAX + 1];

	snprintf(queue, sizeof queue, "%s",
	    postfix_value(&v->postfix, NULL, "queue_directory"));
	findings_fix(&v->checks->findings,
	    "install -d -o %s -g %s -m 2710 %s/smtpauth; in smtpauth-milter.conf: socket = unix:%s/smtpauth/milter.sock, and socket-mode = 0660; restart smtpauth-milter; name unix:smtpauth/milter.sock in smtpd_milters",
	    config->user[0] != '\0' ? config->user : "smtpauth",
	    postfix_value(&v->postfix, NULL, "mail_owner"), queue, queue);
}

/* say_absent - what to type, in one word: "postconf -P" takes no space */
static void
say_absent(struct visit *v, const char *right)
{
	struct findings *f = &v->checks->findings;
	const struct postfix_service *s = v->service;
	char others[2048];

	if (!milter_list_squeeze(
		visit_value(v, "smtpd_milters"), others, sizeof others))
		strcpy(others, "THE-MILTERS-IT-HAS");
	findings_add(f, "milter-not-listed", s->name,
	    "this service offers SMTP AUTH and does not ask the milter: nothing is refused here");
	findings_fix(f,
	    "postconf -P '%s/%s/smtpd_milters={%s,connect_timeout=3s,command_timeout=15s,default_action=tempfail}%s%s'; postfix reload. Or, if nobody is to log in here: postconf -P '%s/%s/smtpd_sasl_auth_enable=no'",
	    s->name, s->type, right, others[0] != '\0' ? "," : "", others, s->name,
	    s->type);
}

/* visit_unlisted - a service offers AUTH and does not ask us: why not, and how */
void
visit_unlisted(struct visit *v)
{
	struct findings *f = &v->checks->findings;
	char right[ENDPOINT_MAX + 32];
	const char *name = v->service->name;

	right_address(v, right);
	if (strpbrk(right, "'\\") != NULL) /* it goes into a command to type */
		strcpy(right, "unix:PATH-OF-THE-SOCKET");
	for (size_t i = 0; i < v->list.count; i++) {
		const struct milter_entry *entry = &v->list.entry[i];

		if (!is_near(entry, &v->checks->milter))
			continue;
		findings_add(f,
		    entry->endpoint.kind == ENDPOINT_NONE ? "milter-syntax"
							  : "socket-path",
		    name,
		    "the milter %s does not lead to the daemon's socket%s; Postfix answers with its default action, or nobody is asked",
		    entry->address,
		    entry->endpoint.kind == ENDPOINT_NONE
			? " (that is not how Postfix writes an address)"
			: v->service->chrooted ? ": this smtpd is chrooted"
					       : ": this smtpd is not chrooted");
		if (out_of_reach(v))
			visit_own_folder(v);
		else
			findings_fix(
			    f, "write %s in smtpd_milters; postfix reload", right);
		return;
	}
	say_absent(v, right);
}
