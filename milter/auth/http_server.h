/* SPDX-License-Identifier: BSD-2-Clause */
/* http_server - HTTP/1.1 on one listening socket, one thread, many connections */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "milter/auth/http_request.h"
#include "policy/base/error.h"

/*
 * Dovecot keeps at most 100 connections a process, one for each login in flight. With
 * more than these, one that never sent a good key makes room, else the one that has
 * been quiet for longest: whoever opens many, or sends half a request, costs others
 * nothing but a new connection.
 */
#define HTTP_SERVER_CONNECTIONS 512
#define HTTP_SERVER_BODY_MAX 32768
#define HTTP_SERVER_ANSWER_MAX 2048
#define HTTP_SERVER_REQUEST_MS 5000 /* from a request's first byte to its last */
#define HTTP_SERVER_IDLE_MS 60000   /* Dovecot closes after 10 s */

/*
 * An answer: status, body, and whether the request was one with a good key. Others end
 * the connection: on many, with a request after the other, they would take all the
 * time.
 */
struct http_answer {
	int status; /* 200 at first */
	bool trusted;
	char body[HTTP_SERVER_ANSWER_MAX - 256];
};

/*
 * Answers a request; BODY is NULL where it was longer than HTTP_SERVER_BODY_MAX. It is
 * called on the server's thread, and everybody waits for it.
 */
typedef void http_server_handler(void *arg, const struct http_request *request,
    const char *body, size_t n, struct http_answer *out_r);

struct http_server;

/* What the server counts; all atomic. */
struct http_server_counts {
	_Atomic int64_t *connections;
	_Atomic uint64_t *bad;     /* requests that are no HTTP */
	_Atomic uint64_t *dropped; /* connections, by the server */
};

/*
 * Starts a thread that serves FD, a listening socket, which it sets to non-blocking.
 * Its memory is used as connections need it. ERR_MEMORY.
 */
enum error http_server_start(struct http_server **server_r, int fd,
    http_server_handler *handler, void *arg,
    const struct http_server_counts *counts) MUST_USE;

/* Ends the thread after the request under way, and closes all connections. */
void http_server_stop(struct http_server **server);
