/* SPDX-License-Identifier: BSD-2-Clause */
/* instance.h - a private installation: folder, configuration, database, milter */
#pragma once

#include "tests/lib/process.h"

#include <stdbool.h>
#include <sys/types.h>

enum { INSTANCE_PATH = 256 };

struct instance {
	char folder[INSTANCE_PATH / 2];    /* everything is below it */
	char state[INSTANCE_PATH];         /* state folder */
	char database[INSTANCE_PATH];      /* policy.mdb in it */
	char configuration[INSTANCE_PATH]; /* configuration file */
	char log[INSTANCE_PATH];           /* what the milter wrote to standard error */
	char socket[INSTANCE_PATH];        /* as in the configuration */
	pid_t pid;                         /* the running milter's, 0 when none runs */
	int listener;                      /* descriptor passed as number 3, or -1 */
};

/* Makes the base folder for all instances of this program; false when it cannot. */
bool instance_base_open(void);

/* Removes the base folder, or keeps it for a look and says where it is. */
void instance_base_close(bool keep);

/* Makes an instance with a configuration (unix socket, log on standard error), an empty
 * state folder and no database. Fails the test when it cannot. */
void instance_open(struct instance *instance);

/* instance_open(), and `smtpauthctl init`. */
void instance_open_ready(struct instance *instance);

/* Stops the milter if it runs, and fails the test if it had not stopped cleanly or if
 * a sanitizer complained in its log. */
void instance_close(struct instance *instance);

/* Adds a line "key = value" to the configuration. */
void instance_configure(
    const struct instance *instance, const char *key, const char *value);

/* Sets the socket, in the configuration and for connecting. */
void instance_use_socket(struct instance *instance, const char *socket);

/* Starts the milter and waits until it listens; fails the test when it does not. */
void instance_start(struct instance *instance);

/* Starts the milter and waits for nothing. */
void instance_launch(struct instance *instance);

/* Waits until a signal stops the milter at once: before its main thread and libmilter's
 * wait for one, libmilter's can get it, which takes up to 5 s to stop. */
void instance_await_signals(const struct instance *instance);

/* Sends the milter a signal and waits up to `milliseconds` for its end; returns the
 * status as process_wait() does. */
int instance_stop(struct instance *instance, int signal, int milliseconds);

/* Whether the milter that was started still runs, under the same pid. */
bool instance_runs(const struct instance *instance);

/* Runs smtpauthctl on this instance. The command is split at spaces as a shell does,
 * single quotes included. Returns the exit status. */
int instance_ctl(const struct instance *instance, struct outcome *outcome,
    const char *command, ...) __attribute__((format(printf, 3, 4)));

/* The same for commands that must succeed: fails the test when one does not. */
void instance_do(const struct instance *instance, const char *command, ...)
    __attribute__((format(printf, 2, 3)));

/* Runs smtpauth-milter with these options, to its end. Returns the exit status. */
int instance_milter(struct outcome *outcome, const char *options, ...)
    __attribute__((format(printf, 2, 3)));

/* The log so far; the caller frees it. */
char *instance_log(const struct instance *instance);
