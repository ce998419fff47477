/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_question - what a mail server asks at AUTH: a JSON object. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/json/json_value.h"

/*
 * Strings are never NULL; they belong to `json`. What cannot be read, or has no login
 * that could be whole, is invalid: a login with U+FFFD, which Dovecot puts for bytes
 * that are no UTF-8, could have been any.
 */
struct auth_question {
	json_value *json;
	bool valid;
	const char *login;     /* "" if there is none */
	const char *client;    /* an IP address; "": not known */
	const char *listener;  /* Dovecot's protocol; "": not known */
	const char *mechanism; /* "": not known */
};

/* Reads the N bytes BODY; NULL is one that was too long. */
void auth_question_read(struct auth_question *q, const char *body, size_t n);
void auth_question_end(struct auth_question *q);
