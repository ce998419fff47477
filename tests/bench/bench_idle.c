/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_idle.c - holds many idle connections to a milter, all negotiated, until its
 * standard input ends. Prints a dot when they are there.
 *
 *	bench_idle SOCKET CONNECTIONS
 */
#include "asker.h"

#include <err.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct asker asker;
	unsigned long n;
	char c;

	if (argc != 3)
		errx(EXIT_FAILURE, "usage: bench_idle SOCKET CONNECTIONS");
	n = strtoul(argv[2], NULL, 10);
	while (n-- > 0) /* the end of the process closes them */
		asker_open(&asker, argv[1]);
	if (write(STDOUT_FILENO, ".", 1) != 1 || read(STDIN_FILENO, &c, 1) < 0)
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
