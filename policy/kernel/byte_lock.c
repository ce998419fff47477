/* SPDX-License-Identifier: BSD-2-Clause */
/* byte_lock - a write lock on the first byte of an open file, beside its flock(2) */
#include "policy/kernel/byte_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "policy/kernel/linux_calls.h"

#if defined(LINUX_CALLS) && defined(F_OFD_SETLK)
enum { SET = F_OFD_SETLK, GET = F_OFD_GETLK };

static int
lock_call(int fd, int call, struct flock *lock)
{
	return fcntl(fd, call, lock);
}
#else
enum { SET, GET };

static int
lock_call(int fd, int call, struct flock *lock)
{
	(void)fd;
	(void)call;
	(void)lock;
	errno = ENOSYS;
	return -1;
}
#endif

static struct flock
first_byte(short type)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_len = 1};
}

enum byte_lock
byte_lock_take(int fd)
{
	struct flock lock = first_byte(F_WRLCK);

	if (lock_call(fd, SET, &lock) == 0)
		return BYTE_LOCK_OURS;
	return errno == EAGAIN || errno == EACCES || errno == EINTR ? BYTE_LOCK_OTHERS
								    : BYTE_LOCK_NONE;
}

void
byte_lock_release(int fd)
{
	struct flock lock = first_byte(F_UNLCK);

	(void)lock_call(fd, SET, &lock);
}

static enum byte_lock_holder
holder(int fd, short type)
{
	struct flock lock = first_byte(type);

	if (lock_call(fd, GET, &lock) != 0 || lock.l_type == F_UNLCK)
		return BYTE_LOCK_FREE;
	return lock.l_type == F_WRLCK ? BYTE_LOCK_WRITE : BYTE_LOCK_READ;
}

enum byte_lock_holder
byte_lock_against_write(int fd)
{
	return holder(fd, F_WRLCK);
}

enum byte_lock_holder
byte_lock_against_read(int fd)
{
	return holder(fd, F_RDLCK);
}
