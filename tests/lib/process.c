/* SPDX-License-Identifier: BSD-2-Clause */
/* process.c - running programs: to their end with their output, or beside the test. */
#include "tests/lib/process.h"

#include "tests/lib/deadline.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXEC_FAILED = 127, SIGNALLED = 128, FIRST_PASSED = 3 };

/* status_read - one number for both ways a program can end */
static int
status_read(int status)
{
	if (WIFSIGNALED(status))
		return SIGNALLED + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/* child_run - what the child does: never returns */
static void __attribute__((noreturn)) child_run(char *const *argv, int out, int err)
{
	int in = open("/dev/null", O_RDONLY);

	/* A failed test leaves without its teardown: take the program along. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execv(argv[0], argv);
	perror(argv[0]);
	_exit(EXEC_FAILED);
}

/* output_take - reads back what was written to a temporary file, and closes it */
static void
output_take(FILE *from, char *to)
{
	size_t size;

	rewind(from);
	size = fread(to, 1, OUTCOME_SIZE - 1, from);
	to[size] = '\0';
	fclose(from);
}

bool
process_run(char *const *argv, struct outcome *outcome)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int status;
	pid_t pid;

	if (out == NULL || err == NULL) {
		perror("tmpfile");
		abort();
	}
	pid = fork();
	if (pid == 0)
		child_run(argv, fileno(out), fileno(err));
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("fork");
		abort();
	}
	outcome->status = status_read(status);
	output_take(out, outcome->out);
	output_take(err, outcome->err);
	return outcome->status != EXEC_FAILED;
}

/* listener_pass - makes a descriptor number 3, announced as systemd does */
static void
listener_pass(int listener)
{
	char pid[16];

	if (listener < 0)
		return;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", pid, 1);
	if (listener == FIRST_PASSED)
		fcntl(listener, F_SETFD, 0);
	else
		dup2(listener, FIRST_PASSED);
}

pid_t
process_start(char *const *argv, const char *log, int listener)
{
	pid_t pid = fork();
	int out;

	if (pid != 0)
		return pid;
	out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out == FIRST_PASSED)
		out = fcntl(out, F_DUPFD_CLOEXEC, FIRST_PASSED + 1);
	listener_pass(listener);
	child_run(argv, out, out);
}

int
process_wait(pid_t pid, int milliseconds)
{
	int64_t deadline = deadline_in(milliseconds);
	int status;

	do {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status_read(status);
	} while (deadline_pause(deadline));
	return PROCESS_RUNS;
}

/* thread_open_to - proc(5): SigBlk has bit N - 1 for signal N */
static bool
thread_open_to(const char *folder, const char *thread, int signal)
{
	char path[PATH_MAX], line[256];
	uint64_t blocked = UINT64_MAX;
	FILE *status;

	snprintf(path, sizeof(path), "%s/%s/status", folder, thread);
	status = fopen(path, "re");
	if (status == NULL)
		return false;
	while (fgets(line, sizeof(line), status) != NULL &&
	    sscanf(line, "SigBlk: %" SCNx64, &blocked) != 1)
		;
	fclose(status);
	return (blocked >> (signal - 1) & 1) == 0;
}

int
process_open_to(pid_t pid, int signal)
{
	struct dirent *entry;
	char folder[64];
	DIR *threads;
	int n = 0;

	snprintf(folder, sizeof(folder), "/proc/%d/task", (int)pid);
	threads = opendir(folder);
	if (threads == NULL)
		return 0;
	while ((entry = readdir(threads)) != NULL)
		if (entry->d_name[0] != '.' &&
		    thread_open_to(folder, entry->d_name, signal))
			n++;
	closedir(threads);
	return n;
}
