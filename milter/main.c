/* SPDX-License-Identifier: BSD-2-Clause */
/* main - smtpauth-milter: from the command line to serving, and back */
#include <sysexits.h>

#include "milter/daemon.h"
#include "milter/service/daemon_main.h"
#include "milter/service/log.h"

static struct daemon daemon;

static int serve(void *arg);

static const struct daemon_main program = {.name = "smtpauth-milter",
    .sockets = "inet:PORT@HOST, inet6:PORT@HOST, unix:PATH or fd:N",
    .read = config_read,
    .print = config_print,
    .serve = serve,
    .arg = &daemon,
    .config = &daemon.config};

/* serve - until a signal; returns the exit status */
static int
serve(void *arg)
{
	struct daemon *d = arg;
	struct error_text why;
	enum error e = daemon_open(d, &why);

	if (e != OK)
		return daemon_main_failed(
		    &program, e == ERR_CONFIG ? EX_CONFIG : EX_UNAVAILABLE, why.text);
	if (daemon_start(d) != OK)
		return daemon_main_failed(&program, EX_OSERR, "cannot start a thread");
	if (daemon_wait(d) != OK)
		return daemon_main_failed(
		    &program, EX_UNAVAILABLE, "libmilter gave up; see the mail log");
	daemon_stop(d);
	log_message(LEVEL_INFO, "stopped");
	return EX_OK;
}

int
main(int argc, char **argv)
{
	daemon_main_run(&program, argc, argv);
}
