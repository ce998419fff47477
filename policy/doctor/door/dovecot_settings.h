/* SPDX-License-Identifier: BSD-2-Clause */
/* dovecot_settings - how Dovecot asks its policy server for one protocol */
#pragma once

#include "policy/doctor/door/door.h"
#include "policy/doctor/door/doveconf.h"

/* How advice ends: Postfix holds connections to a Dovecot of before. */
#define DOVECOT_SETTINGS_RELOAD "; doveadm reload; postfix reload"

/* The longest time that a login may wait for authd. */
#define DOVECOT_SETTINGS_PATIENCE_MS 5000

/* Where auth_policy_server_url leads. */
enum dovecot_server {
	DOVECOT_SERVER_NONE,    /* it is empty */
	DOVECOT_SERVER_OURS,    /* to the smtpauth-authd of this machine */
	DOVECOT_SERVER_REMOTE,  /* to that of another one, as far as can be seen */
	DOVECOT_SERVER_NEAR,    /* it is meant for that, and does not lead there */
	DOVECOT_SERVER_FOREIGN, /* to something else */
};
enum dovecot_server dovecot_settings_server(const struct authd *authd, const char *url);

/*
 * Checks the settings of a protocol of which authd is asked. REMOTE: another machine's,
 * whose key is not known here.
 */
void dovecot_settings_check(
    struct door *d, const char *protocol, const struct doveconf *conf, bool remote);

/* The findings about a URL that is NEAR and FOREIGN. */
void dovecot_settings_near(
    struct door *d, const char *protocol, const struct doveconf *conf);
void dovecot_settings_foreign(
    struct door *d, const char *protocol, const struct doveconf *conf);
