/* SPDX-License-Identifier: BSD-2-Clause */
/* watchdog - tells the service manager that decisions end, as long as they do */
#include "milter/service/watchdog.h"

#include <pthread.h>

#include "milter/service/log.h"
#include "milter/service/service_notify.h"
#include "policy/base/monotonic.h"

#define PAUSE_MIN_USEC 10000   /* whatever the manager asks for */
#define PAUSE_MAX_USEC 1000000 /* a stuck decision is seen this soon */

/* look - whether decisions end; logs when they no longer do */
static void
look(struct watchdog *w)
{
	int64_t now = monotonic_ms();
	bool busy, stuck;
	uint64_t ended = w->progress(w->arg, &busy);

	if (!busy || ended != w->ended)
		w->since = now;
	w->ended = ended;
	stuck = now - w->since >= WATCHDOG_PATIENCE_MS;
	if (stuck && !w->stuck)
		log_message(LEVEL_ERROR,
		    "decisions are under way and none has ended for %d s: no sign of life to the service manager's watchdog",
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
			service_notify("WATCHDOG=1");
			w->looks = 0;
		}
		w->looks++;
		nanosleep(&w->pause, NULL);
	}
	return arg;
}

enum error
watchdog_start(struct watchdog *w, watchdog_progress *progress, void *arg)
{
	uint64_t usec = service_notify_watchdog_usec() / 2, looks;
	pthread_t thread;

	if (usec == 0)
		return OK;
	if (usec < PAUSE_MIN_USEC)
		usec = PAUSE_MIN_USEC;
	looks = (usec + PAUSE_MAX_USEC - 1) / PAUSE_MAX_USEC;
	*w = (struct watchdog){.progress = progress,
	    .arg = arg,
	    .since = monotonic_ms(),
	    .looks = looks, /* so that the first sign comes at once */
	    .looks_a_sign = looks};
	w->pause.tv_sec = (time_t)(usec / looks / 1000000);
	w->pause.tv_nsec = (long)(usec / looks % 1000000) * 1000;
	if (pthread_create(&thread, NULL, run, w) != 0)
		return ERR_MEMORY;
	pthread_detach(thread);
	return OK;
}
