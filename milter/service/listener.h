/* SPDX-License-Identifier: BSD-2-Clause */
/* listener - the socket file: what may be in its place, its mode, its end */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "policy/base/error.h"
#include "policy/config/config.h"

/* The socket's file, so that another daemon's is never removed in its place. */
struct listener {
	bool is_file;
	dev_t dev;
	ino_t ino;
};

/*
 * Removes the file of a unix socket that nobody listens on. ERR_EXISTS when somebody
 * does, ERR_CONFLICT for a file that is not a socket, with WHY.
 */
enum error listener_clear(const struct config *config, struct error_text *why) MUST_USE;

/* Notes the socket's file in L, and sets its mode, group, and as root its owner. */
enum error listener_adjust(
    const struct config *config, struct listener *l, struct error_text *why) MUST_USE;

/* Removes the socket's file if it is still the one in L. ERR_PERMISSION. */
enum error listener_remove(const struct config *config, const struct listener *l,
    struct error_text *why) MUST_USE;
