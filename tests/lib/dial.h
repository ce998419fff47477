/* SPDX-License-Identifier: BSD-2-Clause */
/* dial.h - sockets written as in the milter's configuration. */
#ifndef TESTS_LIB_DIAL_H
#define TESTS_LIB_DIAL_H

/* Connects to inet:PORT@HOST, inet6:PORT@HOST (numeric hosts) or unix:PATH.
 * Returns the descriptor, or -1 with errno set. */
int dial_socket(const char *socket);

/* Listens on one of the same; port 0 takes a free one. Returns the descriptor or -1. */
int dial_listen(const char *socket);

/* The port a listening descriptor has, or 0. */
int dial_port(int fd);

/* A free port of `host` ("127.0.0.1", "::1"); 0 when that address is not there. Until
 * the caller ends it is given to nobody who does not ask for it by its number. */
int dial_free_port(const char *host);

#endif
