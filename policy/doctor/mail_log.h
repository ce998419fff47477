/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_log - the mail log of this machine, and what it shows */
#pragma once

#include "policy/doctor/checks.h"
#include "policy/doctor/logins.h"

#define MAIL_LOG_TROUBLES_MAX 16

/* A program of the MTA that ended by itself. */
struct mail_trouble {
	char program[256]; /* "postfix/submission/smtpd" */
	char text[2048];   /* "fatal: ...", the last one; what is longer says so */
	unsigned count;
	instant last; /* INSTANT_NONE: not known */
};

#define MAIL_LOG_PLACES "/var/log/mail.log, /var/log/maillog, the journal"

struct mail_log {
	char *where;           /* a file, "journal", "standard input"; NULL: none */
	bool missing;          /* there is none, at any of the usual places */
	struct logins *logins; /* that the MTA let in */
	instant last;          /* the latest time in it */
	instant written;       /* when its last line was written, at the latest */
	char host[256];        /* of its first line */
	bool mixed;            /* lines of another host, too */
	struct mail_trouble trouble[MAIL_LOG_TROUBLES_MAX];
	size_t troubles;
	struct mail_trouble throttled; /* by Postfix's master; count 0: nothing is */
};

/*
 * Reads FILE, "-" for standard input, or NULL for the one of this machine: MAILLOG, the
 * log file that Postfix itself writes ("" for none), /var/log/mail.log or
 * /var/log/maillog; where there is none that is in use, the journal. At most the last
 * 16 MB of a file, and 20,000 lines of the journal. A log that may not be read is a
 * line of C's `unseen`. mail_log_free() in any case. ERR_MISSING, ERR_IO with WHY for a
 * FILE that was named; ERR_MEMORY.
 */
enum error mail_log_read(struct mail_log *log, struct checks *c, const char *file,
    const char *maillog, struct error_text *why) MUST_USE;
void mail_log_free(struct mail_log *log);

/* Adds the findings about logins and about programs of the MTA that cannot start. */
void mail_log_check(struct checks *c, struct mail_log *log);

/*
 * Takes back what was found of programs that do not start, if that was some time ago
 * and every service greets its clients now: then somebody has mended it, without a
 * reload.
 */
void mail_log_settle(struct checks *c, const struct mail_log *log);

/*
 * Compares it with the usage of this machine, see logins_compare(), where its times can
 * be relied upon. Errors of reading the usage, with WHY.
 */
enum error mail_log_compare(struct checks *c, struct mail_log *log,
    struct usage_merge *usage, struct error_text *why) MUST_USE;
