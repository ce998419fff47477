/* SPDX-License-Identifier: BSD-2-Clause */
/* checks - the common part of the checks, and the checks that need no MTA */
#pragma once

#include "policy/config/config.h"
#include "policy/config/endpoint.h"
#include "policy/doctor/account.h"
#include "policy/doctor/findings.h"
#include "policy/model/settings.h"
#include "policy/store/store.h"
#include "policy/usage/heartbeat.h"

#define CHECKS_SERVICES_MAX 400

/* A decision may wait almost this long for a first scan; MTAs must wait longer. */
#define CHECKS_PATIENCE_S 11

/* The program that a service asks whether a password is right. */
enum checks_sasl { CHECKS_SASL_OTHER, CHECKS_SASL_DOVECOT, CHECKS_SASL_CYRUS };

#define CHECKS_SERVICE_MAX 64
#define CHECKS_NAME_MAX 255

/* A service of Postfix that offers AUTH, for the checks of the door at AUTH. */
struct checks_service {
	enum checks_sasl sasl;            /* on this machine; else CHECKS_SASL_OTHER */
	char where[CHECKS_NAME_MAX + 1];  /* its name in findings */
	char option[CHECKS_NAME_MAX + 1]; /* " -c DIR" for postconf, or "" */
	char key[CHECKS_NAME_MAX + 1];    /* "submission/inet", for "postconf -P" */
	char listener[CHECKS_NAME_MAX + 1]; /* macro {daemon_name} */
	char protocol[CHECKS_NAME_MAX + 1]; /* smtpd_sasl_service: what Dovecot sees */
	bool exempt;                        /* by `exempt-listeners` */
	bool loopback; /* only programs of this machine can connect to it */
};

/* The input of the checks, and their findings. */
struct checks {
	const char *dir; /* the state folder */
	const struct config *config;
	struct endpoint milter; /* where the daemon listens, or should */
	bool root;              /* the caller may look at everything */
	bool answers;           /* the milter, when it is asked */
	bool served;            /* every service that offers AUTH gives a greeting */
	bool beats_unseen;      /* the caller may not see whether a daemon runs */
	bool running;           /* a daemon with a fresh heartbeat */
	struct heartbeat daemon;
	struct store_txn *txn;           /* NULL: the database cannot be used */
	const struct settings *settings; /* borrowed from TXN; NULL with it */
	bool catch_all;                  /* a tenant has the domain "*" */
	unsigned logins;                 /* different ones seen in the mail log */
	instant renamed; /* the last change of aliases or settings: logins may count as
			    others since */
	struct findings findings;
	struct findings unseen; /* what was not looked at, a text each */
	char services[CHECKS_SERVICES_MAX +
	    1]; /* that ask the milter, separated by ", " */
	struct checks_service service[CHECKS_SERVICE_MAX];
	size_t service_count;
};

/* The name of the user that the daemon runs as. */
const char *checks_user(const struct checks *c);

/* "not root: ", the reason why something was not looked at; "" for root. */
const char *checks_unless_root(const struct checks *c);

/* Adds a service to those that ask the milter, if it fits. */
void checks_asks(struct checks *c, const char *service);

/* The finding that the daemon's socket is systemd's, and nobody knows its address. */
void checks_unknown_socket(struct checks *c);

/* The finding that `mta` in the configuration is the other one. */
void checks_wrong_mta(struct checks *c, const char *text);

/*
 * The checks of the daemon, of the state folder and of the settings. As all checks,
 * they add findings, and something that cannot be checked is a finding, too.
 */
void checks_daemon(struct checks *c);
void checks_state(struct checks *c);
void checks_settings(struct checks *c);

/* The checks of what only systemd knows: a replica whose snapshots fail. */
void checks_units(struct checks *c);

/*
 * The check that the daemon runs with what the configuration FILE says now. It adds no
 * finding beside another about the configuration. After checks_settings().
 */
void checks_restart(struct checks *c, const char *file);
