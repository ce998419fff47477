/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_main - from the command line of a daemon to its service, and back */
#pragma once

#include <stdio.h>

#include "policy/config/config.h"

/* What differs between daemons. */
struct daemon_main {
	const char *name;    /* of the program */
	const char *sockets; /* the forms of -s, as --help shows them */
	enum error (*read)(
	    struct config *out, const char *file, struct error_text *why);
	void (*print)(const struct config *c, FILE *to);
	/* What -t looks at beside the configuration; NULL: nothing. ERR_CONFIG. */
	enum error (*check)(void *arg, struct error_text *why);
	/*
	 * Serves until a signal, with the signals blocked that stop a daemon. Returns
	 * an exit status; threads may still run.
	 */
	int (*serve)(void *arg);
	void *arg;
	struct config *config; /* of ARG */
};

/*
 * Reads the command line and the configuration, does what -p, -t, -V and -h ask for, or
 * opens the log and serves. Ends the process.
 */
void daemon_main_run(const struct daemon_main *m, int argc, char **argv)
    __attribute__((noreturn));

/* Logs why there is no service, to standard error, too; returns STATUS. */
int daemon_main_failed(const struct daemon_main *m, int status, const char *text);

/* Logs version, addresses and what else is of interest at a start. */
void daemon_main_say_start(const struct config *config);
