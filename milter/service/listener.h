/* SPDX-License-Identifier: BSD-2-Clause */
/* listener - the socket file: what may be in its place, its mode, its end */
#ifndef MILTER_SERVICE_LISTENER_H
#define MILTER_SERVICE_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "policy/base/error.h"
#include "policy/config/config.h"

/* Which file the socket is, so that another daemon's is never removed for ours. */
struct listener {
	bool is_file;
	dev_t dev;
	ino_t ino;
};

/*
 * Clears the way for a unix socket: a socket file that nobody listens on is removed.
 * ERR_EXISTS when somebody listens, ERR_CONFLICT when something else stands there,
 * with WHY. Other kinds of sockets need nothing.
 */
enum error listener_clear(const struct config *config, struct error_text *why) MUST_USE;

/*
 * Remembers the socket's file in L, and sets its mode and group, and as root the owner:
 * the daemon's user.
 */
enum error listener_adjust(
    const struct config *config, struct listener *l, struct error_text *why) MUST_USE;

/*
 * Removes the socket's file, if it is still the one in L. ERR_PERMISSION when the
 * folder does not let us: then it stays, and the next start removes it.
 */
enum error listener_remove(const struct config *config, const struct listener *l,
    struct error_text *why) MUST_USE;

#endif
