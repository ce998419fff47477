/* SPDX-License-Identifier: BSD-2-Clause */
/* main - smtpauth-authd: from the command line to serving, and back */
#include <sysexits.h>

#include "milter/auth/auth_daemon.h"
#include "milter/service/daemon_main.h"
#include "milter/service/log.h"

static struct auth_daemon daemon;

static enum error check(void *arg, struct error_text *why);
static int serve(void *arg);

static const struct daemon_main program = {.name = "smtpauth-authd",
    .sockets = "inet:PORT@HOST, inet6:PORT@HOST, unix:PATH or fd:N",
    .read = config_read_authd,
    .print = config_print_authd,
    .check = check,
    .serve = serve,
    .arg = &daemon,
    .config = &daemon.config};

/* check - the key */
static enum error
check(void *arg, struct error_text *why)
{
	return auth_daemon_read_key(arg, why);
}

/* serve - until a signal; returns the exit status */
static int
serve(void *arg)
{
	struct auth_daemon *d = arg;
	struct error_text why;
	enum error e = auth_daemon_open(d, &why);

	if (e != OK)
		return daemon_main_failed(
		    &program, e == ERR_CONFIG ? EX_CONFIG : EX_UNAVAILABLE, why.text);
	if (auth_daemon_start(d) != OK)
		return daemon_main_failed(&program, EX_OSERR, "cannot start a thread");
	auth_daemon_wait(d);
	auth_daemon_stop(d);
	log_message(LEVEL_INFO, "stopped");
	return EX_OK;
}

int
main(int argc, char **argv)
{
	daemon_main_run(&program, argc, argv);
}
