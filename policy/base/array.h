/* SPDX-License-Identifier: BSD-2-Clause */
/* array - an array that grows */
#ifndef POLICY_BASE_ARRAY_H
#define POLICY_BASE_ARRAY_H

#include <stddef.h>

/*
 * Makes room for one element of SIZE bytes behind the COUNT that AT has; *ROOM is for
 * how many there is room. Returns AT, or where it is now; NULL when out of memory: AT
 * is as it was then.
 */
void *array_grow(void *at, size_t count, size_t *room, size_t size);

#endif
