/* SPDX-License-Identifier: BSD-2-Clause */
/* array - an array that grows */
#pragma once

#include <stddef.h>

/*
 * Makes room for one more element of SIZE bytes in AT, which has COUNT elements and
 * room for *ROOM. Returns AT, which may have moved; NULL when out of memory: AT is
 * unchanged.
 */
void *array_grow(void *at, size_t count, size_t *room, size_t size);
