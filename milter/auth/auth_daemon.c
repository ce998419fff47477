/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_daemon - one running smtpauth-authd: all its parts, and its life */
#include "milter/auth/auth_daemon.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "milter/service/daemon_main.h"
#include "milter/service/id.h"
#include "milter/service/log.h"
#include "milter/service/log_writer.h"
#include "milter/service/privileges.h"
#include "milter/service/service_notify.h"
#include "milter/service/service_socket.h"
#include "milter/service/signals.h"
#include "policy/base/monotonic.h"

#define READY_AFTER_S 10
#define STOP_WRITE_MS 5000
#define SCAN_WAIT_MS 500 /* who asks waits for 1 s in all, or for 2 */

#define PROBE_AGENT "smtpauthctl-doctor" /* User-Agent of doctor's questions */

#define ANSWER(text) "{\"status\":0,\"msg\":\"" text "\"}"
#define ERROR(text) "{\"error\":\"" text "\"}"

/* open_listener - see service_socket_opener */
static enum error
open_listener(void *arg, const char *spec, struct error_text *why)
{
	struct auth_daemon *d = arg;

	return service_socket_listen(spec, &d->fd, why);
}

static enum error
open_socket(struct auth_daemon *d, struct error_text *why)
{
	const struct service_socket s = {
	    &d->config, &d->listener, "smtpauth-authd.socket", open_listener, d};

	return service_socket_open(&s, why);
}

/* Without a key every start would fail, until somebody makes it. */
enum error
auth_daemon_read_key(struct auth_daemon *d, struct error_text *why)
{
	char path[PATH_MAX];
	enum error e =
	    auth_key_path(path, d->config.key_file, d->config.state_dir, why);

	if (e == OK)
		e = auth_key_read(&d->key, path, why);
	if (e == OK && d->key.exposed)
		log_message(LEVEL_WARNING,
		    "%s can be read by every user of this machine, who may then ask who is disabled: chmod 0640",
		    path);
	return e == OK ? OK : ERR_CONFIG;
}

enum error
auth_daemon_open(struct auth_daemon *d, struct error_text *why)
{
	enum error e = privileges_raise_files(why);

	d->fd = -1;
	d->started = instant_now();
	if (e == OK && (e = id_start()) != OK)
		error_set(why, e, "no random numbers");
	if (e == OK)
		e = auth_daemon_read_key(d, why);
	if (e == OK)
		e = open_socket(d, why);
	return e == OK ? privileges_become(d->config.user, why) : e;
}

/* on_store - logs an event of the live store, and tells the service manager */
static void
on_store(void *arg, enum live_store_event event, const char *text)
{
	static const enum log_level levels[] = {[LIVE_STORE_READY] = LEVEL_INFO,
	    [LIVE_STORE_FAULT] = LEVEL_ERROR,
	    [LIVE_STORE_NOTE] = LEVEL_WARNING};

	(void)arg;
	log_message(levels[event], "%s", text);
	service_notify_status(text);
	if (event != LIVE_STORE_NOTE)
		service_notify_ready();
}

/* progress - see watchdog_progress */
static uint64_t
progress(void *arg, bool *busy_r)
{
	const struct auth_daemon *d = arg;

	*busy_r = d->metrics.in_progress > 0;
	return auth_metrics_ended(&d->metrics);
}

static bool
is_text(struct http_text t, const char *s)
{
	return t.len == strlen(s) && memcmp(t.at, s, t.len) == 0;
}

/* set_body - the answer, and its status */
static void
set_body(struct http_answer *a, int status, const char *body)
{
	a->status = status;
	snprintf(a->body, sizeof a->body, "%s", body);
}

/* answer_health - for whoever asks: whether decisions come from a verified database */
static void
answer_health(struct auth_daemon *d, struct http_answer *a)
{
	if (live_store_state(d->store) == LIVE_STORE_GOOD)
		set_body(a, 200,
		    "{\"status\":0,\"msg\":\"good\",\"version\":\"" PACKAGE_VERSION
		    "\"}");
	else
		set_body(a, 503, ERROR("the policy database is not usable now"));
}

_Static_assert(
    sizeof((struct http_answer *)0)->body >= AUTH_DOOR_ANSWER_MAX, "it fits");

/* handle - see http_server_handler */
static void
handle(void *arg, const struct http_request *r, const char *body, size_t n,
    struct http_answer *a)
{
	struct auth_daemon *d = arg;

	if (is_text(r->path, "/health")) {
		if (is_text(r->method, "GET"))
			answer_health(d, a);
		else
			set_body(a, 405, ERROR("use GET"));
		return;
	}
	if (!is_text(r->path, "/v1/auth")) {
		set_body(a, 404, ERROR("there is nothing here"));
		return;
	}
	a->trusted = auth_key_is(&d->key, r->authorization.at, r->authorization.len);
	if (!a->trusted) {
		d->metrics.unauthorized++;
		set_body(a, 401, ERROR("the key is missing or wrong"));
	} else if (!is_text(r->method, "POST")) {
		set_body(a, 405, ERROR("use POST"));
	} else if (http_request_query_has(r, "command=report")) {
		set_body(a, 200, ANSWER(""));
	} else {
		auth_door_ask(
		    &d->door, body, n, is_text(r->user_agent, PROBE_AGENT), a->body);
	}
}

static enum error
start_server(struct auth_daemon *d)
{
	const struct http_server_counts counts = {
	    &d->metrics.connections, &d->metrics.bad_requests, &d->metrics.dropped};

	d->door = (struct auth_door){&d->config, d->store, &d->denials, &d->metrics};
	return http_server_start(&d->server, d->fd, handle, d, &counts);
}

/*
 * wait_for_scan - questions wait in the socket while a daemon starts: without this,
 * those of a restart would all be left to the milter
 */
static void
wait_for_scan(struct auth_daemon *d)
{
	const struct timespec millisecond = {0, 1000000};
	int64_t end = monotonic_ms() + SCAN_WAIT_MS;

	while (
	    live_store_state(d->store) == LIVE_STORE_VERIFYING && monotonic_ms() < end)
		nanosleep(&millisecond, NULL);
}

enum error
auth_daemon_start(struct auth_daemon *d)
{
	enum error e;

	daemon_main_say_start(&d->config);
	e = live_store_start(&d->store, d->config.state_dir, on_store, d);
	if (e == OK && d->config.usage)
		e = auth_denials_start(
		    &d->denials, d->config.state_dir, d->config.usage_flush);
	if (e == OK) {
		wait_for_scan(d);
		live_store_limit_wait(d->store, SCAN_WAIT_MS);
		e = start_server(d);
	}
	return e == OK ? watchdog_start(&d->watchdog, progress, d) : e;
}

static void
write_metrics(struct auth_daemon *d)
{
	struct auth_metrics_facts facts = {.process = {.started = d->started,
					       .interval = d->config.usage_flush,
					       .log_lost = log_writer_lost()}};
	struct error_text why;

	if (d->config.metrics_file[0] == '\0')
		return;
	live_store_report(d->store, &facts.policy);
	auth_denials_report(&d->denials, &facts.denials);
	if (auth_metrics_write(d->config.metrics_file, &d->metrics, &facts, &why) == OK)
		d->metrics_said.text[0] = '\0';
	else if (strcmp(why.text, d->metrics_said.text) != 0) {
		log_message(
		    LEVEL_WARNING, "the metrics cannot be written: %s", why.text);
		d->metrics_said = why;
	}
}

void
auth_daemon_wait(struct auth_daemon *d)
{
	unsigned seconds = d->config.usage_flush;

	write_metrics(d);
	if (signals_wait(seconds < READY_AFTER_S ? seconds : READY_AFTER_S) != 0)
		return;
	service_notify_ready();
	do
		write_metrics(d);
	while (signals_wait(seconds) == 0);
}

void
auth_daemon_stop(struct auth_daemon *d)
{
	struct error_text why;

	service_notify("STOPPING=1");
	if (listener_remove(&d->config, &d->listener, &why) != OK)
		log_message(LEVEL_WARNING, "%s", why.text);
	http_server_stop(&d->server);
	if (d->config.usage)
		auth_denials_stop(&d->denials, STOP_WRITE_MS);
	write_metrics(d);
}
