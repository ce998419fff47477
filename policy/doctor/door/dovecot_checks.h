/* SPDX-License-Identifier: BSD-2-Clause */
/* dovecot_checks - mistakes about Dovecot's policy server */
#pragma once

#include "policy/doctor/door/door.h"

/*
 * Checks for each protocol by which a service of Postfix asks Dovecot, and for
 * Dovecot's own submission service, whether and how Dovecot asks smtpauth-authd. A
 * Dovecot that asks nobody gives no finding. As root.
 */
void dovecot_checks(struct door *d);
