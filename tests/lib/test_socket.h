/* SPDX-License-Identifier: BSD-2-Clause */
/* test_socket.h - sockets written as in the milter's configuration. */
#pragma once

/* Connects to inet:PORT@HOST, inet6:PORT@HOST (numeric hosts) or unix:PATH.
 * Returns the descriptor, or -1 with errno set. */
int test_socket_connect(const char *socket);

/* Listens on one of the same; port 0 takes a free one. Returns the descriptor or -1. */
int test_socket_listen(const char *socket);

/* The port a listening descriptor has, or 0. */
int test_socket_port(int fd);

/* A free port of `host` ("127.0.0.1", "::1"); 0 when that address is not there. Until
 * the caller ends it is given to nobody who does not ask for it by its number. */
int test_socket_free_port(const char *host);
