/* SPDX-License-Identifier: BSD-2-Clause */
/* helper_process - a forked process that inherits little and ends with its parent */
#include "policy/kernel/helper_process.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/kernel/linux_calls.h"
#include "policy/kernel/proc.h"

#ifdef LINUX_CALLS
#include <sys/prctl.h>
#endif

/* close_range_from - glibc's closefrom() aborts where the kernel refuses it */
static bool
close_range_from(int first)
{
#if defined(HAVE_CLOSE_RANGE) && !defined(PORTABLE_ONLY)
	return close_range((unsigned)first, ~0u, 0) == 0;
#else
	(void)first;
	return false;
#endif
}

/* close_listed - the limit may be a billion, and a few be open */
static bool
close_listed(int first)
{
	DIR *dir = opendir(PROC "/self/fd");
	struct dirent *entry;
	int fd;

	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL) {
		fd = (int)strtol(entry->d_name, NULL, 10);
		if (fd >= first && fd != dirfd(dir))
			close(fd);
	}
	closedir(dir);
	return true;
}

void
helper_process_close_from(int first)
{
	long most;

	if (close_range_from(first) || close_listed(first))
		return;
	most = sysconf(_SC_OPEN_MAX);
	if (most < 0)
		most = INT_MAX;
	for (int fd = first; fd < most; fd++)
		close(fd);
}

#ifdef LINUX_CALLS
/* set_process - whether CALL of prctl(2) worked, or this kernel does not have it */
static bool
set_process(int call, unsigned long value)
{
	return prctl(call, value, 0, 0, 0) == 0 || errno == ENOSYS || errno == EINVAL;
}
#endif

bool
helper_process_tie(pid_t parent)
{
#ifdef LINUX_CALLS
	if (!set_process(PR_SET_NO_NEW_PRIVS, 1) ||
	    !set_process(PR_SET_PDEATHSIG, SIGKILL))
		return false;
#endif
	return getppid() == parent;
}
