/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix - the configuration of a live Postfix */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/error.h"

/* An smtpd of master.cf that clients reach by a port, or through postscreen (pass). */
struct postfix_service {
	char *name;       /* "submission", "127.0.0.1:10587" */
	const char *type; /* "inet" or "pass" */
	bool chrooted;
	long processes; /* at most; 0: no limit */
	char *values; /* "name = value" lines as it has them; NULL: those of main.cf */
};

/* Values are as postconf(1) expands them. */
struct postfix {
	char *main;      /* "name = value" lines */
	char *overrides; /* "service/type/name = value" lines, as written */
	const char *dir; /* of the configuration; NULL: the default */
	struct postfix_service *service;
	size_t services;
	char value[8192]; /* the last answer of postfix_value() */
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

/* The last part of a path. basename(3) for a const string is not in every C library. */
const char *postfix_basename(const char *path);
