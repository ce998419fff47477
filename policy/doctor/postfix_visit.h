/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_visit - the visit to the services of a Postfix, one by one */
#pragma once

#include "policy/doctor/checks.h"
#include "policy/doctor/milter_list.h"
#include "policy/doctor/postfix.h"
#include "policy/doctor/probe.h"

#define POSTFIX_VISIT_DEAD_MAX 32
#define POSTFIX_VISIT_WHERE_MAX 1200

/* A milter to which a connection was tried. */
struct postfix_visit_milter {
	struct endpoint at;
	int problem; /* see probe_listener() */
};

/* What a visit knows. Postfix may have several instances, visited one by one. */
struct postfix_visit {
	struct checks *checks;
	struct findings *found; /* of CHECKS */
	const char *instance;   /* its folder; NULL: the first one */
	struct postfix postfix;
	struct postfix_master master; /* pid 0: it does not run */
	bool braces; /* one of its lists has an open one, which is said */
	bool stale;  /* its files are newer than what runs */
	const struct postfix_service *service; /* the one visited; NULL: main.cf */
	char where[POSTFIX_VISIT_WHERE_MAX];   /* its name in findings */
	const struct milter_entry *ours;       /* its entry for the daemon */
	struct milter_list list;               /* its smtpd_milters */
	struct milter_list other;              /* main.cf's, or another of its lists */
	struct postfix_visit_milter milter[POSTFIX_VISIT_DEAD_MAX]; /* tried */
	size_t milters;
	char edited[POSTFIX_VALUE_MAX + 40]; /* a value for the advice */
	char squeezed[POSTFIX_VALUE_MAX + 1];
	/* over all instances: */
	long sessions; /* that may be open at once */
	bool unlimited;
	unsigned greeting;       /* services that greet a client */
	bool mute;               /* another one did not, or was not asked to */
	bool unread;             /* some instance could not be read */
	bool offered;            /* some service has AUTH */
	unsigned asking, exempt; /* services that ask, those that are exempt by name */
	unsigned char
	    named[SETTING_LISTENERS_MAX]; /* at its offset: some service has it */
};

/* The value of a parameter as the service has it, and as main.cf has it. */
const char *postfix_visit_value(struct postfix_visit *v, const char *name);
const char *postfix_visit_main(struct postfix_visit *v, const char *name);

/* The entry of LIST that leads to the daemon, or NULL. */
const struct milter_entry *postfix_visit_ours(
    struct postfix_visit *v, const struct milter_list *list, bool chrooted);

/*
 * Looks at one service: how it asks the milter, and who is exempt. Whether it offers
 * AUTH and nothing was found that keeps it from working.
 */
bool postfix_visit_service(
    struct postfix_visit *v, const struct postfix_service *service);
