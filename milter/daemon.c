/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - one running milter: all its parts, and its life */
#include "milter/daemon.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "milter/filter.h"
#include "milter/service/daemon_main.h"
#include "milter/service/id.h"
#include "milter/service/log.h"
#include "milter/service/privileges.h"
#include "milter/service/service_notify.h"
#include "milter/service/service_socket.h"
#include "milter/service/signals.h"

#define SERVE_AFTER_NS 100000000L
#define READY_AFTER_S 10 /* from then on decisions do not wait for a first scan */
#define STOP_STEP_NS 10000000L
#define STOP_STEPS 50 /* half a second; a decision can wait 10 s for a first scan */
#define STOP_WRITE_MS 5000 /* for a slow disk; it takes some 20 ms */

/* open_filter - see service_socket_opener */
static enum error
open_filter(void *arg, const char *spec, struct error_text *why)
{
	(void)arg;
	return filter_open(spec, why);
}

static enum error
open_socket(struct daemon *d, struct error_text *why)
{
	const struct service_socket s = {
	    &d->config, &d->listener, "smtpauth-milter.socket", open_filter, NULL};

	return service_socket_open(&s, why);
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

/* on_store - logs an event of the live store; the reporter tells that it is ready */
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
		reporter_judged(d);
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

	daemon_main_say_start(&d->config);
	if (d->config.on_error == ACTION_ACCEPT)
		log_message(LEVEL_WARNING,
		    "on-error = accept: without a good database everything passes");
	d->owner = pthread_self();
	status_line_start(d);
	reporter_init(d);
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
