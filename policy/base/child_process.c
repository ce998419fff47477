/* SPDX-License-Identifier: BSD-2-Clause */
/* child_process - a process that is started, listened to, and ended in time */
#include "policy/base/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/monotonic.h"

#define READ_SECONDS 20
#define MORE_FOLDERS "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"
#define CHUNK 4096
#define PAUSE_MS 20 /* between looks whether it has ended */
#define REAP_MS 300
#define REAP_STEP_NS 2000000L

/* A program that runs. */
struct run {
	struct child_process *p;
	pid_t pid;
	int in, out; /* our ends of its pipes; -1: closed */
};

/* add_files - the standard input, output and error of the program */
static int
add_files(
    posix_spawn_file_actions_t *actions, const struct child_process *p, int in, int out)
{
	int other = p->output_fd == STDOUT_FILENO ? STDERR_FILENO : STDOUT_FILENO;
	int e = p->input_left > 0
	    ? posix_spawn_file_actions_adddup2(actions, in, 0)
	    : posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (e == 0)
		e = posix_spawn_file_actions_addopen(
		    actions, other, "/dev/null", O_WRONLY, 0);
	return e == 0 ? posix_spawn_file_actions_adddup2(actions, out, p->output_fd)
		      : e;
}

/* spawn - in a process group of its own, with SIGPIPE as programs expect it */
static int
spawn(struct run *r, int in, int out)
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
		e = add_files(&actions, r->p, in, out);
		if (e == 0)
			e = posix_spawnattr_setsigdefault(&attributes, &standard);
		if (e == 0)
			e = posix_spawnattr_setpgroup(&attributes, 0);
		if (e == 0)
			e = posix_spawnattr_setflags(
			    &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
		if (e == 0)
			e = posix_spawn(&r->pid, r->p->path, &actions, &attributes,
			    (char *const *)(uintptr_t)r->p->argv, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return e;
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* start - the program with its pipes; an errno value */
static int
start(struct run *r)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, e = 0;

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 ||
	    fcntl(in[1], F_SETFL, O_NONBLOCK) != 0)
		e = errno;
	if (e == 0)
		e = spawn(r, in[0], out[1]);
	close_end(&in[0]);
	close_end(&out[1]);
	r->in = in[1];
	r->out = out[0];
	if (r->p->input_left == 0)
		close_end(&r->in);
	return e;
}

/* feed - more of the input, unless the program has stopped reading */
static void
feed(struct run *r)
{
	struct child_process *p = r->p;
	ssize_t n = write(r->in, p->input, p->input_left);

	if (n > 0) {
		p->input += n;
		p->input_left -= (size_t)n;
	}
	if (p->input_left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_end(&r->in);
}

static enum error
take_output(struct run *r)
{
	struct child_process *p = r->p;
	size_t room = p->output_max - p->output_len, some;
	char more[CHUNK], *grown;
	ssize_t n = read(r->out, more, sizeof more);

	if (n <= 0) {
		if (n == 0 || errno != EINTR)
			close_end(&r->out);
		return OK;
	}
	some = (size_t)n < room ? (size_t)n : room;
	if (some < (size_t)n && p->whole)
		return ERR_LIMIT;
	grown = realloc(p->output, p->output_len + some + 1);
	if (grown == NULL)
		return ERR_MEMORY;
	memcpy(grown + p->output_len, more, some);
	p->output = grown;
	p->output_len += some;
	grown[p->output_len] = '\0';
	return OK;
}

/* attend - feeds the program and listens to it until it ends */
static enum error
attend(struct run *r)
{
	const int64_t deadline = monotonic_ms() + (int64_t)r->p->seconds * 1000;
	enum error e = OK;
	pid_t ended;

	while ((ended = waitpid(r->pid, &r->p->status, WNOHANG)) == 0 && e == OK) {
		struct pollfd p[] = {{r->in, POLLOUT, 0}, {r->out, POLLIN, 0}};
		int pause = r->in < 0 && r->out < 0 ? 1 : PAUSE_MS; /* about to end */

		if (monotonic_ms() >= deadline)
			e = ERR_BUSY;
		else if (poll(p, 2, pause) > 0) {
			if (p[0].revents != 0)
				feed(r);
			if (p[1].revents != 0)
				e = take_output(r);
		}
	}
	if (ended == 0)
		child_process_end(-r->pid);
	else if (ended < 0)
		e = ERR_IO;
	/* the rest of the output; another process may still write to the pipe */
	for (struct pollfd p = {r->out, POLLIN, 0}; e == OK && r->out >= 0 &&
	     (r->p->whole || r->p->output_len < r->p->output_max) &&
	     poll(&p, 1, 0) == 1;)
		e = take_output(r);
	return e;
}

enum error
child_process_run(struct child_process *p)
{
	struct run r = {.p = p};
	int problem = start(&r);
	enum error e;

	p->output = NULL;
	p->output_len = 0;
	e = problem == 0 ? attend(&r) : ERR_IO;
	close_end(&r.in);
	close_end(&r.out);
	if (problem != 0)
		errno = problem;
	return e;
}

void
child_process_end(pid_t pid)
{
	const struct timespec step = {0, REAP_STEP_NS};
	const int64_t deadline = monotonic_ms() + REAP_MS;

	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) == 0 && monotonic_ms() < deadline)
		nanosleep(&step, NULL);
}

/* find_in - the program in one of the folders that colons separate */
static bool
find_in(const char *folders, const char *name, char *path, size_t cap)
{
	while (folders != NULL && *folders != '\0') {
		size_t n = strcspn(folders, ":");

		if (n > 0 &&
		    snprintf(path, cap, "%.*s/%s", (int)n, folders, name) < (int)cap &&
		    access(path, X_OK) == 0)
			return true;
		folders += n;
		folders += *folders == ':';
	}
	return false;
}

/* read_stream - the standard output, or the standard error however it ends */
static enum error
read_stream(const char *const *argv, int fd, char **out_r)
{
	char path[PATH_MAX];
	struct child_process p = {.path = path,
	    .argv = argv,
	    .output_fd = fd,
	    .output_max = CHILD_PROCESS_OUTPUT_MAX,
	    .whole = true,
	    .seconds = READ_SECONDS};
	enum error e;

	*out_r = NULL;
	if (!find_in(getenv("PATH"), argv[0], path, sizeof path) &&
	    !find_in(MORE_FOLDERS, argv[0], path, sizeof path))
		return ERR_MISSING;
	e = child_process_run(&p);
	if (e == ERR_IO)
		e = error_from_errno(errno);
	if (e == OK && fd == STDOUT_FILENO &&
	    (!WIFEXITED(p.status) || WEXITSTATUS(p.status) != 0))
		e = ERR_IO;
	if (e == OK && p.output == NULL)
		p.output = strdup("");
	if (e == OK && p.output == NULL)
		e = ERR_MEMORY;
	if (e == OK)
		*out_r = p.output;
	else
		free(p.output);
	return e;
}

enum error
child_process_read(const char *const *argv, char **out_r)
{
	return read_stream(argv, STDOUT_FILENO, out_r);
}

enum error
child_process_complaints(const char *const *argv, char **out_r)
{
	return read_stream(argv, STDERR_FILENO, out_r);
}
