/* SPDX-License-Identifier: BSD-2-Clause */
/* authd_checks - whether smtpauth-authd answers, and as the policy says */
#pragma once

#include "policy/doctor/door/door.h"

/* So many domains are tried for a login that is refused. */
#define AUTHD_CHECKS_DOMAINS 1000

/* So much of a reply's text is in an answer in any case. */
#define AUTHD_CHECKS_TEXT_MAX 400

/*
 * Checks the authd of D, which somebody asks. It is asked about a made-up login of a
 * tenant that is refused if there is one, and about LOGIN, whose answer D gets.
 */
void authd_checks(struct door *d, const struct submission *login);
