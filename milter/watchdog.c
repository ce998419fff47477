/* SPDX-License-Identifier: BSD-2-Clause */
/* watchdog - tells the service manager that decisions end, as long as they do */
#include "milter/watchdog.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "milter/filter.h"
#include "milter/log.h"
#include "milter/notify.h"
#include "policy/instant.h"

#define PAUSE_MIN_USEC 10000 /* whatever the manager asks for */

struct watchdog {
	uint64_t ended; /* decisions, at the last look */
	int64_t since;  /* when that number was new, or none was under way */
	bool stuck;
};

/* look - whether decisions end; says it when they do no longer */
static void
look(struct watchdog *w)
{
	uint64_t ended = filter_ended();
	int64_t now = monotonic_ms();
	bool stuck;

	if (filter_is_idle() || ended != w->ended)
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
	struct watchdog w = {.since = monotonic_ms()};
	const struct timespec pause = *(const struct timespec *)arg;

	free(arg);
	for (;;) {
		look(&w);
		if (!w.stuck)
			notify_alive();
		nanosleep(&pause, NULL);
	}
	return NULL;
}

enum error
watchdog_start(void)
{
	uint64_t usec = notify_watchdog_usec() / 2;
	struct timespec *pause;
	pthread_t thread;

	if (usec == 0)
		return OK;
	if (usec < PAUSE_MIN_USEC)
		usec = PAUSE_MIN_USEC;
	pause = malloc(sizeof *pause);
	if (pause == NULL)
		return ERR_MEMORY;
	pause->tv_sec = (time_t)(usec / 1000000);
	pause->tv_nsec = (long)(usec % 1000000) * 1000;
	if (pthread_create(&thread, NULL, run, pause) != 0) {
		free(pause);
		return ERR_MEMORY;
	}
	pthread_detach(thread);
	return OK;
}
