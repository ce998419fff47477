/* SPDX-License-Identifier: BSD-2-Clause */
/* door - the door at AUTH: who asks smtpauth-authd, and whether that works */
#pragma once

#include "policy/doctor/checks.h"
#include "policy/doctor/door/authd.h"

#define DOOR_ASKED_BY_MAX 300

/* What is known of it. */
struct door {
	struct checks *checks;
	struct authd authd;
	enum error health_error; /* of asking whether authd lives, with: */
	struct error_text health_why;
	struct http_answer health;
	bool answers;                         /* it does, as authd */
	bool used;                            /* somebody of this machine asks it */
	char asked_by[DOOR_ASKED_BY_MAX + 1]; /* Dovecot's protocols, "PAM" */
	bool asked;                           /* about the login, with: */
	struct authd_answer answer;
};

/* Adds a protocol of Dovecot, or "PAM", to those that ask, if it fits and is new. */
void door_asks(struct door *d, const char *who);

/*
 * Checks who asks smtpauth-authd, whose configuration is CONFIG, and asks it; about
 * LOGIN, too, unless that is NULL. SENDMAIL: the MTA is that. After the checks of the
 * MTA. Nobody asking is no finding.
 */
void door_checks(struct door *d, struct checks *c, const struct config *config,
    const struct submission *login, bool sendmail);
