/* SPDX-License-Identifier: BSD-2-Clause */
/* failing_allocation.h - memory that runs out: one chosen allocation of our library
 * fails. */
#pragma once

#include <stdbool.h>

/* From now on memory is followed, and the allocation with this number (from 0) fails.
 * Only a program linked with --wrap=malloc and so on is heard; libraries of others go
 * on as ever. */
void failing_allocation_begin(unsigned number);

/* Ends that. Returns whether the allocation was reached, and fails the test if any
 * memory taken since is still there. */
bool failing_allocation_end(void);
