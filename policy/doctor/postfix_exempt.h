/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_exempt - who passes a service of Postfix without a decision about the login
 */
#pragma once

#include "policy/doctor/postfix_visit.h"

/* Notes the name of the service, macro {daemon_name}, whether it asks or not. */
void postfix_exempt_name(struct postfix_visit *v);

/* Notes the service visited, which offers AUTH, for the checks of the door at AUTH. */
void postfix_exempt_note(struct postfix_visit *v);

/* Whether only programs of this machine can connect to the service visited. */
bool postfix_exempt_loopback(struct postfix_visit *v);

/* What smtpd_milter_maps does: it can turn milters off for a client, or name others. */
void postfix_exempt_maps(struct postfix_visit *v);

/* The exemptions that reach the service visited, which asks the milter. */
void postfix_exempt_service(struct postfix_visit *v);

/* After all services of all instances: what of the exemptions is about none of them. */
void postfix_exempt_rest(struct postfix_visit *v);
