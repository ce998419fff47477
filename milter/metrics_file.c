/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics_file - the file that the metrics are in */
#include "milter/metrics_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "milter/metrics.h"
#include "milter/service/log_writer.h"

#define SUFFIX ".prom"

static struct {
	const struct config *config;
	struct live_store *keeper;
	instant started;
	pthread_mutex_t mutex;
} writer = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* open_files - how many descriptors are open, without the one that it takes; or -1 */
static long
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	long n = -1;

	if (dir == NULL)
		return -1;
	for (const struct dirent *d; (d = readdir(dir)) != NULL;)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

static long
files_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return -1;
	return (long)limit.rlim_cur;
}

/* daemon_name - the name of the file without folder and SUFFIX, in OUT */
static void
daemon_name(const char *path, char *out)
{
	const size_t suffix = strlen(SUFFIX);
	size_t n;

	strcpy(out, strrchr(path, '/') + 1);
	n = strlen(out);
	if (n > suffix && strcmp(out + n - suffix, SUFFIX) == 0)
		out[n - suffix] = '\0';
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
print_all(FILE *to)
{
	char name[CONFIG_VALUE_MAX + 1];
	struct metrics_facts f = {
	    .daemon = name,
	    .started = writer.started,
	    .now_ms = now_ms(),
	    .interval = writer.config->usage_flush,
	    .usage = usage_writer_report(),
	    .log_lost = log_writer_lost(),
	    .files = open_files(),
	    .files_max = files_limit(),
	};

	daemon_name(writer.config->metrics_file, name);
	live_store_report(writer.keeper, &f.policy);
	metrics_print(to, &f);
}

static enum error
failed(struct error_text *why, const char *path)
{
	int err = errno;
	enum error e = error_from_errno(err);

	return error_set(
	    why, e == ERR_MISSING ? ERR_CREATE : e, "%s: %s", path, strerror(err));
}

/* create - a new file of ours, never one that somebody has put there; or NULL */
static FILE *
create(const char *path)
{
	FILE *file = NULL;
	int fd;

	unlink(path); /* of a daemon that was killed */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	if (fchmod(fd, 0644) == 0)
		file = fdopen(fd, "w");
	if (file == NULL)
		close(fd);
	return file;
}

/* fill - true if all of it is in the file */
static bool
fill(FILE *file)
{
	bool good;

	print_all(file);
	good = ferror(file) == 0;
	return fclose(file) == 0 && good;
}

static enum error
write_file(const char *path, struct error_text *why)
{
	char temporary[CONFIG_VALUE_MAX + sizeof ".tmp"];
	FILE *file;
	enum error e;

	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	file = create(temporary);
	if (file == NULL)
		return failed(why, temporary);
	if (fill(file) && rename(temporary, path) == 0)
		return OK;
	e = failed(why, path);
	unlink(temporary);
	return e;
}

void
metrics_file_open(const struct config *config, struct live_store *keeper)
{
	writer.config = config;
	writer.keeper = keeper;
	writer.started = instant_now();
}

enum error
metrics_file_write(struct error_text *why)
{
	enum error e;

	if (writer.config == NULL || writer.config->metrics_file[0] == '\0' ||
	    pthread_mutex_trylock(&writer.mutex) != 0)
		return OK;
	e = write_file(writer.config->metrics_file, why);
	pthread_mutex_unlock(&writer.mutex);
	return e;
}
