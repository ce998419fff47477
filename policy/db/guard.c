/* SPDX-License-Identifier: BSD-2-Clause */
/* guard - turns the traps of a damaged memory map into an error */
#include "policy/db/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Where this thread's guard returns to; NULL outside a guard. */
static _Thread_local sigjmp_buf *volatile escape;

static _Thread_local bool trapped;

static const int traps[] = {SIGBUS, SIGSEGV, SIGFPE};

static void
trap_signals(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof traps / sizeof *traps; i++)
		sigaddset(set, traps[i]);
}

/*
 * on_trap - out of the guard, or, where there is none, back to the default action: the
 * instruction runs again and the process ends as it would have without us. The guard
 * did not save the signal mask, so what the kernel has blocked for this handler is
 * unblocked here: a trap while its signal is blocked ends the process.
 */
static void
on_trap(int sig)
{
	sigset_t set;

	if (escape != NULL) {
		trap_signals(&set);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		siglongjmp(*escape, 1);
	}
	signal(sig, SIG_DFL);
}

void
guard_install(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_trap;
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof traps / sizeof *traps; i++)
		sigaction(traps[i], &sa, NULL);
}

enum error
guard_run(enum error (*fn)(void *), void *arg)
{
	sigjmp_buf here;
	enum error e;

	if (sigsetjmp(here, 0) != 0) {
		escape = NULL;
		trapped = true;
		return ERR_DAMAGED;
	}
	escape = &here;
	trapped = false;
	e = fn(arg);
	escape = NULL;
	return e;
}

bool
guard_trapped(void)
{
	return trapped;
}

void
guard_escape(void)
{
	if (escape == NULL)
		abort();
	siglongjmp(*escape, 1);
}
