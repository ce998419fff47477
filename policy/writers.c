/* SPDX-License-Identifier: BSD-2-Clause */
/* writers - the file on which writers take turns */
#include "policy/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "policy/instant.h"

#define POLL_NANOSECONDS 5000000L
#define LINE_MS 500 /* the first in line may be a stopped process: not for ever */

/*
 * Bytes that are locked in another way than the file as a whole, which flock(2) does
 * not see: by the first in line, and, for who may not lock the file, by the one whose
 * turn it is.
 */
enum byte { BYTE_LINE, BYTE_TURN };

static bool
set_byte(int fd, enum byte byte, short type)
{
	struct flock lock = {
	    .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* stand_first - whether this one is the first in line, or no line can be formed */
static bool
stand_first(int fd)
{
	return set_byte(fd, BYTE_LINE, F_WRLCK) ||
	    (errno != EAGAIN && errno != EACCES && errno != EINTR);
}

static enum error
try_lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return OK;
	return errno == EWOULDBLOCK || errno == EINTR ? ERR_BUSY
						      : error_from_errno(errno);
}

/*
 * lock_until - flock(2) has no time limit, so the lock is asked for again and again.
 * Only the first in line asks: a writer that gives the lock back and wants it again at
 * once, as a loop of commands does, would nearly always find it free before those who
 * wait look again.
 */
static enum error
lock_until(int fd, int64_t deadline)
{
	const struct timespec pause = {0, POLL_NANOSECONDS};
	int64_t now, patience = monotonic_ms() + LINE_MS;
	bool first = false;
	enum error e;

	for (;;) {
		now = monotonic_ms();
		first = first || stand_first(fd);
		e = first || now >= patience ? try_lock(fd) : ERR_BUSY;
		if (e != ERR_BUSY || now >= deadline)
			break;
		nanosleep(&pause, NULL);
	}
	if (first)
		(void)set_byte(fd, BYTE_LINE, F_UNLCK);
	if (e == OK && !set_byte(fd, BYTE_TURN, F_WRLCK))
		e = error_from_errno(errno);
	return e;
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

int
writers_watch(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

bool
writers_at_work(int fd)
{
	struct flock lock = {
	    .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = BYTE_TURN, .l_len = 1};

	return fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}
