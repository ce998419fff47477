/* SPDX-License-Identifier: BSD-2-Clause */
/* watchdog - tells the service manager that decisions end, as long as they do */
#include "milter/service/watchdog.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "milter/metrics.h"
#include "milter/service/log.h"
#include "milter/service/service_notify.h"
#include "policy/base/instant.h"
#include "policy/base/monotonic.h"

#define PAUSE_MIN_USEC 10000 /* whatever the manager asks for */
/* Between two looks at most: so much older than it is may a decision be taken for. */
#define PAUSE_MAX_USEC 1000000

struct watchdog {
	uint64_t ended; /* decisions, at the last look */
	int64_t since;  /* when that number was new, or none was under way */
	bool stuck;
	struct timespec pause; /* between two looks */
	uint64_t looks;        /* since the last sign of life */
	uint64_t looks_a_sign;
};

/* look - whether decisions end; says it when they do no longer */
static void
look(struct watchdog *w)
{
	uint64_t ended = metrics_ended();
	int64_t now = monotonic_ms();
	bool stuck;

	if (metrics_in_progress() == 0 || ended != w->ended)
		w->since = now;
	w->ended = ended;
	stuck = now - w->since >= WATCHDOG_PATIENCE_MS;
	if (stuck && !w->stuck)
		log_message(LEVEL_ERROR,
		    "decisions are under way and none has ended for %d s: no sign of "
		    "life to the service manager's watchdog",
		    WATCHDOG_PATIENCE_MS / 1000);
	w->stuck = stuck;
}

static void *
run(void *arg)
{
	struct watchdog *w = arg;

	for (;;) {
		look(w);
		if (w->looks >= w->looks_a_sign && !w->stuck) {
			service_notify_alive();
			w->looks = 0;
		}
		w->looks++;
		nanosleep(&w->pause, NULL);
	}
	return arg;
}

/* setup - for a sign of life every USEC microseconds, the first one at once */
static void
setup(struct watchdog *w, uint64_t usec)
{
	uint64_t looks = (usec + PAUSE_MAX_USEC - 1) / PAUSE_MAX_USEC;

	*w = (struct watchdog){.since = monotonic_ms(), .looks_a_sign = looks};
	w->looks = looks;
	w->pause.tv_sec = (time_t)(usec / looks / 1000000);
	w->pause.tv_nsec = (long)(usec / looks % 1000000) * 1000;
}

enum error
watchdog_start(void)
{
	uint64_t usec = service_notify_watchdog_usec() / 2;
	struct watchdog *w;
	pthread_t thread;

	if (usec == 0)
		return OK;
	if (usec < PAUSE_MIN_USEC)
		usec = PAUSE_MIN_USEC;
	w = malloc(sizeof *w);
	if (w == NULL)
		return ERR_MEMORY;
	setup(w, usec);
	if (pthread_create(&thread, NULL, run, w) != 0) {
		free(w);
		return ERR_MEMORY;
	}
	pthread_detach(thread);
	return OK;
}
