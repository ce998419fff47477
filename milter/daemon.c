/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - one running milter: all its parts, and its life */
#include "milter/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "milter/filter.h"
#include "milter/service/id.h"
#include "milter/service/log.h"
#include "milter/service/privileges.h"
#include "milter/service/service_notify.h"
#include "milter/service/signals.h"
#include "milter/service/socket_activation.h"

#define SERVE_AFTER_NS 100000000L
#define READY_AFTER_S 10 /* from then on decisions do not wait for a first scan */
#define STOP_STEP_NS 10000000L
#define STOP_STEPS 50 /* half a second; a decision can wait 10 s for a first scan */
#define STOP_WRITE_MS 5000 /* for a slow disk; it takes some 20 ms */

/* take_socket - use the inherited socket, and put its address in the configuration */
static enum error
take_socket(struct daemon *d, int fd, const char *name, struct error_text *why)
{
	char spec[16];
	enum error e;

	snprintf(spec, sizeof spec, "fd:%d", fd);
	e = filter_open(spec, why);
	return e == OK ? config_set(&d->config, "socket", name, why) : e;
}

/* make_socket - bind before root is given up, so that the file can get its group */
static enum error
make_socket(struct daemon *d, struct error_text *why)
{
	enum error e = listener_clear(&d->config, why);
	struct error_text ignored;

	umask(0177); /* for the owner only until the mode is set */
	if (e == OK)
		e = filter_open(d->config.socket, why);
	umask(0007);
	if (e != OK)
		return e;
	e = listener_adjust(&d->config, &d->listener, why);
	if (e != OK && listener_remove(&d->config, &d->listener, &ignored) != OK)
		log_message(LEVEL_WARNING, "%s", ignored.text);
	return e;
}

/*
 * choose_socket - the configured address, although systemd holds another one: the MTA
 * connects there. Only if it cannot be bound because systemd holds a part of it, the
 * inherited socket is used.
 */
static enum error
choose_socket(struct daemon *d, int fd, const char *name, struct error_text *why)
{
	enum error e = make_socket(d, why);

	if (e != OK && socket_activation_overlaps(d->config.socket, fd, name)) {
		log_message(LEVEL_WARNING,
		    "%s; %s, which systemd holds, is used instead", why->text, name);
		return take_socket(d, fd, name, why);
	}
	close(fd);
	if (e == OK)
		log_message(LEVEL_WARNING,
		    "systemd holds %s, too, and nobody answers there: \"socket\" is %s; the MTA must ask at the latter, or remove \"socket\" from the configuration. To give up the former: systemctl mask --now smtpauth-milter.socket",
		    name, d->config.socket);
	return e;
}

static enum error
open_socket(struct daemon *d, struct error_text *why)
{
	char name[SOCKET_ACTIVATION_NAME_MAX + 1];
	int fd;
	enum error e = socket_activation_find(d->config.socket, &fd, name, why);

	if (e != OK)
		return e;
	if (fd < 0)
		return make_socket(d, why);
	if (!d->config.socket_is_set || socket_activation_suits(d->config.socket, name))
		return take_socket(d, fd, name, why);
	return choose_socket(d, fd, name, why);
}

enum error
daemon_open(struct daemon *d, struct error_text *why)
{
	enum error e = privileges_raise_files(why);

	if (e == OK && (e = id_start()) != OK)
		error_set(why, e, "no random numbers");
	if (e == OK)
		e = open_socket(d, why);
	return e == OK ? privileges_become(d->config.user, why) : e;
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

/* on_store - logs an event of the live store, and tells the service manager */
static void
on_store(void *arg, enum live_store_event event, const char *text)
{
	struct daemon *d = arg;

	if (event == LIVE_STORE_FAULT)
		log_message(LEVEL_ERROR, "%s (decisions: %s)", text,
		    word_of_action(d->config.on_error));
	else
		log_message(
		    event == LIVE_STORE_NOTE ? LEVEL_WARNING : LEVEL_INFO, "%s", text);
	status_line_event(d, text);
	if (event != LIVE_STORE_NOTE)
		service_notify_ready();
}

/* progress - see watchdog_progress */
static uint64_t
progress(void *arg, bool *busy_r)
{
	const struct daemon *d = arg;

	*busy_r = d->metrics.in_progress > 0;
	return metrics_ended(&d->metrics);
}

/*
 * serve - the filter's thread. It lets the main thread wait for signals first:
 * libmilter has a thread for them too, and takes up to 5 s to stop.
 */
static void *
serve(void *arg)
{
	const struct timespec moment = {0, SERVE_AFTER_NS};
	struct daemon *d = arg;

	nanosleep(&moment, NULL);
	d->served = filter_serve(d);
	pthread_kill(d->owner, SIGUSR1);
	return NULL;
}

enum error
daemon_start(struct daemon *d)
{
	pthread_t thread;
	enum error e;

	say_start(&d->config);
	d->owner = pthread_self();
	status_line_start(d);
	e = live_store_start(&d->store, d->config.state_dir, on_store, d);
	if (e == OK)
		e = reporter_start(d);
	if (e == OK)
		e = watchdog_start(&d->watchdog, progress, d);
	if (e == OK && pthread_create(&thread, NULL, serve, d) != 0)
		e = ERR_MEMORY;
	return e;
}

enum error
daemon_wait(struct daemon *d)
{
	int sig = signals_wait(READY_AFTER_S);

	if (sig == 0) {
		service_notify_ready();
		sig = signals_wait(0);
	}
	return sig == SIGUSR1 ? d->served : OK;
}

/* smfi_stop() is not used: it waits up to 5 s, and the process ends anyway. */
void
daemon_stop(struct daemon *d)
{
	const struct timespec step = {0, STOP_STEP_NS};
	struct error_text why;

	service_notify("STOPPING=1");
	if (listener_remove(&d->config, &d->listener, &why) != OK)
		log_message(LEVEL_WARNING, "%s", why.text);
	filter_close();
	for (int i = 0; i < STOP_STEPS && d->metrics.in_progress > 0; i++)
		nanosleep(&step, NULL);
	nanosleep(&step, NULL);
	reporter_stop(d, STOP_WRITE_MS);
}
