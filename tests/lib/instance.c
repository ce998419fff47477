/* SPDX-License-Identifier: BSD-2-Clause */
/* instance.c - a private installation: folder, configuration, database, milter */
#include "tests/lib/instance.h"

#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/test_socket.h"

#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wordexp.h>

enum { COMMAND_SIZE = 8192, START_LIMIT = 10000, STOP_LIMIT = 15000 };

/* Made once by main(), known to the processes that Check forks for each test. */
static char base[INSTANCE_PATH / 4];

bool
instance_base_open(void)
{
	/* Not below the build folder: a unix socket's path must stay short. */
	snprintf(base, sizeof(base), "/tmp/milter-test-XXXXXX");
	return mkdtemp(base) != NULL;
}

void
instance_base_close(bool keep)
{
	if (keep)
		printf("# configuration and logs are kept in %s\n", base);
	else
		folder_remove(base);
}

/* path_below - writes FOLDER/NAME */
static void
path_below(char *path, const struct instance *instance, const char *name)
{
	snprintf(path, INSTANCE_PATH, "%s/%s", instance->folder, name);
}

void
instance_open(struct instance *instance)
{
	char socket[INSTANCE_PATH];

	memset(instance, 0, sizeof(*instance));
	instance->listener = -1;
	snprintf(instance->folder, sizeof(instance->folder), "%s/XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(instance->folder));
	path_below(instance->state, instance, "state");
	path_below(instance->database, instance, "state/policy.mdb");
	path_below(instance->configuration, instance, "milter.conf");
	path_below(instance->log, instance, "log");
	ck_assert_int_eq(mkdir(instance->state, 0750), 0);
	instance_configure(instance, "state-dir", instance->state);
	instance_configure(instance, "log", "stderr");
	if (geteuid() == 0)
		instance_configure(instance, "user", "root");
	snprintf(socket, sizeof(socket), "unix:%s/socket", instance->folder);
	instance_use_socket(instance, socket);
}

void
instance_open_ready(struct instance *instance)
{
	instance_open(instance);
	instance_do(instance, "init");
}

/* log_check - fails the test if a sanitizer wrote to the log */
static void
log_check(const struct instance *instance)
{
	static const char *const signs[] = {
	    "AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:"};
	char *log = instance_log(instance);
	size_t i;

	for (i = 0; log != NULL && i < sizeof(signs) / sizeof(signs[0]); i++)
		ck_assert_msg(strstr(log, signs[i]) == NULL, "%s in %s:\n%.4000s",
		    signs[i], instance->log, strstr(log, signs[i]));
	free(log);
}

void
instance_close(struct instance *instance)
{
	if (instance->pid > 0)
		ck_assert_int_eq(instance_stop(instance, SIGTERM, STOP_LIMIT), 0);
	log_check(instance);
	if (instance->listener >= 0)
		close(instance->listener);
}

void
instance_configure(const struct instance *instance, const char *key, const char *value)
{
	char line[COMMAND_SIZE];

	snprintf(line, sizeof(line), "%s = %s", key, value);
	ck_assert(file_add_line(instance->configuration, line));
}

/* configuration_drop - takes out the lines that begin with `key` */
static void
configuration_drop(const struct instance *instance, const char *key)
{
	char *old = file_read(instance->configuration, NULL);
	char *rest = NULL, *line;

	ck_assert_ptr_nonnull(old);
	ck_assert(file_write(instance->configuration, "", 0));
	for (line = strtok_r(old, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, key, strlen(key)) != 0)
			ck_assert(file_add_line(instance->configuration, line));
	}
	free(old);
}

void
instance_use_socket(struct instance *instance, const char *socket)
{
	configuration_drop(instance, "socket =");
	instance_configure(instance, "socket", socket);
	snprintf(instance->socket, sizeof(instance->socket), "%s", socket);
}

/* program_path - the path of a program in the build folder */
static void
program_path(char *path, const char *name)
{
	const char *folder = getenv("BUILDDIR");

	snprintf(path, INSTANCE_PATH, "%s/%s", folder != NULL ? folder : ".", name);
}

void
instance_launch(struct instance *instance)
{
	char program[INSTANCE_PATH];
	char option[] = "-c";
	char *argv[] = {program, option, instance->configuration, NULL};

	program_path(program, "milter/smtpauth-milter");
	instance->pid = process_start(argv, instance->log, instance->listener);
	ck_assert_int_gt(instance->pid, 0);
}

/* socket_answers - whether something accepts connections on the instance's socket */
static bool
socket_answers(const struct instance *instance)
{
	int fd = test_socket_connect(instance->socket);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void
instance_start(struct instance *instance)
{
	int64_t deadline = deadline_in(START_LIMIT);
	bool answers = false;

	instance_launch(instance);
	/* A passed socket takes connections before the milter is there. */
	if (instance->listener >= 0)
		return;
	do {
		int status = process_wait(instance->pid, 0);

		if (status != PROCESS_RUNS) {
			char *log = instance_log(instance);

			instance->pid = 0;
			ck_abort_msg("the milter ended with %d:\n%s", status, log);
		}
		answers = socket_answers(instance);
	} while (!answers && deadline_pause(deadline));
	ck_assert_msg(answers, "the milter does not listen on %s", instance->socket);
}

void
instance_await_signals(const struct instance *instance)
{
	int64_t deadline = deadline_in(START_LIMIT);

	while (process_open_to(instance->pid, SIGTERM) < 2)
		ck_assert_msg(
		    deadline_pause(deadline), "the milter does not wait for signals");
}

int
instance_stop(struct instance *instance, int signal, int milliseconds)
{
	int status;

	ck_assert_int_gt(instance->pid, 0);
	ck_assert_int_eq(kill(instance->pid, signal), 0);
	status = process_wait(instance->pid, milliseconds);
	if (status != PROCESS_RUNS)
		instance->pid = 0;
	return status;
}

bool
instance_runs(const struct instance *instance)
{
	return instance->pid > 0 && process_wait(instance->pid, 0) == PROCESS_RUNS;
}

/* command_run - runs a program with words split as a shell does */
static int
command_run(const char *program, const char *words, struct outcome *outcome)
{
	char path[INSTANCE_PATH];
	wordexp_t split;
	char **argv;
	size_t i;

	ck_assert_msg(wordexp(words, &split, WRDE_NOCMD) == 0, "not words: %s", words);
	argv = calloc(split.we_wordc + 2, sizeof(*argv));
	ck_assert_ptr_nonnull(argv);
	program_path(path, program);
	argv[0] = path;
	for (i = 0; i < split.we_wordc; i++)
		argv[i + 1] = split.we_wordv[i];
	ck_assert_msg(process_run(argv, outcome), "cannot run %s", path);
	free(argv);
	wordfree(&split);
	return outcome->status;
}

/* ctl_run - what instance_ctl() and instance_do() share */
static int __attribute__((format(printf, 3, 0)))
ctl_run(const struct instance *instance, struct outcome *outcome, const char *command,
    va_list arguments)
{
	char words[COMMAND_SIZE];
	int used = snprintf(words, sizeof(words), "-d %s ", instance->state);
	int more =
	    vsnprintf(words + used, sizeof(words) - (size_t)used, command, arguments);

	ck_assert_msg((size_t)used + (size_t)more < sizeof(words), "command too long");
	return command_run("policy/smtpauthctl", words, outcome);
}

int
instance_ctl(
    const struct instance *instance, struct outcome *outcome, const char *command, ...)
{
	va_list arguments;
	int status;

	va_start(arguments, command);
	status = ctl_run(instance, outcome, command, arguments);
	va_end(arguments);
	return status;
}

void
instance_do(const struct instance *instance, const char *command, ...)
{
	struct outcome outcome;
	va_list arguments;
	int status;

	va_start(arguments, command);
	status = ctl_run(instance, &outcome, command, arguments);
	va_end(arguments);
	ck_assert_msg(
	    status == 0, "smtpauthctl %s: status %d: %s", command, status, outcome.err);
}

int
instance_milter(struct outcome *outcome, const char *options, ...)
{
	char words[COMMAND_SIZE];
	va_list arguments;
	int size;

	va_start(arguments, options);
	size = vsnprintf(words, sizeof(words), options, arguments);
	va_end(arguments);
	ck_assert_msg((size_t)size < sizeof(words), "options too long");
	return command_run("milter/smtpauth-milter", words, outcome);
}

char *
instance_log(const struct instance *instance)
{
	return file_read(instance->log, NULL);
}
