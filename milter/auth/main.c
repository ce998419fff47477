/* SPDX-License-Identifier: BSD-2-Clause */
/* main - smtpauth-authd: from the command line to serving, and back */
#include <sysexits.h>
#include <unistd.h>

#include "milter/auth/auth_daemon.h"
#include "milter/service/daemon_options.h"
#include "milter/service/listen_fault.h"
#include "milter/service/log.h"
#include "milter/service/log_sink.h"
#include "milter/service/log_writer.h"
#include "milter/service/signals.h"
#include "policy/crypto/hasher.h"
#include "policy/db/guard.h"

static const struct daemon_program program = {"smtpauth-authd",
    "inet:PORT@HOST, inet6:PORT@HOST, unix:PATH or fd:N", config_read_authd,
    config_print_authd};

/* failed - logs why there is no service, to standard error, too; returns STATUS */
static int
failed(const struct config *config, int status, const char *text)
{
	log_message(LEVEL_ERROR, "%s", text);
	log_writer_flush();
	if (config->log == LOG_TO_SYSLOG && !log_sink_is_replaced())
		log_sink_error(text);
	return status;
}

/* run - serves until a signal; returns the exit status */
static int
run(struct auth_daemon *d)
{
	struct error_text why;
	enum error e = auth_daemon_open(d, &why);

	if (e != OK)
		return failed(
		    &d->config, e == ERR_CONFIG ? EX_CONFIG : EX_UNAVAILABLE, why.text);
	if (auth_daemon_start(d) != OK)
		return failed(&d->config, EX_OSERR, "cannot start a thread");
	auth_daemon_wait(d);
	auth_daemon_stop(d);
	log_message(LEVEL_INFO, "stopped");
	return EX_OK;
}

int
main(int argc, char **argv)
{
	static struct auth_daemon daemon;
	struct config *config = &daemon.config;
	struct daemon_options options;
	struct error_text why;
	int status;

	log_sink_name(program.name);
	daemon_options_parse(&program, argc, argv, &options);
	guard_install();
	hasher_without_config();
	signals_block();
	if (daemon_options_configure(&program, &options, config, &why) != OK ||
	    (options.test && listen_fault_of_name(config->socket, &why) != OK)) {
		log_sink_error(why.text);
		return EX_CONFIG;
	}
	if (options.print || options.test)
		return daemon_options_show(&program, &options, config);
	if (log_open(config->log, config->log_level) != OK) {
		log_sink_error("cannot start a thread");
		return EX_OSERR;
	}
	status = run(&daemon);
	log_writer_flush();
	/* Threads still run: no destructor may end what they use. */
	_exit(status);
}
