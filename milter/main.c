/* SPDX-License-Identifier: BSD-2-Clause */
/* main - smtpauth-milter: from the command line to serving, and back */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "milter/filter.h"
#include "milter/metrics.h"
#include "milter/metrics_file.h"
#include "milter/reporter.h"
#include "milter/service/id.h"
#include "milter/service/listener.h"
#include "milter/service/log.h"
#include "milter/service/log_writer.h"
#include "milter/service/privileges.h"
#include "milter/service/service_notify.h"
#include "milter/service/socket_activation.h"
#include "milter/service/watchdog.h"
#include "policy/crypto/crypto.h"
#include "policy/db/guard.h"
#include "policy/tables/verify.h"

#define SERVE_AFTER_NS 100000000L
#define READY_AFTER_S 10 /* then decisions no longer wait for a first scan */
#define STOP_STEP_NS 10000000L
#define STOP_WRITE_MS 5000 /* for a slow disk; it takes some 20 ms */
#define STOP_STEPS 50 /* half a second; waiting for a first scan is not waited for */

struct arguments {
	const char *file, *dir, *socket;
	bool test, print;
};

struct server {
	pthread_t main_thread;
	const struct decider *decider;
	enum error result;
};

static void
usage(FILE *to)
{
	fputs("usage: smtpauth-milter [-c FILE] [-d DIR] [-s SOCKET] [-t] [-p] [-V] "
	      "[-h]\n\n"
	      "  -c FILE    configuration file\n"
	      "  -d DIR     state folder\n"
	      "  -s SOCKET  inet:PORT@HOST, inet6:PORT@HOST, unix:PATH or fd:N\n"
	      "  -t         check the configuration, tell the state of the database, "
	      "exit\n"
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
	char dir[CONFIG_VALUE_MAX + 1];
	enum error e = config_read(config, a->file, why);

	if (e == OK && a->socket != NULL)
		e = config_set(config, "socket", a->socket, why);
	if (e != OK || a->dir == NULL)
		return e;
	if (a->dir[0] != '/') { /* the daemon keeps to absolute names */
		char *real = realpath(a->dir, NULL);

		if (real == NULL || strlen(real) >= sizeof dir)
			e = error_set(
			    why, ERR_CONFIG, "bad state folder \"%s\"", a->dir);
		else
			strcpy(dir, real);
		free(real);
		return e == OK ? config_set(config, "state-dir", dir, why) : e;
	}
	return config_set(config, "state-dir", a->dir, why);
}

/* tell_database - its state in a line; a bad one is not the configuration's fault */
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

/* on_keeper - what the keeper of the database has to say */
static void
on_keeper(void *arg, enum keeper_event event, const char *text)
{
	const struct config *config = arg;

	if (event == KEEPER_FAULT)
		log_message(LEVEL_ERROR, "%s (decisions: %s)", text,
		    word_of_action(config->on_error));
	else
		log_message(
		    event == KEEPER_NOTE ? LEVEL_WARNING : LEVEL_INFO, "%s", text);
	service_notify_status(text);
	if (event != KEEPER_NOTE)
		service_notify_ready();
}

/*
 * serve - the filter's thread. It gives the main thread a moment to wait for signals
 * first: libmilter has a thread for them too, and takes up to 5 s to stop for one.
 */
static void *
serve(void *arg)
{
	const struct timespec moment = {0, SERVE_AFTER_NS};
	struct server *s = arg;

	nanosleep(&moment, NULL);
	s->result = filter_serve(s->decider);
	pthread_kill(s->main_thread, SIGUSR1);
	return NULL;
}

/* take_socket - the one handed over; the configuration names its address from now on */
static enum error
take_socket(int fd, const char *name, struct config *config, struct error_text *why)
{
	char spec[16];
	enum error e;

	snprintf(spec, sizeof spec, "fd:%d", fd);
	e = filter_open(spec, why);
	return e == OK ? config_set(config, "socket", name, why) : e;
}

/* make_socket - bound before privileges go, so that its group can be given */
static enum error
make_socket(
    const struct config *config, struct listener *listener, struct error_text *why)
{
	enum error e = listener_clear(config, why);
	struct error_text ignored;

	umask(0177); /* nobody else until the mode is set */
	if (e == OK)
		e = filter_open(config->socket, why);
	umask(0007);
	if (e != OK)
		return e;
	e = listener_adjust(config, listener, why);
	if (e != OK && listener_remove(config, listener, &ignored) != OK)
		log_message(LEVEL_WARNING, "%s", ignored.text);
	return e;
}

/*
 * choose_socket - the address that was chosen, where systemd holds another one. It has
 * to be that one, where the MTA asks; but a TCP address of which systemd holds a part
 * is left to systemd.
 */
static enum error
choose_socket(int fd, const char *name, struct config *config,
    struct listener *listener, struct error_text *why)
{
	enum error e = make_socket(config, listener, why);

	if (e != OK && socket_activation_overlaps(config->socket, fd, name)) {
		log_message(LEVEL_WARNING,
		    "%s; %s, which systemd holds, is used instead", why->text, name);
		return take_socket(fd, name, config, why);
	}
	close(fd);
	if (e == OK)
		log_message(LEVEL_WARNING,
		    "systemd holds %s, too, and nobody answers there: \"socket\" is %s",
		    name, config->socket);
	return e;
}

static enum error
open_socket(struct config *config, struct listener *listener, struct error_text *why)
{
	char name[SOCKET_ACTIVATION_NAME_MAX + 1];
	int fd;
	enum error e = socket_activation_find(config->socket, &fd, name, why);

	listener->is_file = false;
	if (e != OK)
		return e;
	if (fd < 0)
		return make_socket(config, listener, why);
	if (socket_activation_suits(config->socket, name))
		return take_socket(fd, name, config, why);
	return choose_socket(fd, name, config, listener, why);
}

static void
say_start(const struct config *config)
{
	log_message(LEVEL_INFO, "version %s, socket %s, state folder %s, on-error %s",
	    PACKAGE_VERSION, config->socket, config->state_dir,
	    word_of_action(config->on_error));
	if (geteuid() == 0)
		log_message(LEVEL_WARNING, "running as root; set user = smtpauth");
	if (config->on_error == ACTION_ACCEPT)
		log_message(LEVEL_WARNING,
		    "on-error = accept: without a good database everything passes");
}

/* prepare - all that can fail before serving */
static enum error
prepare(struct config *config, struct listener *listener, struct error_text *why)
{
	enum error e = privileges_raise_files(why);

	if (e == OK && (e = id_start()) != OK)
		error_set(why, e, "no random numbers");
	if (e == OK)
		e = open_socket(config, listener, why);
	return e == OK ? privileges_become(config->user, why) : e;
}

/*
 * stop - the decisions under way get their replies out. smfi_stop() is left alone: it
 * waits up to 5 s for libmilter's listener, and the end of the process does all it
 * would do; a session that asks later finds the connection closed, as it would then.
 */
static void
stop(const struct config *config, const struct listener *listener)
{
	const struct timespec step = {0, STOP_STEP_NS};
	struct error_text why;

	service_notify_stopping();
	if (listener_remove(config, listener, &why) != OK)
		log_message(LEVEL_WARNING, "%s", why.text);
	filter_close();
	for (int i = 0; i < STOP_STEPS && metrics_in_progress() > 0; i++)
		nanosleep(&step, NULL);
	nanosleep(&step, NULL);
	reporter_stop(STOP_WRITE_MS);
	if (metrics_file_write(&why) != OK)
		log_message(
		    LEVEL_WARNING, "the metrics cannot be written: %s", why.text);
}

/* start - all threads but this one */
static enum error
start(struct config *config, struct decider *decider, struct server *server)
{
	pthread_t thread;
	enum error e =
	    live_store_start(&decider->keeper, config->state_dir, on_keeper, config);

	if (e == OK)
		e = reporter_start(config, decider->keeper);
	if (e == OK)
		e = watchdog_start();
	if (e == OK && pthread_create(&thread, NULL, serve, server) != 0)
		e = ERR_MEMORY;
	return e;
}

/* wait_end - says that the service is ready, at the latest when decisions are made */
static int
wait_end(void)
{
	int sig = privileges_wait_signal(READY_AFTER_S);

	if (sig != 0)
		return sig;
	service_notify_ready();
	return privileges_wait_signal(0);
}

/* run - serves until a signal; returns the exit status */
static int
run(struct config *config)
{
	struct decider decider = {.config = config};
	struct server server = {pthread_self(), &decider, OK};
	struct listener listener;
	struct error_text why;
	int sig;
	enum error e = prepare(config, &listener, &why);

	if (e != OK) {
		log_message(LEVEL_ERROR, "%s", why.text);
		return e == ERR_CONFIG ? EX_CONFIG : EX_UNAVAILABLE;
	}
	say_start(config);
	if (start(config, &decider, &server) != OK) {
		log_message(LEVEL_ERROR, "cannot start a thread");
		return EX_OSERR;
	}
	sig = wait_end();
	if (sig == SIGUSR1 && server.result != OK) {
		log_message(LEVEL_ERROR, "libmilter gave up; see the mail log");
		return EX_UNAVAILABLE;
	}
	stop(config, &listener);
	log_message(LEVEL_INFO, "stopped");
	return EX_OK;
}

int
main(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct config config;
	struct error_text why;
	int status;

	parse(argc, argv, &arguments);
	guard_install();
	crypto_hash_only();
	privileges_block_signals();
	if (configure(&arguments, &config, &why) != OK) {
		fprintf(stderr, "smtpauth-milter: %s\n", why.text);
		return EX_CONFIG;
	}
	if (arguments.print)
		config_print(&config, stdout);
	if (arguments.test) {
		printf("configuration: good\n");
		tell_database(&config);
	}
	if (arguments.print || arguments.test)
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	if (log_open(config.log, config.log_level) != OK) {
		fprintf(stderr, "smtpauth-milter: cannot start a thread\n");
		return EX_OSERR;
	}
	status = run(&config);
	log_writer_flush();
	/* Threads of ours and of libmilter still run: no destructor may pull things
	 * away. */
	_exit(status);
}
