/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmail - hands a message to sendmail(1) */
#include "policy/ctl/notify/sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "policy/base/instant.h"
#include "policy/base/monotonic.h"

#define PAUSE_MS 20 /* between looks whether it has ended */
#define ERRORS_MAX 4096

struct run {
	pid_t pid;
	int in, err; /* our ends of its standard input and error; -1: closed */
	const char *message;
	size_t left;
	char errors[ERRORS_MAX];
	size_t len;
};

/* set_up - what the process will have as standard input, output and error */
static int
set_up(posix_spawn_file_actions_t *actions, int in, int err)
{
	int e = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);

	if (e == 0)
		e = posix_spawn_file_actions_addopen(
		    actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
	return e;
}

/* spawn - in a process group of its own, with SIGPIPE as it is for programs */
static int
spawn(pid_t *pid, const char *const *argv, int in, int err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t standard;
	int e;

	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE);
	e = posix_spawn_file_actions_init(&actions);
	if (e != 0)
		return e;
	e = posix_spawnattr_init(&attributes);
	if (e == 0) {
		e = set_up(&actions, in, err);
		if (e == 0)
			e = posix_spawnattr_setsigdefault(&attributes, &standard);
		if (e == 0)
			e = posix_spawnattr_setpgroup(&attributes, 0);
		if (e == 0)
			e = posix_spawnattr_setflags(
			    &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
		if (e == 0)
			e = posix_spawn(pid, argv[0], &actions, &attributes,
			    (char *const *)(uintptr_t)argv, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return e;
}

/* start - the process and the two pipes; an errno value */
static int
start(struct run *r, const char *const *argv)
{
	int in[2], err[2], e;

	if (pipe2(in, O_CLOEXEC) != 0)
		return errno;
	if (pipe2(err, O_CLOEXEC) != 0) {
		e = errno;
		close(in[0]);
		close(in[1]);
		return e;
	}
	e = fcntl(in[1], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
	if (e == 0)
		e = spawn(&r->pid, argv, in[0], err[1]);
	close(in[0]);
	close(err[1]);
	r->in = in[1];
	r->err = err[0];
	return e;
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* feed - more of the message; what it no longer reads is not asked of it */
static void
feed(struct run *r)
{
	ssize_t n = write(r->in, r->message, r->left);

	if (n > 0) {
		r->message += n;
		r->left -= (size_t)n;
	}
	if (r->left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		shut(&r->in);
}

/* listen_to - standard error, of which the start is kept */
static void
listen_to(struct run *r)
{
	char more[1024];
	ssize_t n = read(r->err, more, sizeof more);
	size_t room = sizeof r->errors - r->len;

	if (n > 0) {
		if (room > (size_t)n)
			room = (size_t)n;
		memcpy(r->errors + r->len, more, room);
		r->len += room;
	} else if (n == 0 || errno != EINTR) {
		shut(&r->err);
	}
}

/* exchange - writes and reads what can be, for a moment */
static void
exchange(struct run *r)
{
	struct pollfd p[] = {{r->in, POLLOUT, 0}, {r->err, POLLIN, 0}};

	int pause = r->in < 0 && r->err < 0 ? 1 : PAUSE_MS; /* it is about to end */

	if (poll(p, 2, pause) <= 0)
		return;
	if (p[0].revents != 0)
		feed(r);
	if (p[1].revents != 0)
		listen_to(r);
}

/*
 * attend - until the process ends; false when that takes too long. What it leaves
 * running may keep standard error open, so its end is not waited for.
 */
static bool
attend(struct run *r, int seconds, int *status)
{
	int64_t deadline = monotonic_ms() + (int64_t)seconds * 1000;
	pid_t ended;

	while ((ended = waitpid(r->pid, status, WNOHANG)) == 0) {
		if (monotonic_ms() >= deadline)
			return false;
		exchange(r);
	}
	for (struct pollfd p = {r->err, POLLIN, 0};
	     r->err >= 0 && r->len < sizeof r->errors && poll(&p, 1, 0) == 1;)
		listen_to(r);
	if (ended < 0)
		*status = -1;
	return true;
}

static void
end(struct run *r)
{
	int status;

	kill(-r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
}

/* status_name - of sysexits.h, or NULL */
static const char *
status_name(int status)
{
	static const char *const names[] = {"EX_USAGE", "EX_DATAERR", "EX_NOINPUT",
	    "EX_NOUSER", "EX_NOHOST", "EX_UNAVAILABLE", "EX_SOFTWARE", "EX_OSERR",
	    "EX_OSFILE", "EX_CANTCREAT", "EX_IOERR", "EX_TEMPFAIL", "EX_PROTOCOL",
	    "EX_NOPERM", "EX_CONFIG"};

	return status >= EX__BASE && status <= EX__MAX ? names[status - EX__BASE]
						       : NULL;
}

/* explain - why it failed, and the first line it wrote that is not empty */
static void
explain(struct run *r, int status, char *reason)
{
	const char *s = r->errors, *end = r->errors + r->len;
	const char *name = WIFEXITED(status) ? status_name(WEXITSTATUS(status)) : NULL;
	int n;

	if (name != NULL)
		n = snprintf(reason, SENDMAIL_REASON_MAX, "%s", name);
	else if (WIFEXITED(status))
		n = snprintf(
		    reason, SENDMAIL_REASON_MAX, "exit status %d", WEXITSTATUS(status));
	else
		n = snprintf(reason, SENDMAIL_REASON_MAX, "ended by signal %d",
		    WTERMSIG(status));
	while (s < end && (*s == '\n' || *s == '\r' || *s == ' ' || *s == '\0'))
		s++;
	for (const char *at = s; at < end; at++)
		if (*at == '\n' || *at == '\r' || *at == '\0')
			end = at;
	if (end > s)
		snprintf(reason + n, (size_t)(SENDMAIL_REASON_MAX - n), ": %.*s",
		    (int)(end - s), s);
}

enum error
sendmail_send(const char *path, const char *address, const char *message, size_t n,
    int seconds, char *reason)
{
	const char *const argv[] = {path, "-i", "--", address, NULL};
	struct run r = {.in = -1, .err = -1, .message = message, .left = n};
	int status = 0, e = start(&r, argv);
	bool ended = false;

	if (e == 0)
		ended = attend(&r, seconds, &status);
	if (e == 0 && !ended)
		end(&r);
	shut(&r.in);
	shut(&r.err);
	if (e != 0)
		snprintf(reason, SENDMAIL_REASON_MAX, "cannot run %s: %s", path,
		    strerror(e));
	else if (!ended)
		snprintf(
		    reason, SENDMAIL_REASON_MAX, "not done after %d seconds", seconds);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		explain(&r, status, reason);
	else if (r.left > 0)
		snprintf(reason, SENDMAIL_REASON_MAX,
		    "it ended before it had read the message");
	else
		return OK;
	return ERR_IO;
}
