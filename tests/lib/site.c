/* SPDX-License-Identifier: BSD-2-Clause */
/* site.c - a private installation: folder, configuration, policy database, milter. */
#include "tests/lib/site.h"

#include "tests/lib/deadline.h"
#include "tests/lib/dial.h"
#include "tests/lib/file.h"

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
static char base[SITE_PATH / 4];

bool
site_base_open(void)
{
	/* Not below the build folder: a unix socket's path must stay short. */
	snprintf(base, sizeof(base), "/tmp/milter-test-XXXXXX");
	return mkdtemp(base) != NULL;
}

void
site_base_close(bool keep)
{
	if (keep)
		printf("# configuration and logs are kept in %s\n", base);
	else
		folder_remove(base);
}

/* path_below - writes FOLDER/NAME */
static void
path_below(char *path, const struct site *site, const char *name)
{
	snprintf(path, SITE_PATH, "%s/%s", site->folder, name);
}

void
site_open(struct site *site)
{
	char socket[SITE_PATH];

	memset(site, 0, sizeof(*site));
	site->listener = -1;
	snprintf(site->folder, sizeof(site->folder), "%s/XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(site->folder));
	path_below(site->state, site, "state");
	path_below(site->database, site, "state/policy.mdb");
	path_below(site->configuration, site, "milter.conf");
	path_below(site->log, site, "log");
	ck_assert_int_eq(mkdir(site->state, 0750), 0);
	site_configure(site, "state-dir", site->state);
	site_configure(site, "log", "stderr");
	if (geteuid() == 0)
		site_configure(site, "user", "root");
	snprintf(socket, sizeof(socket), "unix:%s/socket", site->folder);
	site_use_socket(site, socket);
}

void
site_open_ready(struct site *site)
{
	site_open(site);
	site_do(site, "init");
}

/* log_check - fails the test if a sanitizer wrote to the log */
static void
log_check(const struct site *site)
{
	static const char *const signs[] = {
	    "AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:"};
	char *log = site_log(site);
	size_t i;

	for (i = 0; log != NULL && i < sizeof(signs) / sizeof(signs[0]); i++)
		ck_assert_msg(strstr(log, signs[i]) == NULL, "%s in %s:\n%.4000s",
		    signs[i], site->log, strstr(log, signs[i]));
	free(log);
}

void
site_close(struct site *site)
{
	if (site->pid > 0)
		ck_assert_int_eq(site_stop(site, SIGTERM, STOP_LIMIT), 0);
	log_check(site);
	if (site->listener >= 0)
		close(site->listener);
}

void
site_configure(const struct site *site, const char *key, const char *value)
{
	char line[COMMAND_SIZE];

	snprintf(line, sizeof(line), "%s = %s", key, value);
	ck_assert(file_add_line(site->configuration, line));
}

/* configuration_drop - takes out the lines that begin with `key` */
static void
configuration_drop(const struct site *site, const char *key)
{
	char *old = file_read(site->configuration, NULL);
	char *rest = NULL, *line;

	ck_assert_ptr_nonnull(old);
	ck_assert(file_write(site->configuration, "", 0));
	for (line = strtok_r(old, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, key, strlen(key)) != 0)
			ck_assert(file_add_line(site->configuration, line));
	}
	free(old);
}

void
site_use_socket(struct site *site, const char *socket)
{
	configuration_drop(site, "socket =");
	site_configure(site, "socket", socket);
	snprintf(site->socket, sizeof(site->socket), "%s", socket);
}

/* program_path - the path of a program in the build folder */
static void
program_path(char *path, const char *name)
{
	const char *folder = getenv("BUILDDIR");

	snprintf(path, SITE_PATH, "%s/%s", folder != NULL ? folder : ".", name);
}

void
site_launch(struct site *site)
{
	char program[SITE_PATH];
	char option[] = "-c";
	char *argv[] = {program, option, site->configuration, NULL};

	program_path(program, "milter/smtpauth-milter");
	site->pid = process_start(argv, site->log, site->listener);
	ck_assert_int_gt(site->pid, 0);
}

/* socket_answers - says whether something accepts connections on the site's socket */
static bool
socket_answers(const struct site *site)
{
	int fd = dial_socket(site->socket);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void
site_start(struct site *site)
{
	int64_t deadline = deadline_in(START_LIMIT);
	bool answers = false;

	site_launch(site);
	/* A passed socket takes connections before the milter is there. */
	if (site->listener >= 0)
		return;
	do {
		int status = process_wait(site->pid, 0);

		if (status != PROCESS_RUNS) {
			char *log = site_log(site);

			site->pid = 0;
			ck_abort_msg("the milter ended with %d:\n%s", status, log);
		}
		answers = socket_answers(site);
	} while (!answers && deadline_pause(deadline));
	ck_assert_msg(answers, "the milter does not listen on %s", site->socket);
}

int
site_stop(struct site *site, int signal, int milliseconds)
{
	int status;

	ck_assert_int_gt(site->pid, 0);
	ck_assert_int_eq(kill(site->pid, signal), 0);
	status = process_wait(site->pid, milliseconds);
	if (status != PROCESS_RUNS)
		site->pid = 0;
	return status;
}

bool
site_runs(const struct site *site)
{
	return site->pid > 0 && process_wait(site->pid, 0) == PROCESS_RUNS;
}

/* command_run - runs a program with words split as a shell does */
static int
command_run(const char *program, const char *words, struct outcome *outcome)
{
	char path[SITE_PATH];
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

/* ctl_run - what site_ctl() and site_do() share */
static int __attribute__((format(printf, 3, 0))) ctl_run(const struct site *site,
    struct outcome *outcome, const char *command, va_list arguments)
{
	char words[COMMAND_SIZE];
	int used = snprintf(words, sizeof(words), "-d %s ", site->state);
	int more =
	    vsnprintf(words + used, sizeof(words) - (size_t)used, command, arguments);

	ck_assert_msg((size_t)used + (size_t)more < sizeof(words), "command too long");
	return command_run("policy/smtpauthctl", words, outcome);
}

int
site_ctl(const struct site *site, struct outcome *outcome, const char *command, ...)
{
	va_list arguments;
	int status;

	va_start(arguments, command);
	status = ctl_run(site, outcome, command, arguments);
	va_end(arguments);
	return status;
}

void
site_do(const struct site *site, const char *command, ...)
{
	struct outcome outcome;
	va_list arguments;
	int status;

	va_start(arguments, command);
	status = ctl_run(site, &outcome, command, arguments);
	va_end(arguments);
	ck_assert_msg(
	    status == 0, "smtpauthctl %s: status %d: %s", command, status, outcome.err);
}

int
site_milter(struct outcome *outcome, const char *options, ...)
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
site_log(const struct site *site)
{
	return file_read(site->log, NULL);
}
