/* SPDX-License-Identifier: BSD-2-Clause */
/* child_process - runs a program of the system and reads what it prints */
#include "policy/base/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/base/instant.h"
#include "policy/base/monotonic.h"

#define PATIENCE_MS 20000
#define FOLDERS_BEHIND "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"

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

/* start - with /dev/null as standard input and error, and OUT as output */
static enum error
start(const char *const *argv, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char path[PATH_MAX];
	int err;

	if (!find_in(getenv("PATH"), argv[0], path, sizeof path) &&
	    !find_in(FOLDERS_BEHIND, argv[0], path, sizeof path))
		return ERR_MISSING;
	err = posix_spawn_file_actions_init(&actions);
	if (err != 0)
		return error_from_errno(err);
	err = posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (err == 0)
		err = posix_spawn_file_actions_addopen(
		    &actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (err == 0)
		err = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (err == 0)
		err = posix_spawn(
		    pid, path, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error_from_errno(err);
}

/* is_ready - whether something can be read before the deadline */
static bool
is_ready(int fd, int64_t deadline)
{
	struct pollfd p = {fd, POLLIN, 0};
	int64_t left = deadline - monotonic_ms();

	return left > 0 && poll(&p, 1, (int)left) == 1;
}

/* read_all - to its end; ERR_BUSY when that takes too long */
static enum error
read_all(int fd, char **out_r)
{
	int64_t deadline = monotonic_ms() + PATIENCE_MS;
	size_t len = 0, room = 1 << 16;
	char *out = malloc(room), *grown;
	ssize_t n;

	while (out != NULL) {
		if (!is_ready(fd, deadline)) {
			*out_r = out;
			return ERR_BUSY;
		}
		n = read(fd, out + len, room - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			out[len] = '\0';
			*out_r = out;
			return n == 0 ? OK : ERR_IO;
		}
		len += (size_t)n;
		if (room - len > 1)
			continue;
		if (room >= PROGRAM_OUTPUT_MAX) {
			free(out);
			return ERR_LIMIT;
		}
		room *= 2;
		grown = realloc(out, room);
		if (grown == NULL)
			free(out);
		out = grown;
	}
	return ERR_MEMORY;
}

/* outcome - of a program that has ended */
static enum error
outcome(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ERR_IO;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? OK : ERR_NOTFOUND;
}

enum error
child_process_read(const char *const *argv, char **out_r)
{
	int end[2];
	enum error e, ended;
	pid_t pid = -1;

	*out_r = NULL;
	if (pipe2(end, O_CLOEXEC) != 0)
		return error_from_errno(errno);
	e = start(argv, end[1], &pid);
	close(end[1]);
	if (e == OK) {
		e = read_all(end[0], out_r);
		close(end[0]); /* a program that still writes ends then */
		if (e != OK)
			kill(pid, SIGKILL);
		ended = outcome(pid);
		e = e == OK ? ended : e;
	} else {
		close(end[0]);
	}
	if (e != OK) {
		free(*out_r);
		*out_r = NULL;
	}
	return e;
}
