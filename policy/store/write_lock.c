/* SPDX-License-Identifier: BSD-2-Clause */
/* write_lock - the turns of those who write the policy database */
#include "policy/store/write_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/monotonic.h"
#include "policy/kernel/byte_lock.h"
#include "policy/kernel/lock_holder.h"
#include "policy/store/state_dir.h"

#define POLL_NANOSECONDS 2000000L
#define LINE_MS 500 /* the first in line may be a stopped process: not for ever */
#define LOOK_MS 500 /* how long to look who is in the way, each time */
#define STAMP_MAX 160
#define STAMP_FORMAT \
	"commit=%" PRIu64 " size=%" PRIu64 " written=%" PRIu64 " inode=%" PRIu64 \
	" strange=%" PRIu64

static void
pause_briefly(void)
{
	const struct timespec pause = {0, POLL_NANOSECONDS};

	nanosleep(&pause, NULL);
}

/* stand_first - whether this writer is the first in line, or no line can be formed */
static bool
stand_first(int fd)
{
	return byte_lock_take(fd) != BYTE_LOCK_OTHERS;
}

static enum error
try_turn(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return OK;
	return error_from_lock(errno);
}

/*
 * take_turn - flock(2) has no time limit, so the lock is tried again and again. Only
 * the first in line tries: a writer that releases the lock and wants it back at once,
 * as a loop of commands does, would nearly always get it before those who wait try
 * again.
 */
static enum error
take_turn(int fd, int64_t deadline)
{
	int64_t now, patience = monotonic_ms() + LINE_MS;
	bool first = false;
	enum error e;

	for (;;) {
		now = monotonic_ms();
		first = first || stand_first(fd);
		e = first || now >= patience ? try_turn(fd) : ERR_BUSY;
		if (e != ERR_BUSY || now >= deadline)
			break;
		pause_briefly();
	}
	if (first)
		byte_lock_release(fd);
	return e;
}

/* What is in the way on WRITERS_FILE. */
enum obstacle { NOTHING, READERS, WRITER };

static enum obstacle
try_writers_file(int fd)
{
	if (byte_lock_take(fd) == BYTE_LOCK_OTHERS)
		return byte_lock_against_write(fd) == BYTE_LOCK_WRITE ? WRITER
								      : READERS;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return NOTHING;
	return lock_holder_can_write(fd, monotonic_ms() + LOOK_MS) ? WRITER : READERS;
}

/*
 * wait_for_readers - until nobody is in the way; for readers READERS_WAIT_MS at most.
 * After that the writer goes on without a lock on the file: it still has the turn. The
 * time starts again whenever a writer is found: on a busy machine a look may end before
 * it finds the one that is there.
 */
static enum error
wait_for_readers(int fd, int64_t deadline)
{
	int64_t now = monotonic_ms(), patience = now + READERS_WAIT_MS;
	enum obstacle obstacle;

	while ((obstacle = try_writers_file(fd)) != NOTHING) {
		now = monotonic_ms();
		if (obstacle == WRITER) {
			if (now >= deadline)
				return ERR_BUSY;
			patience = now + READERS_WAIT_MS;
		} else if (now >= patience)
			return OK;
		pause_briefly();
	}
	return OK;
}

static enum error
open_file(const char *dir, const char *name, int *fd_r, struct error_text *why)
{
	char path[PATH_MAX];
	enum error e = state_dir_path(path, dir, name, why);

	if (e != OK)
		return e;
	*fd_r = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
	    TURN_FILE_MODE);
	if (*fd_r >= 0)
		return OK;
	return error_about(
	    why, errno == ENOENT ? ERR_CREATE : error_from_errno(errno), path);
}

/* lock_failed - the line about the wait for the file NAME */
static enum error
lock_failed(const char *dir, const char *name, enum error e, int seconds,
    struct error_text *why)
{
	if (e == ERR_BUSY)
		return error_set(why, e,
		    "another program has been writing for %d seconds; try again (lock: %s/%s)",
		    seconds, dir, name);
	return error_set(why, e, "%s: %s/%s", error_string(e), dir, name);
}

/* lock_take - both files, in this order */
static enum error
lock_take(struct write_lock *l, const char *dir, int seconds, struct error_text *why)
{
	int64_t deadline = monotonic_ms() + (int64_t)seconds * 1000;
	enum error e = open_file(dir, TURN_FILE, &l->turn, why);

	if (e == OK)
		e = open_file(dir, WRITERS_FILE, &l->writers, why);
	if (e != OK)
		return e;
	e = take_turn(l->turn, deadline);
	if (e != OK)
		return lock_failed(dir, TURN_FILE, e, seconds, why);
	e = state_dir_give(dir, TURN_FILE, TURN_FILE_MODE, why);
	if (e == OK)
		e = state_dir_give(dir, WRITERS_FILE, WRITERS_FILE_MODE, why);
	if (e != OK)
		return e;
	e = wait_for_readers(l->writers, deadline);
	return e == OK ? OK : lock_failed(dir, WRITERS_FILE, e, seconds, why);
}

enum error
write_lock_take(
    struct write_lock *lock, const char *dir, int seconds, struct error_text *why)
{
	enum error e;

	lock->turn = lock->writers = -1;
	e = lock_take(lock, dir, seconds, why);
	if (e != OK)
		write_lock_release(lock);
	return e;
}

void
write_lock_release(struct write_lock *lock)
{
	if (lock->writers >= 0)
		close(lock->writers);
	if (lock->turn >= 0)
		close(lock->turn);
	lock->turn = lock->writers = -1;
}

static uint64_t
nanoseconds(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* write_stamp - padded to one length, so that no rest of an older one remains */
static void
write_stamp(int fd, const struct write_stamp *s)
{
	char text[STAMP_MAX];
	int n = snprintf(text, sizeof text, STAMP_FORMAT, s->commit, s->size,
	    s->written, s->inode, s->strange);

	if (n < 0 || n >= (int)sizeof text - 1)
		return;
	memset(text + n, ' ', sizeof text - (size_t)n);
	text[sizeof text - 1] = '\n';
	(void)!pwrite(fd, text, sizeof text, 0);
}

static struct write_stamp
stamp_of(const struct db_file *file, size_t commit, uint64_t strange)
{
	return (struct write_stamp){
	    .commit = commit,
	    .size = (uint64_t)file->size,
	    .written = nanoseconds(file->written),
	    .inode = (uint64_t)file->ino,
	    .strange = strange,
	};
}

void
write_lock_begin(
    const struct write_lock *lock, const struct db_file *file, size_t commit)
{
	struct write_stamp s;

	if (!write_lock_read_stamp(lock->writers, &s))
		s = stamp_of(file, commit, 0);
	else if (s.inode != (uint64_t)file->ino) /* as a whole, which readers see */
		s = stamp_of(file, commit, s.strange);
	else if (write_lock_stamp_fits(&s, file, commit))
		return;
	else
		s = stamp_of(file, commit, s.strange + 1);
	write_stamp(lock->writers, &s);
}

void
write_lock_stamp(
    const struct write_lock *lock, const struct db_file *file, size_t commit)
{
	struct write_stamp old, s;

	s = stamp_of(
	    file, commit, write_lock_read_stamp(lock->writers, &old) ? old.strange : 0);
	write_stamp(lock->writers, &s);
}

int
write_lock_watch(const char *dir)
{
	char path[PATH_MAX];

	if (state_dir_path(path, dir, WRITERS_FILE, NULL) != OK)
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

bool
write_lock_at_work(int fd)
{
	return fd >= 0 && byte_lock_against_read(fd) == BYTE_LOCK_WRITE;
}

/* stamp_field - "NAME=NUMBER " of the stamp */
static bool
stamp_field(char **at, const char *name, uint64_t *out_r)
{
	size_t n = strlen(name);
	char *behind;

	if (strncmp(*at, name, n) != 0)
		return false;
	errno = 0;
	*out_r = strtoull(*at + n, &behind, 10);
	if (errno != 0 || behind == *at + n || *behind != ' ')
		return false;
	*at = behind + 1;
	return true;
}

bool
write_lock_read_stamp(int fd, struct write_stamp *stamp_r)
{
	char text[STAMP_MAX], *at = text;

	if (fd < 0 || pread(fd, text, sizeof text, 0) != sizeof text ||
	    text[sizeof text - 1] != '\n')
		return false;
	text[sizeof text - 1] = '\0';
	return stamp_field(&at, "commit=", &stamp_r->commit) &&
	    stamp_field(&at, "size=", &stamp_r->size) &&
	    stamp_field(&at, "written=", &stamp_r->written) &&
	    stamp_field(&at, "inode=", &stamp_r->inode) &&
	    stamp_field(&at, "strange=", &stamp_r->strange);
}

bool
write_lock_stamp_fits(
    const struct write_stamp *stamp, const struct db_file *file, size_t commit)
{
	struct write_stamp now = stamp_of(file, commit, stamp->strange);

	return now.commit == stamp->commit && now.size == stamp->size &&
	    now.written == stamp->written && now.inode == stamp->inode;
}

void
write_lock_spare(int fd)
{
	int64_t deadline = monotonic_ms() + READERS_WAIT_MS;

	while (
	    fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && monotonic_ms() < deadline)
		pause_briefly();
}

void
write_lock_unspare(int fd)
{
	if (fd >= 0)
		(void)flock(fd, LOCK_UN);
}
