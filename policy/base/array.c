/* SPDX-License-Identifier: BSD-2-Clause */
/* array - an array that grows */
#include "policy/base/array.h"

#include <stdlib.h>

#define FIRST_ROOM 16

void *
array_grow(void *at, size_t count, size_t *room, size_t size)
{
	size_t more = count < FIRST_ROOM ? FIRST_ROOM : 2 * count;
	void *grown;

	if (count < *room)
		return at;
	grown = reallocarray(at, more, size);
	if (grown != NULL)
		*room = more;
	return grown;
}
