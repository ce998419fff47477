/* SPDX-License-Identifier: BSD-2-Clause */
/* client_question - the HTTP request in which pam_smtpauth asks about a login */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "milter/auth/client_key.h"

#define CLIENT_QUESTION_LOGIN_MAX 512 /* bytes; a valid login has 320 at most */
#define CLIENT_QUESTION_MAX 4608      /* bytes, with a NUL */

struct client_question {
	char text[CLIENT_QUESTION_MAX];
	size_t len;
};

/*
 * Writes the request for PORT and KEY to Q. The login goes as a string of JSON. What
 * JSON cannot hold must not make it a login that passes: a byte that is no UTF-8
 * becomes U+FFFD, and so does all after CLIENT_QUESTION_LOGIN_MAX bytes; both
 * are invalid logins for the server. REMOTE, if it is an address as numbers, goes
 * along; a host name does not; NULL is allowed. Never fails.
 */
void client_question_write(struct client_question *q, uint16_t port, const char *key,
    const char *login, const char *remote);
