/* SPDX-License-Identifier: BSD-2-Clause */
/* service_socket - where a daemon listens: its own socket, or the one systemd passes */
#pragma once

#include "milter/service/listener.h"

/* Listens on SPEC ("inet:PORT@HOST", "fd:N" and so on). ERR_IO, ERR_LIMIT with WHY. */
typedef enum error service_socket_opener(
    void *arg, const char *spec, struct error_text *why);

struct service_socket {
	struct config *config; /* where it is to listen; then where it does */
	struct listener *listener;
	const char *unit; /* the unit of systemd's socket */
	service_socket_opener *open;
	void *arg;
};

/*
 * Listens where the configuration says, or on the inherited socket if the configuration
 * names no other. Before root is given up, so that a unix socket gets its owner and
 * group. ERR_CONFIG and others with WHY.
 */
enum error service_socket_open(
    const struct service_socket *s, struct error_text *why) MUST_USE;

/* A listening descriptor for SPEC. ERR_IO with the reason and the way out in WHY. */
enum error service_socket_listen(
    const char *spec, int *fd_r, struct error_text *why) MUST_USE;
