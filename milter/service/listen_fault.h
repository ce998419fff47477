/* SPDX-License-Identifier: BSD-2-Clause */
/* listen_fault - why a socket cannot be listened on, which libmilter tells syslog only
 */
#pragma once

#include "policy/base/error.h"

/*
 * The limit of the name of a unix socket is libmilter's, a byte below the system's.
 * ERR_CONFIG with WHY for a longer one; the machine is not looked at.
 */
enum error listen_fault_of_name(const char *spec, struct error_text *why) MUST_USE;

/*
 * Tries what libmilter could not do with SPEC ("inet:PORT@HOST", "inet6:...",
 * "unix:PATH"), and takes it back at once: looks up the host, binds, listens. Returns
 * ERR_IO; WHY has the reason and the way out.
 */
enum error listen_fault_find(const char *spec, struct error_text *why) MUST_USE;
