/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmail - hands a message to sendmail(1) */
#pragma once

#include <stddef.h>

#include "policy/base/error.h"

#define SENDMAIL_PATH "/usr/sbin/sendmail"
#define SENDMAIL_SECONDS 60 /* for one message */
#define SENDMAIL_REASON_MAX 300

/*
 * Runs PATH with the arguments "-i -- ADDRESS" and gives it the N bytes of MESSAGE. OK:
 * it read all of it and ended with status 0. Anything else is ERR_IO, with REASON
 * (SENDMAIL_REASON_MAX bytes) set to the name of the status and the first line of its
 * standard error, which may hold any bytes but a NUL. After SECONDS it is killed, with
 * its process group. SIGPIPE has to be ignored.
 *
 * There is no -f: not every user may use it, and the template's From does not decide
 * where bounces go. The envelope's sender is the user who runs the command.
 */
enum error sendmail_send(const char *path, const char *address, const char *message,
    size_t n, int seconds, char *reason) MUST_USE;
