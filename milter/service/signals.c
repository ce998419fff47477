/* SPDX-License-Identifier: BSD-2-Clause */
/* signals - those that end a daemon */
#include "milter/service/signals.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static void
signals_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGUSR1);
}

void
signals_block(void)
{
	sigset_t set;

	signals_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error, not the end */
}

int
signals_wait(unsigned seconds)
{
	const struct timespec limit = {.tv_sec = (time_t)seconds};
	sigset_t set;
	int sig;

	signals_set(&set);
	/* in one wait: between two of them libmilter's thread could take the signal */
	do
		sig = sigtimedwait(&set, NULL, seconds > 0 ? &limit : NULL);
	while (sig < 0 && errno == EINTR);
	return sig > 0 ? sig : 0;
}
