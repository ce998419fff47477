/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_visit - the round through the services of one Postfix */
#ifndef DOCTOR_POSTFIX_VISIT_H
#define DOCTOR_POSTFIX_VISIT_H

#include "policy/doctor/checks.h"
#include "policy/doctor/milter_list.h"
#include "policy/doctor/postfix.h"

/* What the checks of Postfix share; only they use it. */
struct visit {
	struct checks *checks;
	struct postfix postfix;
	const struct postfix_service *service; /* where the round is; NULL: main.cf */
	struct milter_list list;               /* the service's smtpd_milters */
	struct milter_list other;              /* main.cf's, or another of its lists */
	char path[ENDPOINT_MAX * 2 + 2];
	long sessions; /* that may be open at once, over all services */
	bool unlimited;
	bool offered; /* some service has AUTH */
};

/* The value of a parameter for the service; see postfix_value(). */
const char *visit_value(struct visit *v, const char *name);

/* The entry of LIST that leads to the daemon, or NULL. */
const struct milter_entry *visit_find_ours(
    struct visit *v, const struct milter_list *list, bool chrooted);

/* The name behind the last slash. */
const char *visit_last_part(const char *path);

/* Advice: a place for the socket that Postfix reaches, chrooted or not. */
void visit_own_folder(struct visit *v);

/* The finding for a service that offers AUTH and does not ask the milter. */
void visit_unlisted(struct visit *v);

/* The checks of a service that offers AUTH and asks the milter by the entry OURS. */
void visit_asking(struct visit *v, const struct milter_entry *ours);

#endif
