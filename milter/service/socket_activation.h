/* SPDX-License-Identifier: BSD-2-Clause */
/* socket_activation - the listening socket that whoever started us hands over */
#ifndef MILTER_SERVICE_SOCKET_ACTIVATION_H
#define MILTER_SERVICE_SOCKET_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/error.h"

/* Room for the longest name: unix: and a path. */
#define SOCKET_ACTIVATION_NAME_MAX 120

/*
 * Finds the socket in descriptor 3 that systemd hands over (sd_listen_fds(3):
 * LISTEN_PID is ours, LISTEN_FDS is 1), else that of SPEC when it is "fd:N". FD_R is
 * the descriptor, or -1 when there is none: the address in SPEC is to be opened. NAME
 * is its address as the configuration would have it ("inet:8899@127.0.0.1",
 * "unix:/run/x.sock"). ERR_CONFIG with WHY when it is no listening stream socket, or
 * there are several.
 */
enum error socket_activation_find(const char *spec, int *fd_r,
    char name[SOCKET_ACTIVATION_NAME_MAX + 1], struct error_text *why) MUST_USE;

/*
 * Whether the socket that was handed over, with that NAME, is the one to listen on: yes
 * where SPEC says so, names the same address, or is the default. Another SPEC is an
 * address that somebody has chosen, where the MTA expects the daemon.
 */
bool socket_activation_suits(const char *spec, const char *name);

/*
 * Whether the socket that was handed over in FD, with that NAME, listens on the TCP
 * address SPEC or a part of it. At another address of the same port anybody may listen,
 * and would answer the MTA.
 */
bool socket_activation_overlaps(const char *spec, int fd, const char *name);

#endif
