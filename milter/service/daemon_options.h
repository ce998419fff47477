/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_options - the command line that all daemons have, and its configuration */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "policy/config/config.h"

/* What differs between daemons. */
struct daemon_program {
	const char *name;    /* of the program */
	const char *sockets; /* the forms of -s, as --help shows them */
	enum error (*read)(
	    struct config *out, const char *file, struct error_text *why);
	void (*print)(const struct config *c, FILE *to);
};

/* Strings are of the command line. */
struct daemon_options {
	const char *file, *dir, *socket;
	bool test, print;
};

/* Reads the command line; exits for -V, -h and wrong usage. */
void daemon_options_parse(const struct daemon_program *p, int argc, char **argv,
    struct daemon_options *out_r);

/* Reads the file, then lets the command line overrule it. ERR_CONFIG with WHY. */
enum error daemon_options_configure(const struct daemon_program *p,
    const struct daemon_options *o, struct config *config,
    struct error_text *why) MUST_USE;

/*
 * What -p and -t print. A bad database does not make the configuration bad. Returns
 * EX_OK or EX_IOERR.
 */
int daemon_options_show(const struct daemon_program *p, const struct daemon_options *o,
    const struct config *config) MUST_USE;
