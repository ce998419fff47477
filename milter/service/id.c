/* SPDX-License-Identifier: BSD-2-Clause */
/* id - short names of decisions, to find a reply's log line */
#include "milter/service/id.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/random.h>

static _Atomic uint64_t next;

enum error
id_start(void)
{
	uint64_t start;

	if (getrandom(&start, sizeof start, 0) != sizeof start)
		return ERR_IO;
	atomic_store(&next, start);
	return OK;
}

void
id_next(char buf[ID_LENGTH + 1])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t n = next++;

	/* an odd factor: neighbours look different, and modulo 2^50 ids stay unique */
	n *= UINT64_C(0x9E3779B97F4A7C15);
	for (int i = ID_LENGTH; i-- > 0; n >>= 5)
		buf[i] = digits[n & 31];
	buf[ID_LENGTH] = '\0';
}
