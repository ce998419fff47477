/* SPDX-License-Identifier: BSD-2-Clause */
/* signals - those that end a daemon */
#include "milter/service/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>

#include "policy/base/monotonic.h"

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
	const int64_t deadline = monotonic_ms() + 1000 * (int64_t)seconds;
	sigset_t set;
	int sig;

	signals_set(&set);
	/*
	 * All the time in one wait: between two of them libmilter's thread could take
	 * the signal.
	 */
	do {
		const int64_t left = seconds == 0 ? 0 : deadline - monotonic_ms();
		const struct timespec rest = {left / 1000, left % 1000 * 1000000};

		if (left < 0)
			return 0;
		sig = seconds == 0 ? sigwaitinfo(&set, NULL)
				   : sigtimedwait(&set, NULL, &rest);
	} while (sig < 0 && errno == EINTR);
	return sig > 0 ? sig : 0;
}
