/* SPDX-License-Identifier: BSD-2-Clause */
/* listener - who it is that listens on an address of this machine */
#ifndef DOCTOR_LISTENER_H
#define DOCTOR_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/config/endpoint.h"

/* As many listeners as one port can have, and more than anybody has. */
#define LISTENER_MAX 16

/*
 * The users whose sockets a connection to E may arrive at: of TCP each that listens on
 * its address or on all, as the kernel's tables have it; of a unix socket the one that
 * listens. Returns how many; 0 where nobody listens, or it cannot be told.
 */
size_t listener_find(const struct endpoint *e, uid_t users[LISTENER_MAX]);

/*
 * The same of the tables in the text files TCP4 and TCP6 (/proc/net/tcp, tcp6), for the
 * port of E at its addresses.
 */
size_t listener_in(const struct endpoint *e, const char *tcp4, const char *tcp6,
    uid_t users[LISTENER_MAX]);

#endif
