/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_policy.c - prints the policy that is measured, for `smtpauthctl import`:
 *
 *	bench_policy TENANTS 0		that many tenants with SMTP AUTH enabled
 *	bench_policy TENANTS MAILBOXES	the same disabled, and a plain override that
 *					enables each mailbox, in no order
 */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	struct rows rows;
	char login[ROW_SIZE];
	unsigned *order;

	if (argc != 3 || (rows.tenants = strtoul(argv[1], NULL, 10)) == 0) {
		fputs("usage: bench_policy TENANTS MAILBOXES\n", stderr);
		return EXIT_FAILURE;
	}
	rows.mailboxes = strtoul(argv[2], NULL, 10);
	for (unsigned long i = 0; i < rows.tenants; i++)
		printf("{\"type\":\"tenant\",\"name\":\"t%07lu\","
		       "\"domains\":[\"t%07lu.test\"],\"smtp_auth\":\"%s\"}\n",
		    i, i, rows.mailboxes == 0 ? "enabled" : "disabled");
	order = row_shuffle(rows.mailboxes);
	for (unsigned long i = 0; i < rows.mailboxes; i++) {
		row_login(&rows, order[i], login);
		printf("{\"type\":\"mailbox\",\"address\":\"%s\","
		       "\"smtp_auth\":\"enabled\"}\n",
		    login);
	}
	free(order);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
