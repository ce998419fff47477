/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics_page - a file of metrics for Prometheus, in the text format 0.0.4 */
#include "milter/service/metrics_page.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/text.h"
#include "policy/base/unicode.h"
#include "policy/config/config.h"
#include "policy/kernel/proc.h"

#define SUFFIX ".prom"

/* the label: quotes and backslashes escaped; control and invalid bytes become "?" */
void
metrics_page_start(struct metrics_page *p, FILE *to, const char *name)
{
	size_t n = strlen(name), len;
	const char *s = name;
	struct text t;

	p->to = to;
	text_init(&t, p->label, sizeof p->label);
	text_puts(&t, "daemon=\"");
	for (; n > 0 && t.len + 8 < t.cap; s += len, n -= len) {
		len = unicode_length(s, n);
		if (len == 0 || (len == 1 && (unsigned char)*s < ' ')) {
			text_puts(&t, "?");
			len = 1;
			continue;
		}
		if (*s == '"' || *s == '\\')
			text_puts(&t, "\\");
		text_add(&t, s, len);
	}
	text_puts(&t, "\"");
}

void
metrics_page_head(
    struct metrics_page *p, const char *name, const char *type, const char *help)
{
	fprintf(p->to, "# HELP smtpauth_%s %s\n# TYPE smtpauth_%s %s\n", name, help,
	    name, type);
}

void
metrics_page_sample(struct metrics_page *p, const char *name, const char *more, ...)
{
	va_list ap;

	fprintf(p->to, "smtpauth_%s{%s", name, p->label);
	va_start(ap, more);
	vfprintf(p->to, more, ap);
	va_end(ap);
	putc('\n', p->to);
}

void
metrics_page_gauge(
    struct metrics_page *p, const char *name, int64_t value, const char *help)
{
	metrics_page_head(p, name, "gauge", help);
	metrics_page_sample(p, name, "} %" PRId64, value);
}

void
metrics_page_counter(
    struct metrics_page *p, const char *name, uint64_t value, const char *help)
{
	metrics_page_head(p, name, "counter", help);
	metrics_page_sample(p, name, "} %" PRIu64, value);
}

void
metrics_page_seconds(
    struct metrics_page *p, const char *name, int64_t ms, const char *help)
{
	metrics_page_head(p, name, "gauge", help);
	metrics_page_sample(p, name, "} %" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

/* digest_number - its first 48 bits, which a double holds exactly */
static int64_t
digest_number(const struct digest *d)
{
	int64_t n = 0;

	for (int i = 0; i < 6; i++)
		n = n << 8 | d->byte[i];
	return n;
}

void
metrics_page_policy(struct metrics_page *p, const struct live_store_report *k)
{
	const struct store_meta *m = &k->meta;

	metrics_page_head(p, "policy_state", "gauge",
	    "1 for the state of the policy database: verifying, good or fault.");
	metrics_page_sample(p, "policy_state", ",state=\"verifying\"} %d",
	    k->state == LIVE_STORE_VERIFYING);
	metrics_page_sample(
	    p, "policy_state", ",state=\"good\"} %d", k->state == LIVE_STORE_GOOD);
	metrics_page_sample(
	    p, "policy_state", ",state=\"fault\"} %d", k->state == LIVE_STORE_BAD);
	metrics_page_gauge(p, "policy_verified_timestamp_seconds",
	    k->verified == INSTANT_NONE ? 0 : k->verified,
	    "When a scan of the whole policy database last held; 0: not yet.");
	metrics_page_seconds(p, "policy_verify_duration_seconds", k->scan_ms,
	    "How long that scan took. The next one comes after 1000 times that, and not before a minute.");
	if (!k->has_meta)
		return;
	metrics_page_gauge(p, "policy_digest_prefix", digest_number(&m->digest),
	    "The first 12 hexadecimal digits of the policy digest, as a number.");
	metrics_page_gauge(p, "policy_tenants", (int64_t)m->tenants, "Tenants.");
	metrics_page_gauge(p, "policy_domains", (int64_t)m->domains, "Domains.");
	metrics_page_gauge(p, "policy_mailboxes", (int64_t)m->mailboxes,
	    "Mailboxes with a setting of their own.");
	metrics_page_gauge(p, "policy_aliases", (int64_t)m->aliases, "Login aliases.");
}

static long
files_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return -1;
	return (long)limit.rlim_cur;
}

void
metrics_page_measure(struct metrics_page_facts *f)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	f->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	f->files = proc_open_files();
	f->files_max = files_limit();
}

void
metrics_page_process(struct metrics_page *p, const struct metrics_page_facts *f)
{
	metrics_page_counter(p, "log_lines_lost_total", f->log_lost,
	    "Log lines that could not be written.");
	if (f->files >= 0)
		metrics_page_gauge(p, "open_fds", f->files, "Open file descriptors.");
	if (f->files_max >= 0)
		metrics_page_gauge(
		    p, "max_fds", f->files_max, "The limit on file descriptors.");
	metrics_page_head(
	    p, "build_info", "gauge", "The version of the daemon; always 1.");
	metrics_page_sample(p, "build_info", ",version=\"%s\"} 1", PACKAGE_VERSION);
	metrics_page_gauge(
	    p, "start_time_seconds", f->started, "When the daemon started.");
	metrics_page_gauge(p, "heartbeat_interval_seconds", f->interval,
	    "Time between two writings of this text.");
	metrics_page_seconds(
	    p, "heartbeat_timestamp_seconds", f->now_ms, "When this text was written.");
}

/* daemon_name - the base name of the file without SUFFIX */
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

/* create - a new file, never one that somebody else has made; or NULL */
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

enum error
metrics_page_write(
    const char *path, metrics_page_printer *print, void *arg, struct error_text *why)
{
	char name[CONFIG_VALUE_MAX + 1], temporary[CONFIG_VALUE_MAX + sizeof ".tmp"];
	struct metrics_page p;
	bool good = false;
	enum error e;
	int err;

	daemon_name(path, name);
	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	metrics_page_start(&p, create(temporary), name);
	if (p.to != NULL) {
		print(arg, &p);
		good = ferror(p.to) == 0;
		good = fclose(p.to) == 0 && good && rename(temporary, path) == 0;
	}
	if (good)
		return OK;
	err = errno;
	e = error_from_errno(err);
	error_set(why, e, "%s: %s", p.to == NULL ? temporary : path, strerror(err));
	if (p.to != NULL)
		unlink(temporary);
	return e;
}
