/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics_file - the file that the metrics are in */
#ifndef MILTER_METRICS_FILE_H
#define MILTER_METRICS_FILE_H

#include "policy/base/error.h"
#include "policy/config/config.h"
#include "policy/live/live_store.h"

/*
 * Says what metrics_file_write() is about. Once, before threads are started that call
 * it. Both are borrowed until the process ends.
 */
void metrics_file_open(const struct config *config, struct live_store *keeper);

/*
 * Writes the metrics-file, if there is to be one: under the name FILE.tmp, which is
 * then renamed, mode 0644 whatever the umask. FILE is whole at all times; where it is a
 * symlink, that is replaced, not followed. Thread-safe; while another thread writes, it
 * does nothing. ERR_CREATE or what error_from_errno() says, with WHY.
 */
enum error metrics_file_write(struct error_text *why) MUST_USE;

#endif
