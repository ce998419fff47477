/* SPDX-License-Identifier: BSD-2-Clause */
/* socket_activation - a listening socket inherited from systemd */
#pragma once

#include <stdbool.h>

#include "policy/base/error.h"

#define SOCKET_ACTIVATION_NAME_MAX 120

/*
 * Finds the socket that systemd passes as descriptor 3 (sd_listen_fds(3)), or the one
 * of SPEC "fd:N". FD_R is -1 if there is none. NAME is its address in the
 * configuration's form ("inet:8899@127.0.0.1", "unix:/run/x.sock"). ERR_CONFIG with WHY
 * for several sockets, or one that is not a listening stream socket.
 */
enum error socket_activation_find(const char *spec, int *fd_r,
    char name[SOCKET_ACTIVATION_NAME_MAX + 1], struct error_text *why) MUST_USE;

/*
 * Whether to listen on the inherited socket NAME: SPEC, as configured, is "fd:N" or the
 * same address. Any other SPEC is where the MTA expects the daemon.
 */
bool socket_activation_suits(const char *spec, const char *name);

/*
 * Whether the inherited socket FD, NAME, listens on the TCP address SPEC or a part of
 * it. On another address of the same port any program may listen and answer the MTA.
 */
bool socket_activation_overlaps(const char *spec, int fd, const char *name);
