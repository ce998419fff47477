/* SPDX-License-Identifier: BSD-2-Clause */
/* door - the door at AUTH: who asks smtpauth-authd, and whether that works */
#include "policy/doctor/door/door.h"

#include <stdio.h>
#include <string.h>

#include "policy/doctor/door/authd_checks.h"
#include "policy/doctor/door/dovecot_checks.h"
#include "policy/doctor/door/pam_checks.h"

void
door_asks(struct door *d, const char *who)
{
	size_t n = strlen(d->asked_by), len = strlen(who);

	for (const char *at = d->asked_by; (at = strstr(at, who)) != NULL; at += len)
		if ((at == d->asked_by || at[-1] == ' ') &&
		    strchr(",", at[len]) != NULL)
			return;
	if (n + len + 2 <= DOOR_ASKED_BY_MAX)
		sprintf(d->asked_by + n, "%s%s", n > 0 ? ", " : "", who);
}

/* look_for_authd - whether it is there; its place if only systemd knows it is its
 * default one */
static void
look_for_authd(struct door *d, const struct config *config)
{
	authd_place(&d->authd, config);
	if (d->authd.at.kind == ENDPOINT_NONE)
		(void)endpoint_from_milter(CONFIG_AUTHD_SOCKET, &d->authd.at);
	d->health_error = d->authd.off_tcp
	    ? ERR_MISSING
	    : authd_health(&d->authd, &d->health, &d->health_why);
	d->answers = d->health_error == OK &&
	    (d->health.status == 200 || d->health.status == 503);
}

/* uses_cyrus - whether a service has its passwords checked by Cyrus SASL */
static bool
uses_cyrus(const struct checks *c)
{
	for (size_t i = 0; i < c->service_count; i++)
		if (c->service[i].sasl == CHECKS_SASL_CYRUS)
			return true;
	return false;
}

void
door_checks(struct door *d, struct checks *c, const struct config *config,
    const struct submission *login, bool sendmail)
{
	struct submission s = {.login = ""};

	memset(d, 0, sizeof *d);
	d->checks = c;
	if (login != NULL)
		s = *login;
	s.mta = MTA_POSTFIX; /* nothing is encoded at AUTH */
	if (s.listener != NULL && s.listener[0] == '\0')
		s.listener = "smtp"; /* Dovecot's protocol takes its place */
	look_for_authd(d, config);
	if (c->root) {
		dovecot_checks(d);
		if (sendmail || uses_cyrus(c))
			pam_checks(d, PAM_STACK_FOLDER, SASLAUTHD_DEFAULTS);
	} else if (d->answers) {
		findings_add(&c->unseen, "not-root", "",
		    "%swho asks smtpauth-authd, and its key", checks_unless_root(c));
	}
	if (d->used || (c->root && d->answers && login != NULL))
		authd_checks(d, login != NULL ? &s : NULL);
}
