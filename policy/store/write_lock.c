/* SPDX-License-Identifier: BSD-2-Clause */
/* write_lock - the turns of those who write the policy database */
#include "policy/store/write_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/monotonic.h"
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

/* lock_bytes - a lock of the open file description; LEN 0: to the end of all files */
static bool
lock_bytes(int fd, short type, off_t len)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = len};

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* lock_against - the type of the lock that stands against a write lock, or F_UNLCK */
static int
lock_against(int fd, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 ? lock.l_type : F_UNLCK;
}

/* stand_first - whether this writer is the first in line, or no line can be formed */
static bool
stand_first(int fd)
{
	return lock_bytes(fd, F_WRLCK, 1) ||
	    (errno != EAGAIN && errno != EACCES && errno != EINTR);
}

static enum error
try_turn(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return OK;
	return errno == EWOULDBLOCK || errno == EINTR ? ERR_BUSY
						      : error_from_errno(errno);
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
		(void)lock_bytes(fd, F_UNLCK, 1);
	return e;
}

/* parse_number - in BASE, where *AT leads; *AT moves behind it and the character END */
static bool
parse_number(char **at, int base, char end, uint64_t *out_r)
{
	char *behind;

	errno = 0;
	*out_r = strtoull(*at, &behind, base);
	if (errno != 0 || behind == *at || *behind != end)
		return false;
	*at = behind + 1;
	return true;
}

/* A writer has few files open: a process with more is not searched to the end. */
#define FDS_MAX 1000

#define FLAGS "flags:" /* a line of /proc/PID/fdinfo/N: in octal, as of open(2) */

/* may_write - whether descriptor NAME of /proc/PID/fdinfo was opened to write */
static bool
may_write(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	FILE *info = fd >= 0 ? fdopen(fd, "r") : NULL;
	unsigned long flags = O_RDONLY;
	char line[256];

	if (info == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (fgets(line, sizeof line, info) != NULL)
		if (strncmp(line, FLAGS, sizeof FLAGS - 1) == 0)
			flags = strtoul(line + sizeof FLAGS - 1, NULL, 8);
	fclose(info);
	return (flags & O_ACCMODE) != O_RDONLY;
}

/*
 * can_write - whether the process has the file ST open to write, as far as can be seen
 * until UNTIL. Its owner tells nothing: a process that runs a set-user-ID program is
 * root's, and keeps its locks.
 */
static bool
can_write(uint64_t pid, const struct stat *st, int64_t until)
{
	char path[64];
	struct dirent *entry;
	struct stat file;
	bool found = false;
	DIR *fds;
	int infos;

	snprintf(path, sizeof path, "/proc/%" PRIu64 "/fdinfo", pid);
	infos = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof path, "/proc/%" PRIu64 "/fd", pid);
	fds = infos >= 0 ? opendir(path) : NULL;
	for (int i = 0; fds != NULL && !found && i < FDS_MAX; i++) {
		entry = monotonic_ms() < until ? readdir(fds) : NULL;
		if (entry == NULL)
			break;
		found = fstatat(dirfd(fds), entry->d_name, &file, 0) == 0 &&
		    file.st_ino == st->st_ino && file.st_dev == st->st_dev &&
		    may_write(infos, entry->d_name);
	}
	if (fds != NULL)
		closedir(fds);
	if (infos >= 0)
		close(infos);
	return found;
}

/*
 * is_ours - whether a line of /proc/locks is an exclusive flock(2) on ST of a process
 * that might write the file: "1: FLOCK  ADVISORY  WRITE 42 08:01:131 0 EOF". One that
 * waits for such a lock ("1: -> FLOCK ...") does not hold it.
 */
static bool
is_ours(char *line, const struct stat *st, int64_t until)
{
	static const char kind[] = "FLOCK  ADVISORY  WRITE ";
	uint64_t pid, major_id, minor_id, inode;
	char *at = strstr(line, kind);

	if (at == NULL || strstr(line, "->") != NULL)
		return false;
	at += sizeof kind - 1;
	if (!parse_number(&at, 10, ' ', &pid) ||
	    !parse_number(&at, 16, ':', &major_id) ||
	    !parse_number(&at, 16, ':', &minor_id) ||
	    !parse_number(&at, 10, ' ', &inode) || inode != st->st_ino ||
	    major_id != major(st->st_dev) || minor_id != minor(st->st_dev))
		return false;
	return can_write(pid, st, until);
}

/*
 * held_by_writer - whether the holder of the file's flock(2) can write it. Readers can
 * make this a long search, so it ends after LOOK_MS.
 */
static bool
held_by_writer(int fd)
{
	int64_t until = monotonic_ms() + LOOK_MS;
	FILE *locks = fopen("/proc/locks", "re");
	bool found = false;
	char line[256];
	struct stat st;

	if (locks == NULL)
		return false;
	if (fstat(fd, &st) == 0)
		while (!found && monotonic_ms() < until &&
		    fgets(line, sizeof line, locks) != NULL)
			found = is_ours(line, &st, until);
	fclose(locks);
	return found;
}

/* What is in the way on WRITERS_FILE. */
enum obstacle { NOTHING, READERS, WRITER };

static enum obstacle
try_writers_file(int fd)
{
	if (!lock_bytes(fd, F_WRLCK, 1))
		return lock_against(fd, F_WRLCK) == F_WRLCK ? WRITER : READERS;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return NOTHING;
	return held_by_writer(fd) ? WRITER : READERS;
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
	return fd >= 0 && lock_against(fd, F_RDLCK) == F_WRLCK;
}

/* stamp_field - "NAME=NUMBER " of the stamp */
static bool
stamp_field(char **at, const char *name, uint64_t *out_r)
{
	size_t n = strlen(name);

	if (strncmp(*at, name, n) != 0)
		return false;
	*at += n;
	return parse_number(at, 10, ' ', out_r);
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
