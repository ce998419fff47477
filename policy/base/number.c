/* SPDX-License-Identifier: BSD-2-Clause */
/* number - an unsigned decimal number, as text */
#include "policy/base/number.h"

#include <errno.h>
#include <stdlib.h>

bool
number_parse(const char *s, uint64_t most, uint64_t *n_r)
{
	char *end;

	*n_r = 0;
	if (s == NULL || *s < '0' || *s > '9') /* strtoull() takes spaces and signs */
		return false;
	errno = 0;
	*n_r = strtoull(s, &end, 10);
	if (*end == '\0' && errno == 0 && *n_r <= most)
		return true;
	*n_r = 0;
	return false;
}
