/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_noop.c - the least a milter can do: libmilter, and ACCEPT at MAIL. What it
 * costs is what no milter in C can save. It leaves out the same steps as ours.
 *
 *	bench_noop SOCKET
 */
#include <stdbool.h> /* for mfapi.h, see milter/filter.c */

#include <libmilter/mfapi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1, unsigned long *pf2,
    unsigned long *pf3)
{
	(void)ctx;
	(void)f0;
	(void)f2;
	(void)f3;
	*pf0 = *pf2 = *pf3 = 0;
	*pf1 = f1 &
	    (SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NORCPT | SMFIP_NOBODY |
		SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOUNKNOWN | SMFIP_NODATA);
	return SMFIS_CONTINUE;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return SMFIS_ACCEPT;
}

int
main(int argc, char **argv)
{
	static char name[] = "bench_noop";
	struct smfiDesc desc = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_envfrom = on_mail,
	    .xxfi_negotiate = on_negotiate,
	};

	if (argc != 2) {
		fputs("usage: bench_noop SOCKET\n", stderr);
		return EXIT_FAILURE;
	}
	if (smfi_register(desc) != MI_SUCCESS || smfi_setconn(argv[1]) != MI_SUCCESS ||
	    smfi_opensocket(true) != MI_SUCCESS)
		return EXIT_FAILURE;
	return smfi_main() == MI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
