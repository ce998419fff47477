/* SPDX-License-Identifier: BSD-2-Clause */
/* main - smtpauth-milter: from the command line to serving, and back */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/daemon.h"
#include "milter/service/listen_fault.h"
#include "milter/service/log.h"
#include "milter/service/log_sink.h"
#include "milter/service/log_writer.h"
#include "milter/service/signals.h"
#include "policy/crypto/hasher.h"
#include "policy/db/guard.h"
#include "policy/tables/verify.h"

struct arguments {
	const char *file, *dir, *socket;
	bool test, print;
};

static void
usage(FILE *to)
{
	fputs(
	    "usage: smtpauth-milter [-c FILE] [-d DIR] [-s SOCKET] [-t] [-p] [-V] [-h]\n\n"
	    "  -c FILE    configuration file\n"
	    "  -d DIR     state folder\n"
	    "  -s SOCKET  inet:PORT@HOST, inet6:PORT@HOST, unix:PATH or fd:N\n"
	    "  -t         check the configuration, report the state of the database, exit\n"
	    "  -p         print the effective configuration, exit\n"
	    "  -V, -h     version, this help\n\n"
	    "Runs in the foreground until SIGTERM. See smtpauth-milter(8).\n",
	    to);
}

/* parse - the command line; exits for -V, -h and wrong usage */
static void
parse(int argc, char **argv, struct arguments *a)
{
	int c;

	while ((c = getopt(argc, argv, "c:d:s:tpVh")) != -1) {
		switch (c) {
		case 'c':
			a->file = optarg;
			break;
		case 'd':
			a->dir = optarg;
			break;
		case 's':
			a->socket = optarg;
			break;
		case 't':
			a->test = true;
			break;
		case 'p':
			a->print = true;
			break;
		case 'V':
			printf("smtpauth-milter %s\n", PACKAGE_VERSION);
			exit(EX_OK);
		case 'h':
			usage(stdout);
			exit(EX_OK);
		default:
			usage(stderr);
			exit(EX_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(
		    stderr, "smtpauth-milter: unexpected word \"%s\"\n", argv[optind]);
		exit(EX_USAGE);
	}
}

/* configure - the file, then the command line over it */
static enum error
configure(const struct arguments *a, struct config *config, struct error_text *why)
{
	enum error e = config_read(config, a->file, why);
	char *dir;

	if (e == OK && a->socket != NULL)
		e = config_set(config, "socket", a->socket, why);
	if (e != OK || a->dir == NULL)
		return e;
	if (a->dir[0] == '/')
		return config_set(config, "state-dir", a->dir, why);
	dir = realpath(a->dir, NULL); /* the daemon keeps to absolute names */
	if (dir == NULL)
		return error_set(why, ERR_CONFIG, "bad state folder \"%s\"", a->dir);
	e = config_set(config, "state-dir", dir, why);
	free(dir);
	return e;
}

/* tell_database - one line; a bad database does not make the configuration bad */
static void
tell_database(const struct config *config)
{
	struct error_text why;
	struct store *store;
	uint64_t records;
	enum error e = store_open(&store, config->state_dir, STORE_READ, &why);

	if (e == OK) {
		e = verify_store(store, &records, &why);
		store_close(&store);
	}
	if (e == OK)
		printf("policy database: good, %llu record%s verified\n",
		    (unsigned long long)records, records == 1 ? "" : "s");
	else
		printf("policy database: NOT usable: %s\n", why.text);
}

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
run(struct daemon *d)
{
	const struct config *config = &d->config;
	struct error_text why;
	enum error e = daemon_open(d, &why);

	if (e != OK)
		return failed(
		    config, e == ERR_CONFIG ? EX_CONFIG : EX_UNAVAILABLE, why.text);
	if (daemon_start(d) != OK)
		return failed(config, EX_OSERR, "cannot start a thread");
	if (daemon_wait(d) != OK)
		return failed(
		    config, EX_UNAVAILABLE, "libmilter gave up; see the mail log");
	daemon_stop(d);
	log_message(LEVEL_INFO, "stopped");
	return EX_OK;
}

int
main(int argc, char **argv)
{
	static struct daemon daemon;
	struct config *config = &daemon.config;
	struct arguments arguments = {0};
	struct error_text why;
	int status;

	parse(argc, argv, &arguments);
	guard_install();
	hasher_without_config();
	signals_block();
	if (configure(&arguments, config, &why) != OK ||
	    (arguments.test && listen_fault_of_name(config->socket, &why) != OK)) {
		log_sink_error(why.text);
		return EX_CONFIG;
	}
	if (arguments.print)
		config_print(config, stdout);
	if (arguments.test) {
		printf("configuration: good\n");
		tell_database(config);
	}
	if (arguments.print || arguments.test)
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	if (log_open(config->log, config->log_level) != OK) {
		log_sink_error("cannot start a thread");
		return EX_OSERR;
	}
	status = run(&daemon);
	log_writer_flush();
	/* Threads still run: no destructor may end what they use. */
	_exit(status);
}
