/* SPDX-License-Identifier: BSD-2-Clause */
/* listener - the users that listen on an address of this machine */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "policy/doctor/checks.h"

/* As many listeners as one port can have, and more than anybody has. */
#define LISTENER_MAX 16

/*
 * The users with a listening TCP socket that a connection to E may arrive at, by the
 * text files TCP4 and TCP6 (as /proc/net/tcp, tcp6). Returns how many; 0 if nobody
 * listens, or that is not known.
 */
size_t listener_in(const struct endpoint *e, const char *tcp4, const char *tcp6,
    uid_t users[LISTENER_MAX]);

/*
 * Checks that nobody but the daemon or systemd listens on the milter's address: for TCP
 * all that listen on it or on every address, for a unix socket the one that listens.
 */
void listener_check(struct checks *c);
