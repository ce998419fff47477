/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_line - one line of the mail log of Postfix or Sendmail */
#pragma once

#include <stdbool.h>

#include "policy/base/instant.h"
#include "policy/identity/login.h"
#include "policy/identity/mta.h"

#define MAIL_LINE_WORD_MAX 255

/* The beginning of a line, as syslog, rsyslog, journalctl and Postfix write it. */
struct mail_line {
	instant at; /* INSTANT_NONE: not known */
	char host[MAIL_LINE_WORD_MAX + 1];
	char program[MAIL_LINE_WORD_MAX + 1]; /* "postfix/submission/smtpd" */
	const char *text;                     /* behind "PROGRAM[PID]: "; borrowed */
};

/*
 * Reads "Nov 23 10:00:00 HOST PROGRAM[PID]: TEXT", in local time, in the year before
 * NOW, or the same with RFC 3339 as the time. False where the line is not of this form.
 */
bool mail_line_read(const char *line, instant now, struct mail_line *out_r);

/* A login that the MTA let in. */
struct mail_login {
	enum mta mta;              /* MTA_SENDMAIL: the login is xtext */
	char login[LOGIN_MAX + 1]; /* as written */
	char client[64];           /* "" for none */
	bool mail;                 /* a message of the session got a queue id */
};

/* The login of a line; false where it has none that was let in. */
bool mail_line_login(const char *line, struct mail_login *out_r);
