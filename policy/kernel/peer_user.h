/* SPDX-License-Identifier: BSD-2-Clause */
/* peer_user - whose program is at the other end of a unix socket */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* The user who called listen(2), for a connected FD; false: this is not known. */
bool peer_user(int fd, uid_t *user_r);
