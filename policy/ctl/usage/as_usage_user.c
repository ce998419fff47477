/* SPDX-License-Identifier: BSD-2-Clause */
/* as_usage_user - work in the usage folder with the rights of its owner */
#include "policy/ctl/usage/as_usage_user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/base/child_process.h"
#include "policy/base/monotonic.h"
#include "policy/kernel/helper_process.h"

#define SIGN_OF_LIFE '\n'
#define FIRST_FREE 3 /* the descriptor after standard error */
#define CHUNK 65536
#define LOOK_MS 50 /* between looks whether the helper is stopped */

/* The helper, as the parent sees it. */
struct helper {
	pid_t pid;
	int from;
};

/* find_owner - of the usage folder, to which nobody else may be able to write */
static enum error
find_owner(struct ctl *c, struct stat *owner)
{
	char usage[PATH_MAX];

	if (snprintf(usage, sizeof usage, "%s/usage", c->dir) >= (int)sizeof usage)
		return error_set(
		    &c->why, ERR_LIMIT, "the name of the state folder is too long");
	if (lstat(usage, owner) != 0)
		return error_set(&c->why, error_from_errno(errno), "%s: %s", usage,
		    errno == ENOENT ? "not there; see \"smtpauthctl init\""
				    : strerror(errno));
	if (!S_ISDIR(owner->st_mode))
		return error_set(&c->why, ERR_PERMISSION, "%s: it is no folder", usage);
	if (geteuid() != 0 && geteuid() != owner->st_uid)
		return error_set(&c->why, ERR_PERMISSION,
		    "%s: only root and the daemon's user may read the usage; run this as root",
		    usage);
	if (owner->st_uid == 0 && (owner->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return error_set(&c->why, ERR_PERMISSION,
		    "%s: root does not read what others may write (mode %04o); \"smtpauthctl init\" mends it",
		    usage, (unsigned)(owner->st_mode & 07777));
	return OK;
}

/* become - gives up root's rights for good */
static bool
become(const struct stat *owner)
{
	if (geteuid() != 0 || owner->st_uid == 0)
		return true;
	return setgroups(0, NULL) == 0 &&
	    setresgid(owner->st_gid, owner->st_gid, owner->st_gid) == 0 &&
	    setresuid(owner->st_uid, owner->st_uid, owner->st_uid) == 0;
}

/* drop_descriptors - leaves the pipe alone, and nothing as standard streams */
static FILE *
drop_descriptors(int pipe_end)
{
	int null = open("/dev/null", O_RDWR);

	pipe_end = fcntl(pipe_end, F_DUPFD, FIRST_FREE);
	if (null < 0 || pipe_end < 0)
		return NULL;
	for (int fd = 0; fd < FIRST_FREE; fd++)
		if (fd != null && dup2(null, fd) != fd)
			return NULL;
	if (pipe_end != FIRST_FREE && dup2(pipe_end, FIRST_FREE) != FIRST_FREE)
		return NULL;
	helper_process_close_from(FIRST_FREE + 1);
	return fdopen(FIRST_FREE, "w");
}

/* drop_settings - signals, environment and current folder of our caller */
static bool
drop_settings(void)
{
	static char *nothing[] = {NULL};
	sigset_t none;

	environ = nothing;
	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0 && chdir("/") == 0;
}

/* help - the helper; it ends silently if it cannot give up its rights */
static void
help(struct ctl *c, as_usage_user_fn *fn, void *arg, const struct stat *owner,
    int pipe_end, pid_t parent)
{
	char dir[PATH_MAX];
	FILE *to;

	if (realpath(c->dir, dir) == NULL)
		_exit(1);
	c->dir = dir;
	to = drop_descriptors(pipe_end);
	if (to == NULL || !drop_settings() || !become(owner) ||
	    !helper_process_tie(parent))
		_exit(1);
	fn(c, arg, to);
	_exit(fclose(to) == 0 ? 0 : 1);
}

/* start - the helper and the pipe from it */
static enum error
start(struct ctl *c, as_usage_user_fn *fn, void *arg, const struct stat *owner,
    struct helper *h)
{
	pid_t parent = getpid();
	int end[2];

	if (pipe2(end, O_CLOEXEC) != 0)
		return error_set(
		    &c->why, ERR_IO, "cannot make a pipe: %s", strerror(errno));
	h->pid = fork();
	if (h->pid == 0)
		help(c, fn, arg, owner, end[1], parent);
	close(end[1]);
	h->from = end[0];
	if (h->pid > 0 && fcntl(h->from, F_SETFL, O_NONBLOCK) == 0)
		return OK;
	return error_set(&c->why, ERR_IO, "cannot start a process");
}

static enum error
too_slow(struct ctl *c)
{
	return error_set(&c->why, ERR_BUSY,
	    "the process that reads the usage is stopped, or waits for one that is: usage/ below %s; try again",
	    c->dir);
}

/*
 * is_stopped - a helper that its owner stops again and again could hold us up. One that
 * has ended is not reaped here: its number may still be used to kill it.
 */
static bool
is_stopped(const struct helper *h)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)h->pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == h->pid && info.si_code == CLD_STOPPED;
}

static enum error
cannot_write(struct ctl *c)
{
	return error_set(&c->why, errno == ENOSPC ? ERR_FULL : ERR_IO,
	    "cannot write a temporary file: %s", strerror(errno));
}

/* receive - what the helper writes, without the signs of life at its start */
static enum error
receive(struct ctl *c, const struct helper *h, uint64_t max, FILE *into)
{
	const int64_t deadline = monotonic_ms() + AS_USAGE_USER_LIMIT_MS;
	int64_t patience =
	    c->hurried ? AS_USAGE_USER_SHORT_SILENCE_MS : AS_USAGE_USER_SILENCE_MS;
	int64_t silence = monotonic_ms() + patience;
	struct pollfd p = {.fd = h->from, .events = POLLIN};
	static char buf[CHUNK];
	uint64_t sum = 0;

	for (;;) {
		ssize_t n = read(h->from, buf, CHUNK), skip = 0;
		int64_t now = monotonic_ms();

		if (n == 0)
			return OK;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return error_set(&c->why, ERR_IO,
			    "cannot read from a process: %s", strerror(errno));
		if (now >= deadline || (n < 0 && (now >= silence || is_stopped(h))))
			return too_slow(c);
		if (n < 0) {
			(void)poll(&p, 1, LOOK_MS);
			continue;
		}
		while (sum == 0 && skip < n && buf[skip] == SIGN_OF_LIFE)
			skip++;
		sum += (uint64_t)(n - skip);
		if (sum > max)
			return error_set(&c->why, ERR_LIMIT,
			    "the process that reads the usage writes without end");
		if (fwrite(buf + skip, 1, (size_t)(n - skip), into) !=
		    (size_t)(n - skip))
			return cannot_write(c);
		silence = monotonic_ms() + patience;
	}
}

enum error
as_usage_user(struct ctl *c, as_usage_user_fn *fn, void *arg, uint64_t max, FILE *into)
{
	struct helper h = {.pid = -1, .from = -1};
	struct stat owner = {0};
	enum error e;

	if (c->store != NULL)
		return error_set(&c->why, ERR_INTERNAL,
		    "the usage is read before the policy is opened");
	e = find_owner(c, &owner);
	if (e != OK)
		return e;
	e = start(c, fn, arg, &owner, &h);
	if (e == OK)
		e = receive(c, &h, max, into);
	if (h.from >= 0)
		close(h.from);
	if (h.pid > 0)
		child_process_end(h.pid);
	if (e == OK && fflush(into) != 0)
		return cannot_write(c);
	return e;
}

enum error
as_usage_user_ask(struct ctl *c, as_usage_user_fn *fn, void *arg, uint8_t *buf,
    size_t size, FILE **answer_r)
{
	FILE *answer = fmemopen(buf, size, "w+");
	enum error e;

	*answer_r = NULL;
	if (answer == NULL)
		return error_about(&c->why, ERR_MEMORY, "the usage");
	/* the stream ends what it holds with a NUL */
	e = as_usage_user(c, fn, arg, size - 1, answer);
	if (e != OK) {
		fclose(answer);
		return e;
	}
	rewind(answer);
	*answer_r = answer;
	return OK;
}

void
as_usage_user_alive(FILE *to)
{
	static const char sign = SIGN_OF_LIFE;

	/* Not through TO's buffer: a scan calls this where nothing may be locked. */
	if (write(fileno(to), &sign, 1) != 1)
		return; /* nobody reads any more; the end will tell */
}
