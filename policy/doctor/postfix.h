/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix - the configuration of a live Postfix */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "policy/base/error.h"

#define POSTFIX_VALUE_MAX 8191
#define POSTFIX_DIR_MAX 1024
#define POSTFIX_NAME_MAX 100

/* An smtpd of master.cf that clients reach by a port, or through postscreen (pass). */
struct postfix_service {
	char *name;       /* "submission", "127.0.0.1:10587" */
	const char *type; /* "inet" or "pass" */
	char *line;       /* as "postconf -M" has it */
	bool chrooted;
	long processes; /* at most; 0: no limit */
	char *values; /* "name = value" lines as it has them; NULL: those of main.cf */
};

/* Values are as postconf(1) expands them. */
struct postfix {
	char *main;      /* "name = value" lines */
	char *plain;     /* those that main.cf has, as written */
	char *overrides; /* "service/type/name = value" lines, as written */
	char *warnings;  /* lines of postconf(1)'s */
	const char *dir; /* of the configuration; NULL: the default */
	char option[POSTFIX_DIR_MAX + 8]; /* " -c DIR" for commands; "": the default */
	struct postfix_service *service;
	size_t services;
	char value[POSTFIX_VALUE_MAX + 1]; /* the last answer of postfix_value() */
};

/*
 * Asks postconf(1) about the Postfix of the configuration folder DIR; NULL: its own
 * default. ERR_MISSING: there is no postconf; ERR_CONFIG, ERR_MEMORY, with WHY.
 * postfix_free() in any case.
 */
enum error postfix_read(
    struct postfix *out, const char *dir, struct error_text *why) MUST_USE;
void postfix_free(struct postfix *p);

/*
 * The value of a parameter as the service has it (NULL: of main.cf), "" for one that is
 * not set, or too long to be kept. Valid until the next call.
 */
const char *postfix_value(
    struct postfix *p, const struct postfix_service *service, const char *name);

/* Whether master.cf overrides the parameter for that service. */
bool postfix_overrides(
    struct postfix *p, const struct postfix_service *service, const char *name);

/*
 * The beginning of the command that sets the parameter where the service has it from,
 * up to its "=": "postconf -e 'mua_milters=" where its value is "$mua_milters". Whether
 * that is master.cf, where a value has no white space; false also if it does not fit.
 */
bool postfix_set(struct postfix *p, const struct postfix_service *service,
    const char *name, char *out, size_t cap);

/*
 * The option of the service that is written "-o name = value", with spaces: smtpd takes
 * that for three words, and ends. False: there is none. NAME has POSTFIX_NAME_MAX + 1
 * bytes. LINE, if it has room, is the line as it was meant; else "".
 */
bool postfix_spaced(
    const struct postfix_service *service, char *name, char *line, size_t cap);

/* The master(8) that runs by the configuration. */
struct postfix_master {
	pid_t pid;
	time_t loaded; /* when it read its files last; 0: not known */
};

/* Finds it by its pid file and /proc; false: it does not run, or that cannot be seen.
 */
bool postfix_master_find(struct postfix *p, struct postfix_master *out);

/* The last part of a path. basename(3) for a const string is not in every C library. */
const char *postfix_basename(const char *path);
