/* SPDX-License-Identifier: BSD-2-Clause */
/* reporter - the thread that writes usage, heartbeat and metrics */
#include "milter/reporter.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "milter/metrics_file.h"
#include "milter/service/log.h"
#include "milter/usage_writer.h"
#include "policy/base/monotonic.h"

#define RETRY_S 2                       /* after a failure, if usage-flush is longer */
#define SAY_DROPPED_MS (10 * 60 * 1000) /* from one line on lost counts to the next */

struct reporter {
	struct live_store *keeper;
	struct heartbeat heartbeat;
	struct error_text said, metrics_said; /* the last complaints */
	uint64_t said_dropped;
	int64_t say_dropped; /* when that may be said again, and */
	int64_t due;         /* when the next writing is due, in monotonic_ms() */
	/* Shared: */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool hurry, stop, ended;
};

static struct reporter reporter = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* complain - but not of the same trouble again and again */
static void
complain(struct error_text *said, const struct error_text *why, const char *what)
{
	if (strcmp(why->text, said->text) == 0)
		return;
	*said = *why;
	log_message(LEVEL_WARNING, "%s: %s", what, why->text);
}

static void
write_metrics(struct reporter *p)
{
	struct error_text why;

	if (metrics_file_write(&why) == OK)
		p->metrics_said.text[0] = '\0';
	else
		complain(&p->metrics_said, &why, "the metrics cannot be written");
}

/* say_dropped - when more was lost than at the last time; not at each writing */
static void
say_dropped(struct reporter *p, bool last)
{
	uint64_t dropped = usage_writer_report().dropped;

	if (dropped == p->said_dropped || (!last && monotonic_ms() < p->say_dropped))
		return;
	log_message(LEVEL_WARNING,
	    "%llu submissions could not be counted in the usage, %llu since the start",
	    (unsigned long long)(dropped - p->said_dropped),
	    (unsigned long long)dropped);
	p->said_dropped = dropped;
	p->say_dropped = monotonic_ms() + SAY_DROPPED_MS;
}

/* write_usage - with the heartbeat; true if it succeeded */
static bool
write_usage(struct reporter *p)
{
	struct error_text why;
	bool good = usage_writer_write(&p->heartbeat, &why) == OK;

	if (!good)
		complain(&p->said, &why, "usage and heartbeat cannot be written");
	else if (p->said.text[0] != '\0')
		log_message(LEVEL_INFO, "usage and heartbeat are written again");
	if (good)
		p->said.text[0] = '\0';
	say_dropped(p, false);
	return good;
}

static uint8_t
policy_of(struct live_store *keeper)
{
	switch (live_store_state(keeper)) {
	case KEEPER_VERIFYING:
		return HEARTBEAT_VERIFYING;
	case KEEPER_GOOD:
		return HEARTBEAT_GOOD;
	case KEEPER_BAD:
		break;
	}
	return HEARTBEAT_FAULT;
}

/* write_all - and when to do so again */
static void
write_all(struct reporter *p, uint8_t policy)
{
	unsigned seconds = p->heartbeat.interval;

	p->heartbeat.policy = policy;
	write_metrics(p); /* first: it needs no database */
	if (!write_usage(p) && seconds > RETRY_S)
		seconds = RETRY_S;
	p->due = monotonic_ms() + 1000 * (int64_t)seconds;
}

/* wait - for a second, or until there is something to do; true to stop */
static bool
wait(struct reporter *p, bool *hurry_r)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&p->mutex);
	while (!p->stop && !p->hurry &&
	    pthread_cond_timedwait(&p->changed, &p->mutex, &until) != ETIMEDOUT)
		;
	*hurry_r = p->hurry;
	p->hurry = false;
	stop = p->stop;
	pthread_mutex_unlock(&p->mutex);
	return stop;
}

/* is_due - after a failure nothing hurries: memory that is full would stay so */
static bool
is_due(const struct reporter *p, bool hurry, uint8_t policy)
{
	return (hurry && p->said.text[0] == '\0') || policy != p->heartbeat.policy ||
	    monotonic_ms() >= p->due;
}

static void *
run(void *arg)
{
	struct reporter *p = arg;
	bool hurry = true;

	do {
		uint8_t policy = policy_of(p->keeper);

		if (is_due(p, hurry, policy))
			write_all(p, policy);
	} while (!wait(p, &hurry));
	write_all(p, policy_of(p->keeper));
	say_dropped(p, true);
	pthread_mutex_lock(&p->mutex);
	p->ended = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

static void
describe(struct heartbeat *h, const struct config *config)
{
	snprintf(h->socket, sizeof h->socket, "%s", config->socket);
	snprintf(h->version, sizeof h->version, "%s", PACKAGE_VERSION);
	h->pid = (uint32_t)getpid();
	h->interval = config->usage_flush;
	h->started = instant_now();
}

enum error
reporter_start(const struct config *config, struct live_store *keeper)
{
	pthread_condattr_t attr;
	pthread_t thread;
	enum error e;

	reporter.keeper = keeper;
	describe(&reporter.heartbeat, config);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&reporter.changed, &attr);
	pthread_condattr_destroy(&attr);
	metrics_file_open(config, keeper);
	e = usage_writer_start(config, keeper);
	if (e != OK)
		return e;
	if (pthread_create(&thread, NULL, run, &reporter) != 0)
		return ERR_MEMORY;
	pthread_detach(thread);
	return OK;
}

void
reporter_hurry(void)
{
	/* Whoever holds the mutex does nothing but look at these flags. */
	pthread_mutex_lock(&reporter.mutex);
	reporter.hurry = true;
	pthread_cond_broadcast(&reporter.changed);
	pthread_mutex_unlock(&reporter.mutex);
}

void
reporter_stop(unsigned limit_ms)
{
	struct timespec until;
	bool ended;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(limit_ms / 1000);
	until.tv_nsec += (long)(limit_ms % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&reporter.mutex);
	reporter.stop = true;
	pthread_cond_broadcast(&reporter.changed);
	while (!reporter.ended &&
	    pthread_cond_timedwait(&reporter.changed, &reporter.mutex, &until) !=
		ETIMEDOUT)
		;
	ended = reporter.ended;
	pthread_mutex_unlock(&reporter.mutex);
	if (!ended || usage_writer_report().waiting > 0)
		log_message(LEVEL_WARNING,
		    "the usage of %zu logins is lost: it could not be written before "
		    "the end",
		    usage_writer_report().waiting);
}
