/* SPDX-License-Identifier: BSD-2-Clause */
/* http_request - the head of an HTTP/1.1 request (RFC 9112), a strict subset. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_REQUEST_HEAD_MAX 8192 /* bytes, with the empty line */
#define HTTP_REQUEST_FIELDS_MAX 64

/* Bytes of the head. */
struct http_text {
	const char *at;
	size_t len;
};

struct http_request {
	struct http_text method, path, query; /* the query without its "?" */
	struct http_text authorization;       /* the value of that field; empty: none */
	struct http_text user_agent;
	size_t head;      /* bytes of the head, with the empty line */
	uint64_t content; /* bytes of the body that follows */
	bool keep_alive;  /* another request may follow on this connection */
};

enum http_request_state { HTTP_REQUEST_MORE, HTTP_REQUEST_WHOLE, HTTP_REQUEST_BAD };

/*
 * Reads the head that the N bytes AT begin with. MORE: it has not ended, and is shorter
 * than HTTP_REQUEST_HEAD_MAX. BAD: STATUS_R is the answer (400, 431, 501, 505), and
 * where a next request would begin is not known.
 *
 * Refused, as two readers of it could disagree on where a request ends (RFC 9112
 * section 11.2): a bare LF or CR, NUL and other control characters, a folded line,
 * blanks before a colon, Transfer-Encoding, a second Content-Length, Host or
 * Authorization, a Content-Length that is no number, HTTP/1.1 without Host.
 */
enum http_request_state http_request_read(
    const char *at, size_t n, struct http_request *out_r, int *status_r);

/* Whether the query has NAME=VALUE among its parts, which "&" separates. */
bool http_request_query_has(const struct http_request *r, const char *part);
