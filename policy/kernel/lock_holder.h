/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_holder - who holds the flock(2) of a file */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether FD's file has an exclusive flock(2) of a process that has it open to write.
 * Such processes can be many, so the search ends at UNTIL (monotonic_ms()). False: not
 * as far as can be seen.
 */
bool lock_holder_can_write(int fd, int64_t until);
