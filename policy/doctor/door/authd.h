/* SPDX-License-Identifier: BSD-2-Clause */
/* authd - smtpauth-authd, asked as Dovecot asks it */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "policy/config/config.h"
#include "policy/config/endpoint.h"
#include "policy/decision/submission.h"
#include "policy/doctor/door/http_client.h"
#include "policy/store/auth_key.h"

#define AUTHD_PATH "/v1/auth"

/* Where it is, or should be, and the key that it demands. */
struct authd {
	struct endpoint at; /* ENDPOINT_NONE: systemd alone knows */
	bool off_tcp;       /* its socket is a unix socket; `at` is ENDPOINT_NONE */
	char key_file[PATH_MAX];
	struct auth_key key; /* `len` 0: not read */
};

/* The place, by its configuration; without the key. */
void authd_place(struct authd *a, const struct config *config);

/* Reads the key from its file. Errors as auth_key_read(). */
enum error authd_read_key(struct authd *a, struct error_text *why) MUST_USE;

/* Asks whether it lives. STATUS_R is HTTP's: 200, or 503 while it cannot decide. Errors
 * as http_client_ask(). */
enum error authd_health(
    const struct authd *a, struct http_answer *out_r, struct error_text *why) MUST_USE;

#define AUTHD_TEXT_MAX 1023

/* The answer to a login. */
struct authd_answer {
	int http;                      /* 200; 401: the key is not its */
	bool refused;                  /* with: */
	char text[AUTHD_TEXT_MAX + 1]; /* "5.7.1 ... [id]" */
};

/*
 * Asks about a login, as a Dovecot that knows the client's address would. Errors as
 * http_client_ask(); ERR_FORMAT also for a 200 that is no answer of authd's.
 */
enum error authd_ask(const struct authd *a, const struct submission *s,
    struct authd_answer *out_r, struct error_text *why) MUST_USE;
