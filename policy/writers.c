/* SPDX-License-Identifier: BSD-2-Clause */
/* writers - the file on which writers take turns */
#include "policy/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "policy/instant.h"

#define POLL_NANOSECONDS 5000000L

/* lock_until - flock(2) has no time limit, so the lock is asked for again and again */
static enum error
lock_until(int fd, int64_t deadline)
{
	const struct timespec pause = {0, POLL_NANOSECONDS};

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_from_errno(errno);
		if (monotonic_ms() >= deadline)
			return ERR_BUSY;
		nanosleep(&pause, NULL);
	}
	return OK;
}

enum error
writers_lock(const char *path, int seconds, int *fd_r, struct error_text *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum error e;

	if (fd < 0) {
		e = errno == ENOENT ? ERR_CREATE : error_from_errno(errno);
		return error_about(why, e, path);
	}
	e = lock_until(fd, monotonic_ms() + (int64_t)seconds * 1000);
	if (e == OK) {
		*fd_r = fd;
		return OK;
	}
	close(fd);
	if (e == ERR_BUSY)
		return error_set(why, e,
		    "another program has been writing for %d seconds; try again (lock: "
		    "%s)",
		    seconds, path);
	return error_about(why, e, path);
}
