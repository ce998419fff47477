/* SPDX-License-Identifier: BSD-2-Clause */
/* rows.c - the policy that is measured: its tenants, mailboxes and their order. */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>

unsigned long
row_tenant(const struct rows *rows, unsigned long number)
{
	unsigned long each = (rows->mailboxes + rows->tenants - 1) / rows->tenants;

	return rows->mailboxes == 0 ? number % rows->tenants : number / each;
}

size_t
row_login(const struct rows *rows, unsigned long number, char *out)
{
	unsigned long tenant = row_tenant(rows, number);

	return (size_t)snprintf(out, ROW_SIZE, "user%08lu@t%07lu.test", number, tenant);
}

/* row_random - splitmix64 */
uint64_t
row_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

unsigned *
row_shuffle(unsigned long n)
{
	unsigned *at = malloc(n * sizeof(*at));
	uint64_t state = 1;

	if (at == NULL) {
		perror("malloc");
		exit(EXIT_FAILURE);
	}
	for (unsigned long i = 0; i < n; i++)
		at[i] = (unsigned)i;
	for (unsigned long i = n; i-- > 1;) {
		unsigned long k = row_random(&state) % (i + 1);
		unsigned swap = at[i];

		at[i] = at[k];
		at[k] = swap;
	}
	return at;
}
