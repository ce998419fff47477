/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmail - hands a message to sendmail(1) */
#ifndef POLICY_CTL_NOTIFY_SENDMAIL_H
#define POLICY_CTL_NOTIFY_SENDMAIL_H

#include <stddef.h>

#include "policy/base/error.h"

#define SENDMAIL_PATH "/usr/sbin/sendmail"
#define SENDMAIL_SECONDS 60 /* for one message */
#define SENDMAIL_REASON_MAX 300

/*
 * Runs PATH with the arguments "-i -- ADDRESS" and gives it the N bytes of MESSAGE. OK:
 * it ended with status 0 and had read all of it. Anything else is ERR_IO, with why in
 * REASON (SENDMAIL_REASON_MAX bytes): the name of the status, and the first line of its
 * standard error, which may hold any bytes but a NUL. After SECONDS it is killed, with
 * its process group. SIGPIPE has to be ignored.
 *
 * The envelope's sender is left to sendmail(1), which takes the user who runs it: not
 * every user may give -f, and where bounces go is not for the template's From to say.
 */
enum error sendmail_send(const char *path, const char *address, const char *message,
    size_t n, int seconds, char *reason) MUST_USE;

#endif
