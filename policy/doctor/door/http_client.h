/* SPDX-License-Identifier: BSD-2-Clause */
/* http_client - one question over HTTP, and its answer */
#pragma once

#include <stddef.h>

#include "policy/base/error.h"
#include "policy/config/endpoint.h"

/* By then the answer is there, or there is none. */
#define HTTP_CLIENT_S 5

#define HTTP_CLIENT_BODY_MAX 2048

struct http_answer {
	int status;
	size_t len;                          /* of the body, */
	char body[HTTP_CLIENT_BODY_MAX + 1]; /* NUL-terminated */
};

/*
 * Connects to AT, sends a request for PATH with BODY (a POST of JSON; NULL: a GET) and
 * KEY as the bearer's (NULL: without), and reads the answer, which has to be HTTP/1.x
 * with one Content-Length. Errors, with WHY: ERR_MISSING, nobody listens; ERR_BUSY, no
 * answer in time; ERR_PERMISSION, this user may not connect; ERR_FORMAT, what comes is
 * no such answer; ERR_LIMIT, KEY or BODY is too long; ERR_IO.
 */
enum error http_client_ask(const struct endpoint *at, const char *path, const char *key,
    const char *body, struct http_answer *out_r, struct error_text *why) MUST_USE;
