/* SPDX-License-Identifier: BSD-2-Clause */
/* privileges - what a daemon does about its own process */
#include "milter/service/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/instant.h"
#include "policy/base/monotonic.h"

enum error
privileges_raise_files(struct error_text *why)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return error_set(why, ERR_INTERNAL, "getrlimit: %s", strerror(errno));
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < PRIVILEGES_FILES_MIN)
		return error_set(why, ERR_CONFLICT,
		    "the limit on open files is %llu, at least %d are needed: raise "
		    "it, "
		    "e.g. LimitNOFILE= in the service's unit",
		    (unsigned long long)limit.rlim_max, PRIVILEGES_FILES_MIN);
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return error_set(why, ERR_INTERNAL, "setrlimit: %s", strerror(errno));
	return OK;
}

enum error
privileges_become(const char *user, struct error_text *why)
{
	const struct passwd *pw;

	if (geteuid() != 0 || user[0] == '\0')
		return OK;
	pw = getpwnam(user);
	if (pw == NULL)
		return error_set(why, ERR_CONFIG, "there is no user \"%s\"", user);
	if (pw->pw_uid == 0)
		return OK;
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return error_set(why, ERR_PERMISSION, "cannot become user %s: %s", user,
		    strerror(errno));
	if (setuid(0) == 0)
		return error_set(
		    why, ERR_INTERNAL, "still root after becoming user %s", user);
	return OK;
}

static void
stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGUSR1);
}

void
privileges_block_signals(void)
{
	sigset_t set;

	stop_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error, not the end */
}

int
privileges_wait_signal(unsigned seconds)
{
	const int64_t deadline = monotonic_ms() + 1000 * (int64_t)seconds;
	sigset_t set;
	int sig;

	stop_signals(&set);
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
