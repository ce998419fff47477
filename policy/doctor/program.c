/* SPDX-License-Identifier: BSD-2-Clause */
/* program - runs a program of the system and reads what it prints */
#include "policy/doctor/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDERS_BEHIND "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"
#define STATUS_MISSING 127

/* become - in the child; only returns when the program is not there */
static void
become(const char *const *argv, int out)
{
	const char *path = getenv("PATH");
	int null = open("/dev/null", O_RDWR);
	char *all;

	if (asprintf(&all, "%s:" FOLDERS_BEHIND, path != NULL ? path : "/usr/bin") < 0)
		return;
	if (setenv("PATH", all, 1) != 0 || setenv("LC_ALL", "C", 1) != 0 || null < 0 ||
	    dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0)
		return;
	execvp(argv[0], (char *const *)(uintptr_t)argv);
}

/* read_all - to its end */
static enum error
read_all(int fd, char **out_r)
{
	size_t len = 0, room = 1 << 16;
	char *out = malloc(room), *grown;
	ssize_t n;

	while (out != NULL) {
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
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_MISSING)
		return ERR_MISSING;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? OK : ERR_NOTFOUND;
}

enum error
program_read(const char *const *argv, char **out_r)
{
	int end[2];
	enum error e, ended;
	pid_t pid;

	*out_r = NULL;
	if (pipe2(end, O_CLOEXEC) != 0)
		return error_from_errno(errno);
	pid = fork();
	if (pid == 0) {
		become(argv, end[1]);
		_exit(STATUS_MISSING);
	}
	close(end[1]);
	e = pid < 0 ? ERR_IO : read_all(end[0], out_r);
	close(end[0]);
	ended = pid < 0 ? OK : outcome(pid);
	if (e == OK && ended != OK) {
		e = ended;
		free(*out_r);
		*out_r = NULL;
	}
	return e;
}
