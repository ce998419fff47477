/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics_file - the file with the metrics */
#include "milter/metrics_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "milter/daemon.h"
#include "milter/service/log_writer.h"

#define SUFFIX ".prom"

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

static void
print_all(struct daemon *d, FILE *to)
{
	char name[CONFIG_VALUE_MAX + 1];
	struct metrics_facts f = {
	    .daemon = name,
	    .started = d->reporter.heartbeat.started,
	    .interval = d->config.usage_flush,
	    .usage = d->usage_writer.report,
	    .log_lost = log_writer_lost(),
	    .files = open_files(),
	    .files_max = files_limit(),
	};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	f.now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	f.usage.waiting = d->usage_counter.waiting;
	daemon_name(d->config.metrics_file, name);
	live_store_report(d->store, &f.policy);
	metrics_print(to, &d->metrics, &f);
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
fill(struct daemon *d, FILE *file)
{
	bool good;

	print_all(d, file);
	good = ferror(file) == 0;
	return fclose(file) == 0 && good;
}

enum error
metrics_file_write(struct daemon *d, struct error_text *why)
{
	const char *path = d->config.metrics_file;
	char temporary[CONFIG_VALUE_MAX + sizeof ".tmp"];
	FILE *file;
	enum error e;
	int err;

	if (path[0] == '\0')
		return OK;
	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	file = create(temporary);
	if (file != NULL && fill(d, file) && rename(temporary, path) == 0)
		return OK;
	err = errno;
	e = error_from_errno(err);
	error_set(why, e == ERR_MISSING ? ERR_CREATE : e, "%s: %s",
	    file == NULL ? temporary : path, strerror(err));
	if (file != NULL)
		unlink(temporary);
	return e == ERR_MISSING ? ERR_CREATE : e;
}
