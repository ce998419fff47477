/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics_file - the file with the metrics */
#ifndef MILTER_METRICS_FILE_H
#define MILTER_METRICS_FILE_H

#include "policy/base/error.h"

struct daemon;

/*
 * Writes the metrics-file, if there is to be one: under the name FILE.tmp, which is
 * then renamed, mode 0644 whatever the umask. FILE is whole at all times; where it is a
 * symlink, that is replaced, not followed. One thread at a time. ERR_CREATE or what
 * error_from_errno() says, with WHY.
 */
enum error metrics_file_write(struct daemon *d, struct error_text *why) MUST_USE;

#endif
