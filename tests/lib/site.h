/* SPDX-License-Identifier: BSD-2-Clause */
/* site.h - a private installation: folder, configuration, policy database, milter. */
#ifndef TESTS_LIB_SITE_H
#define TESTS_LIB_SITE_H

#include "tests/lib/process.h"

#include <stdbool.h>
#include <sys/types.h>

enum { SITE_PATH = 256 };

struct site {
	char folder[SITE_PATH / 2];    /* everything is below it */
	char state[SITE_PATH];         /* state folder */
	char database[SITE_PATH];      /* policy.mdb in it */
	char configuration[SITE_PATH]; /* configuration file */
	char log[SITE_PATH];           /* what the milter wrote to standard error */
	char socket[SITE_PATH];        /* as in the configuration */
	pid_t pid;                     /* the running milter's, 0 when none runs */
	int listener;                  /* descriptor passed as number 3, or -1 */
};

/* Makes the base folder for all sites of this program; false when it cannot. */
bool site_base_open(void);

/* Removes the base folder, or keeps it for a look and says where it is. */
void site_base_close(bool keep);

/* Makes a site with a configuration (unix socket, log on standard error), an empty
 * state folder and no database. Fails the test when it cannot. */
void site_open(struct site *site);

/* site_open(), and `smtpauthctl init`. */
void site_open_ready(struct site *site);

/* Stops the milter if it runs, and fails the test if it had not stopped cleanly or if
 * a sanitizer complained in its log. */
void site_close(struct site *site);

/* Adds a line "key = value" to the configuration. */
void site_configure(const struct site *site, const char *key, const char *value);

/* Sets the socket, in the configuration and for connecting. */
void site_use_socket(struct site *site, const char *socket);

/* Starts the milter and waits until it listens; fails the test when it does not. */
void site_start(struct site *site);

/* Starts the milter and waits for nothing. */
void site_launch(struct site *site);

/* Sends the milter a signal and waits up to `milliseconds` for its end; returns the
 * status as process_wait() does. */
int site_stop(struct site *site, int signal, int milliseconds);

/* Whether the milter that was started still runs, under the same pid. */
bool site_runs(const struct site *site);

/* Runs smtpauthctl on this site. The command is split at spaces as a shell does,
 * single quotes included. Returns the exit status. */
int site_ctl(const struct site *site, struct outcome *outcome, const char *command, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for commands that must succeed: fails the test when one does not. */
void site_do(const struct site *site, const char *command, ...)
    __attribute__((format(printf, 2, 3)));

/* Runs smtpauth-milter with these options, to its end. Returns the exit status. */
int site_milter(struct outcome *outcome, const char *options, ...)
    __attribute__((format(printf, 2, 3)));

/* The log so far; the caller frees it. */
char *site_log(const struct site *site);

#endif
