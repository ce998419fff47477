/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_main - from the command line of a daemon to its service, and back */
#include "milter/service/daemon_main.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/service/listen_fault.h"
#include "milter/service/log.h"
#include "milter/service/log_sink.h"
#include "milter/service/log_writer.h"
#include "milter/service/signals.h"
#include "policy/crypto/hasher.h"
#include "policy/db/guard.h"
#include "policy/tables/verify.h"

struct options {
	const char *file, *dir, *socket;
	bool test, print;
};

static void
usage(const struct daemon_main *m, FILE *to)
{
	fprintf(to,
	    "usage: %s [-c FILE] [-d DIR] [-s SOCKET] [-t] [-p] [-V] [-h]\n\n"
	    "  -c FILE    configuration file\n"
	    "  -d DIR     state folder\n"
	    "  -s SOCKET  %s\n"
	    "  -t         check the configuration, report the state of the database, exit\n"
	    "  -p         print the effective configuration, exit\n"
	    "  -V, -h     version, this help\n\n"
	    "Runs in the foreground until SIGTERM. See %s(8).\n",
	    m->name, m->sockets, m->name);
}

/* parse - the command line; exits for -V, -h and wrong usage */
static void
parse(const struct daemon_main *m, int argc, char **argv, struct options *a)
{
	int c;

	*a = (struct options){.file = NULL};
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
			printf("%s %s\n", m->name, PACKAGE_VERSION);
			exit(EX_OK);
		case 'h':
			usage(m, stdout);
			exit(EX_OK);
		default:
			usage(m, stderr);
			exit(EX_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected word \"%s\"\n", m->name, argv[optind]);
		exit(EX_USAGE);
	}
}

static enum error
configure(const struct daemon_main *m, const struct options *a, struct error_text *why)
{
	struct config *config = m->config;
	enum error e = m->read(config, a->file, why);
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

/* check - what would end every start */
static enum error
check(const struct daemon_main *m, struct error_text *why)
{
	enum error e = listen_fault_of_name(m->config->socket, why);

	return e == OK && m->check != NULL ? m->check(m->arg, why) : e;
}

/* show - what -p and -t print; a bad database does not make the configuration bad */
static int
show(const struct daemon_main *m, const struct options *o)
{
	if (o->print)
		m->print(m->config, stdout);
	if (o->test) {
		printf("configuration: good\n");
		tell_database(m->config);
	}
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

/* serve - with the log open; returns the exit status */
static int
serve(const struct daemon_main *m)
{
	int status;

	if (log_open(m->config->log, m->config->log_level) != OK) {
		log_sink_error("cannot start a thread");
		return EX_OSERR;
	}
	status = m->serve(m->arg);
	log_writer_flush();
	return status;
}

void
daemon_main_run(const struct daemon_main *m, int argc, char **argv)
{
	struct options options;
	struct error_text why;

	log_sink_name(m->name);
	parse(m, argc, argv, &options);
	guard_install();
	hasher_without_config();
	signals_block();
	if (configure(m, &options, &why) != OK ||
	    (options.test && check(m, &why) != OK)) {
		log_sink_error(why.text);
		exit(EX_CONFIG);
	}
	if (options.print || options.test)
		exit(show(m, &options));
	/* Threads still run: no destructor may end what they use. */
	_exit(serve(m));
}

int
daemon_main_failed(const struct daemon_main *m, int status, const char *text)
{
	log_message(LEVEL_ERROR, "%s", text);
	log_writer_flush();
	if (m->config->log == LOG_TO_SYSLOG && !log_sink_is_replaced())
		log_sink_error(text);
	return status;
}

void
daemon_main_say_start(const struct config *config)
{
	log_message(LEVEL_INFO, "version %s, socket %s, state folder %s, on-error %s",
	    PACKAGE_VERSION, config->socket, config->state_dir,
	    word_of_action(config->on_error));
	if (geteuid() == 0)
		log_message(LEVEL_WARNING, "running as root; set user = smtpauth");
}
