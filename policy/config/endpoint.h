/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint - a milter's address, as the milter, Postfix and Sendmail write it */
#pragma once

#include <stdbool.h>

#define ENDPOINT_MAX 256 /* bytes of a path or a host */

struct endpoint {
	enum { ENDPOINT_NONE, ENDPOINT_UNIX, ENDPOINT_INET } kind;
	char name[ENDPOINT_MAX + 1]; /* a path, or a host */
	unsigned port;
};

/*
 * Reads "inet:PORT@HOST", "inet6:PORT@HOST", "unix:PATH" or "local:PATH": libmilter's
 * and Sendmail's form. False with kind ENDPOINT_NONE for anything else.
 */
bool endpoint_from_milter(const char *s, struct endpoint *out_r);

/* Reads "inet:HOST:PORT" or "unix:PATH", Postfix's form. */
bool endpoint_from_postfix(const char *s, struct endpoint *out_r);

/*
 * Whether a client that connects to A reaches a server that listens on B: the same
 * socket file, or the port at an address that B listens on. Looks up hosts.
 */
bool endpoint_reaches(const struct endpoint *a, const struct endpoint *b);

/* Prints in Postfix's form and in libmilter's; OUT has ENDPOINT_MAX + 32 bytes. */
const char *endpoint_postfix(const struct endpoint *e, char *out);
const char *endpoint_milter(const struct endpoint *e, char *out);

/* Connects within 5 s, which are also the limit of later reads and writes: the
 * descriptor, or -1 with errno. */
int endpoint_connect(const struct endpoint *e);
