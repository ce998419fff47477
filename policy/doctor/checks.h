/* SPDX-License-Identifier: BSD-2-Clause */
/* checks - what the checks of the doctor know, and where they write what they find */
#ifndef POLICY_DOCTOR_CHECKS_H
#define POLICY_DOCTOR_CHECKS_H

#include "policy/config/config.h"
#include "policy/config/endpoint.h"
#include "policy/doctor/account.h"
#include "policy/doctor/findings.h"
#include "policy/model/settings.h"
#include "policy/store/store.h"
#include "policy/usage/heartbeat.h"

#define CHECKS_SERVICES_MAX 400

/* A decision may wait so long for a first scan; MTAs must wait longer. */
#define CHECKS_PATIENCE_S 11

struct checks {
	const char *dir; /* the state folder */
	const struct config *config;
	struct endpoint milter; /* where the daemon listens, or should */
	bool running;           /* a daemon with a fresh heartbeat */
	struct heartbeat daemon;
	struct store_txn *txn;           /* NULL: the database cannot be used */
	const struct settings *settings; /* borrowed from TXN; NULL with it */
	bool catch_all;                  /* a tenant has the domain "*" */
	unsigned logins;                 /* different ones seen in the mail log */
	struct findings findings;
	char
	    services[CHECKS_SERVICES_MAX + 1]; /* that ask the milter, parted by ", " */
};

/* Adds a service to those that ask the milter; what does not fit is left out. */
void checks_asks(struct checks *s, const char *service);

/* The finding that the daemon's socket is systemd's, and nobody knows its address. */
void checks_unknown_socket(struct checks *s);

/* The finding that `mta` in the configuration is the other one. */
void checks_wrong_mta(struct checks *s, const char *text);

/*
 * The checks. Each adds its findings; what cannot be looked at is a finding too.
 * Postfix's and Sendmail's need `milter` and may use the rest. DIR and FILE may be
 * NULL: the system's own.
 */
void postfix_checks(struct checks *s, const char *dir);
void sendmail_check(struct checks *s, const char *file);
void checks_state(struct checks *s);
void checks_settings(struct checks *s);
void checks_daemon(struct checks *s);

/* Whether somebody else than the daemon or systemd listens on `milter`. */
void listener_check(struct checks *s);

/*
 * The logins in a mail log: FILE, "-" for standard input, or NULL for the system's, if
 * there is one. At most its last 16 MB, 10,000 different logins. ERR_MISSING, ERR_IO
 * with WHY for a FILE that was named.
 */
enum error mail_log_check(
    struct checks *s, const char *file, struct error_text *why) MUST_USE;

#endif
