/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmail - filters and listeners of a sendmail.cf, and mistakes about the milter */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/doctor/checks.h"

#define SENDMAIL_DEFAULT "/etc/mail/sendmail.cf"
#define SENDMAIL_ITEMS_MAX 32
#define SENDMAIL_LINE_MAX 2048

/* An X line: a filter. */
struct sendmail_filter {
	char name[65];
	char address[ENDPOINT_MAX + 16];
	struct endpoint endpoint; /* ENDPOINT_NONE: cannot be read */
	char flag;                /* of F=: 'R', 'T', '4'; 0 for none: mail passes */
	long answer_s; /* the part R: of T=, in seconds; Sendmail's default is 10 */
};

/* A DaemonPortOptions line: a listener. */
struct sendmail_daemon {
	char name[65];                   /* or "" */
	bool no_auth;                    /* modifier A: AUTH is not offered */
	bool own_filters;                /* it has InputMailFilters of its own, */
	char filters[SENDMAIL_LINE_MAX]; /* separated by ; or , */
};

struct sendmail {
	struct sendmail_filter filter[SENDMAIL_ITEMS_MAX];
	size_t filters;
	struct sendmail_daemon daemon[SENDMAIL_ITEMS_MAX];
	size_t daemons;
	char input_filters[SENDMAIL_LINE_MAX]; /* option InputMailFilters */
	bool cut; /* more lines than can be kept, or longer ones */
};

/* Reads FILE. ERR_MISSING, ERR_IO with WHY. */
enum error sendmail_read(
    struct sendmail *out, const char *file, struct error_text *why) MUST_USE;

/* Whether a list separated by commas, semicolons or space has NAME. */
bool sendmail_list_has(const char *list, const char *name);

/* Checks the sendmail.cf FILE; NULL: SENDMAIL_DEFAULT. */
void sendmail_check(struct checks *c, const char *file);
