/* SPDX-License-Identifier: BSD-2-Clause */
/* reporter - the thread that writes usage, heartbeat and metrics */
#include "milter/reporter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "milter/daemon.h"
#include "milter/service/log.h"
#include "milter/service/log_sink.h"
#include "milter/service/log_writer.h"
#include "milter/service/service_notify.h"
#include "policy/base/monotonic.h"

#define RETRY_S 2                       /* after a failure, if usage-flush is longer */
#define SAY_DROPPED_MS (10 * 60 * 1000) /* from one line on lost counts to the next */

/* complain - log a failure, unless it is the same as before */
static void
complain(struct error_text *said, const struct error_text *why, const char *what)
{
	if (strcmp(why->text, said->text) == 0)
		return;
	*said = *why;
	log_message(LEVEL_WARNING, "%s: %s", what, why->text);
}

static void
write_metrics(struct daemon *d)
{
	struct reporter *r = &d->reporter;
	struct metrics_facts facts = {.usage = d->usage_writer.report,
	    .process = {.started = r->heartbeat.started,
		.interval = r->heartbeat.interval,
		.log_lost = log_writer_lost()}};
	struct error_text why;

	if (d->config.metrics_file[0] == '\0')
		return;
	facts.usage.on = d->config.usage;
	facts.usage.dropped = d->usage_counter.dropped;
	facts.usage.waiting = d->usage_counter.waiting;
	live_store_report(d->store, &facts.policy);
	if (metrics_write(d->config.metrics_file, &d->metrics, &facts, &why) == OK)
		r->metrics_said.text[0] = '\0';
	else
		complain(&r->metrics_said, &why, "the metrics cannot be written");
}

/* say_dropped - log that more was dropped; not at each writing */
static void
say_dropped(struct daemon *d, bool last)
{
	struct reporter *r = &d->reporter;
	uint64_t dropped = d->usage_counter.dropped;

	if (dropped == r->said_dropped || (!last && monotonic_ms() < r->say_dropped))
		return;
	log_message(LEVEL_WARNING,
	    "%llu submissions could not be counted in the usage, %llu since the start",
	    (unsigned long long)(dropped - r->said_dropped),
	    (unsigned long long)dropped);
	r->said_dropped = dropped;
	r->say_dropped = monotonic_ms() + SAY_DROPPED_MS;
}

/* write_usage - with the heartbeat; true if it succeeded */
static bool
write_usage(struct daemon *d)
{
	struct reporter *r = &d->reporter;
	struct error_text why;
	bool good = usage_writer_write(d, &r->heartbeat, &why) == OK;

	if (!good)
		complain(&r->said, &why, "usage and heartbeat cannot be written");
	else if (r->said.text[0] != '\0')
		log_message(LEVEL_INFO, "usage and heartbeat are written again");
	if (good)
		r->said.text[0] = '\0';
	say_dropped(d, false);
	return good;
}

/* The state of the policy is reported as it is. clang 17 warns of && here in C23. */
_Static_assert((int)HEARTBEAT_VERIFYING == (int)LIVE_STORE_VERIFYING, "verifying");
_Static_assert((int)HEARTBEAT_GOOD == (int)LIVE_STORE_GOOD, "good");
_Static_assert((int)HEARTBEAT_FAULT == (int)LIVE_STORE_BAD, "bad");

/* write_all - and set the time of the next writing */
static void
write_all(struct daemon *d, uint8_t policy)
{
	struct reporter *r = &d->reporter;
	unsigned seconds = r->heartbeat.interval;

	r->heartbeat.policy = policy;
	r->heartbeat.log_replaced = log_sink_is_replaced();
	write_metrics(d); /* first: it needs no database */
	if (!write_usage(d) && seconds > RETRY_S)
		seconds = RETRY_S;
	r->due = monotonic_ms() + 1000 * (int64_t)seconds;
}

/* raise_flag - the mutex is held for looking at flags only */
static void
raise_flag(struct reporter *r, bool *flag)
{
	pthread_mutex_lock(&r->mutex);
	*flag = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}

/* wait_for - one of two flags, until END in monotonic_ms(); under the mutex */
static void
wait_for(struct reporter *r, const bool *flag, const bool *other, int64_t end)
{
	const struct timespec until = {end / 1000, end % 1000 * 1000000};

	while (!*flag && !*other &&
	    pthread_cond_timedwait(&r->changed, &r->mutex, &until) != ETIMEDOUT)
		;
}

/* wait - a second, or until there is something to do; true to stop */
static bool
wait(struct reporter *r, bool *hurry_r, bool *judged_r)
{
	bool stop;

	pthread_mutex_lock(&r->mutex);
	wait_for(r, &r->stop, &r->hurry, monotonic_ms() + 1000);
	*hurry_r = r->hurry;
	*judged_r = r->judged;
	r->hurry = false;
	stop = r->stop;
	pthread_mutex_unlock(&r->mutex);
	return stop;
}

/* is_due - after a failure nothing hurries: a full counter would stay full */
static bool
is_due(const struct reporter *r, bool hurry, uint8_t policy)
{
	return (hurry && r->said.text[0] == '\0') || policy != r->heartbeat.policy ||
	    monotonic_ms() >= r->due;
}

static void *run(void *arg);

/* hand_over - start a successor, see usage_writer_write(); false: there is none */
static bool
hand_over(struct daemon *d)
{
	struct reporter *r = &d->reporter;
	pthread_t next;

	r->before = pthread_self();
	if (pthread_create(&next, NULL, run, d) != 0)
		return false;
	r->thread = next;
	return true;
}

static void *
run(void *arg)
{
	struct daemon *d = arg;
	struct reporter *r = &d->reporter;
	bool hurry = false, judged = false;

	if (d->usage_writer.damaged) {
		pthread_join(r->before, NULL);
		usage_writer_close(d);
	}
	do {
		uint8_t policy = (uint8_t)live_store_state(d->store);

		if (is_due(r, hurry, policy))
			write_all(d, policy);
		if (judged) /* who hears it finds the heartbeat */
			service_notify_ready();
		status_line_look(d);
		if (d->usage_writer.damaged && hand_over(d))
			return NULL;
	} while (!wait(r, &hurry, &judged));
	write_all(d, (uint8_t)live_store_state(d->store));
	say_dropped(d, true);
	write_metrics(d);
	raise_flag(r, &r->ended);
	return NULL;
}

void
reporter_init(struct daemon *d)
{
	struct reporter *r = &d->reporter;
	pthread_condattr_t attr;

	pthread_mutex_init(&r->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
}

enum error
reporter_start(struct daemon *d)
{
	struct reporter *r = &d->reporter;
	struct heartbeat *h = &r->heartbeat;
	enum error e = usage_writer_start(d);

	if (e != OK)
		return e;
	snprintf(h->socket, sizeof h->socket, "%s", d->config.socket);
	snprintf(h->version, sizeof h->version, "%s", PACKAGE_VERSION);
	h->pid = (uint32_t)getpid();
	h->interval = d->config.usage_flush;
	h->started = instant_now();
	h->config = config_digest(&d->config);
	return pthread_create(&r->thread, NULL, run, d) == 0 ? OK : ERR_MEMORY;
}

void
reporter_hurry(struct daemon *d)
{
	raise_flag(&d->reporter, &d->reporter.hurry);
}

void
reporter_judged(struct daemon *d)
{
	struct reporter *r = &d->reporter;

	pthread_mutex_lock(&r->mutex);
	r->judged = r->hurry = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}

void
reporter_stop(struct daemon *d, unsigned limit_ms)
{
	struct reporter *r = &d->reporter;
	size_t waiting;
	bool ended;

	raise_flag(r, &r->stop);
	pthread_mutex_lock(&r->mutex);
	wait_for(r, &r->ended, &r->ended, monotonic_ms() + limit_ms);
	ended = r->ended;
	pthread_mutex_unlock(&r->mutex);
	if (ended)
		pthread_join(r->thread, NULL);
	waiting = d->usage_counter.waiting;
	if (!ended || waiting > 0)
		log_message(LEVEL_WARNING,
		    "the usage of %zu logins is lost: it could not be written before the end",
		    waiting);
}
