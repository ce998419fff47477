/* SPDX-License-Identifier: BSD-2-Clause */
/* config - the configuration file */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"
#include "policy/identity/mta.h"
#include "policy/model/word.h"

#define CONFIG_VALUE_MAX 198 /* bytes of a line, inih's limit */

enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_JSON };
enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG };

/* The default file. */
#define CONFIG_FILE SYSCONFDIR "/smtpauth-milter/smtpauth-milter.conf"

/* Where the daemons listen by default. */
#define CONFIG_SOCKET "inet:8899@127.0.0.1"
#define CONFIG_AUTHD_SOCKET "inet:8898@127.0.0.1"

struct config {
	char socket[CONFIG_VALUE_MAX + 1];
	bool socket_is_set; /* in the file or on the command line, to whatever value */
	unsigned socket_mode;
	char socket_group[CONFIG_VALUE_MAX + 1]; /* "": unchanged */
	char user[CONFIG_VALUE_MAX + 1];         /* "": unchanged */
	char state_dir[CONFIG_VALUE_MAX + 1];
	enum mta mta;
	enum action on_error; /* tempfail, reject, accept */
	enum log_target log;
	enum log_level log_level;
	enum yes_no log_allowed;
	enum yes_no usage;
	unsigned usage_flush;                    /* seconds */
	char metrics_file[CONFIG_VALUE_MAX + 1]; /* "": none */
	char key_file[CONFIG_VALUE_MAX + 1]; /* smtpauth-authd's; "": see auth_key.h */
};

/*
 * Fills OUT with the defaults, then with what FILE says. FILE NULL is the default
 * file, which may be missing. ERR_CONFIG with "FILE:LINE: ..." in WHY for unknown
 * keys and sections, bad values and over-long lines, whichever daemon they are for.
 *
 * Keys before any section hold for all daemons, but for those that only one can use
 * (socket, socket-mode, socket-group, mta, metrics-file): these are the milter's. A
 * daemon's section holds for it alone, and over what stands before.
 */
enum error config_read(
    struct config *out, const char *file, struct error_text *why) MUST_USE;

/* The same for smtpauth-authd, whose section is [authd]. */
enum error config_read_authd(
    struct config *out, const char *file, struct error_text *why) MUST_USE;

/*
 * Puts the state folder alone into DIR (CONFIG_VALUE_MAX + 1 bytes), for a command that
 * has to work whatever else the file says: WARN gets a line for all that cannot be
 * understood, and it is passed over. ERR_CONFIG with WHY where the file cannot be read,
 * is no text, or may name a folder in a line that is not understood: another folder has
 * another policy.
 */
enum error config_state_dir(char *dir, const char *file, void (*warn)(const char *text),
    struct error_text *why) MUST_USE;

/* Sets one key as the file would; ERR_CONFIG with WHY. */
enum error config_set(struct config *c, const char *key, const char *value,
    struct error_text *why) MUST_USE;

/*
 * A hash of all keys but `socket` and `state-dir`, which a command line may overrule; 0
 * when out of memory. Equal configurations have equal ones.
 */
uint64_t config_digest(const struct config *c);

/* Prints the milter's keys as a configuration file would have them; smtpauth-authd's.
 */
void config_print(const struct config *c, FILE *to);
void config_print_authd(const struct config *c, FILE *to);
