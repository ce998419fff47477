/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics - counts decisions, and writes a file of metrics for Prometheus */
#include "milter/metrics.h"

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

#define SECOND_NS 1000000000
#define LABEL_MAX 500
#define SUFFIX ".prom"

/* Upper bounds of the histogram, in nanoseconds; the last bucket has none. */
static const int64_t bounds[METRICS_BUCKETS - 1] = {1000, 2500, 5000, 10000, 25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 25000000,
    50000000, 100000000, 250000000, 500000000, 1000000000, 2500000000, 5000000000,
    10000000000};

/*
 * The verdicts that a reason can have. These series exist from the start: a rate over
 * one that begins at 1 misses the first event.
 */
#define MAY(verdict) (1U << (verdict))
#define MAY_DENY (MAY(VERDICT_REPORT) | MAY(VERDICT_TEMPFAIL) | MAY(VERDICT_REJECT))

static const unsigned possible[METRICS_REASONS] = {
    [REASON_LOCKED] = MAY(VERDICT_REJECT),
    [REASON_EXEMPT_CLIENT] = MAY(VERDICT_ALLOW),
    [REASON_EXEMPT_LISTENER] = MAY(VERDICT_ALLOW),
    [REASON_INVALID_LOGIN] = MAY(VERDICT_ALLOW) | MAY_DENY,
    [REASON_UNKNOWN_TENANT] = MAY(VERDICT_ALLOW) | MAY_DENY,
    [REASON_MAILBOX_DISABLED] = MAY_DENY,
    [REASON_MAILBOX_ENABLED] = MAY(VERDICT_ALLOW),
    [REASON_TENANT_ENABLED] = MAY(VERDICT_ALLOW),
    [REASON_MODERN_AUTH] = MAY(VERDICT_ALLOW),
    [REASON_SCHEDULED] = MAY(VERDICT_ALLOW),
    [REASON_TENANT_DISABLED] = MAY_DENY,
    [REASON_STORE_ERROR] =
	MAY(VERDICT_ALLOW) | MAY(VERDICT_TEMPFAIL) | MAY(VERDICT_REJECT),
};

static int64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

int64_t
metrics_begin(struct metrics *m)
{
	m->in_progress++;
	return clock_ns();
}

void
metrics_end(struct metrics *m, int64_t begin, const struct decision *d)
{
	int64_t took = clock_ns() - begin;
	size_t i = 0;

	m->decisions[d->verdict][d->reason]++;
	if (d->verdict != VERDICT_PASS) {
		while (i < METRICS_BUCKETS - 1 && took > bounds[i])
			i++;
		m->bucket[i]++;
		m->nanoseconds += (uint64_t)took;
	}
	m->in_progress--;
}

/* of_verdict - all decisions with it */
static uint64_t
of_verdict(const struct metrics *m, enum verdict v)
{
	uint64_t sum = 0;

	for (int r = 0; r < METRICS_REASONS; r++)
		sum += m->decisions[v][r];
	return sum;
}

static uint64_t
store_errors(const struct metrics *m)
{
	uint64_t sum = 0;

	for (int v = 0; v < METRICS_VERDICTS; v++)
		sum += m->decisions[v][REASON_STORE_ERROR];
	return sum;
}

uint64_t
metrics_ended(const struct metrics *m)
{
	uint64_t sum = 0;

	for (int v = 0; v < METRICS_VERDICTS; v++)
		sum += of_verdict(m, (enum verdict)v);
	return sum;
}

void
metrics_totals(const struct metrics *m, struct heartbeat_counters *out_r)
{
	out_r->allowed = of_verdict(m, VERDICT_ALLOW);
	out_r->reported = of_verdict(m, VERDICT_REPORT);
	out_r->tempfailed = of_verdict(m, VERDICT_TEMPFAIL);
	out_r->rejected = of_verdict(m, VERDICT_REJECT);
	out_r->unauthenticated = of_verdict(m, VERDICT_PASS);
	out_r->store_errors = store_errors(m);
}

/* What a series is printed with. */
struct page {
	FILE *to;
	char label[LABEL_MAX + 1]; /* daemon="..." */
};

/* set_label - escape quotes and backslashes; control and invalid bytes become "?" */
static void
set_label(struct page *p, const char *s)
{
	size_t n = strlen(s), len;
	struct text t;

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

static void
head(struct page *p, const char *name, const char *type, const char *help)
{
	fprintf(p->to, "# HELP smtpauth_%s %s\n# TYPE smtpauth_%s %s\n", name, help,
	    name, type);
}

/* sample - one line; MORE is further labels, ",name=\"value\"", and the value */
static void __attribute__((format(printf, 3, 4)))
sample(struct page *p, const char *name, const char *more, ...)
{
	va_list ap;

	fprintf(p->to, "smtpauth_%s{%s", name, p->label);
	va_start(ap, more);
	vfprintf(p->to, more, ap);
	va_end(ap);
	putc('\n', p->to);
}

/* gauge - a family of one series */
static void
gauge(struct page *p, const char *name, int64_t value, const char *help)
{
	head(p, name, "gauge", help);
	sample(p, name, "} %" PRId64, value);
}

static void
counter(struct page *p, const char *name, uint64_t value, const char *help)
{
	head(p, name, "counter", help);
	sample(p, name, "} %" PRIu64, value);
}

/* seconds - a gauge from milliseconds */
static void
seconds(struct page *p, const char *name, int64_t ms, const char *help)
{
	head(p, name, "gauge", help);
	sample(p, name, "} %" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

/* print_decisions - combinations that should not occur are printed if they do */
static void
print_decisions(struct page *p, const struct metrics *m)
{
	head(p, "decisions_total", "counter",
	    "Decisions on authenticated sessions, by verdict and reason.");
	for (int r = REASON_LOCKED; r < METRICS_REASONS; r++)
		for (int v = VERDICT_ALLOW; v < METRICS_VERDICTS; v++)
			if ((possible[r] & MAY(v)) != 0 || m->decisions[v][r] > 0)
				sample(p, "decisions_total",
				    ",verdict=\"%s\",reason=\"%s\"} %" PRIu64,
				    decision_verdict_name((enum verdict)v),
				    decision_reason_name((enum reason)r),
				    m->decisions[v][r]);
	counter(p, "unauthenticated_total",
	    m->decisions[VERDICT_PASS][REASON_UNAUTHENTICATED],
	    "MAIL commands without a login, which pass and are no decisions.");
	counter(p, "store_errors_total", store_errors(m),
	    "Decisions by on-error, as the policy database could not be used.");
	gauge(p, "decisions_in_progress", m->in_progress,
	    "MAIL commands that are being decided now.");
}

static void
print_durations(struct page *p, const struct metrics *m)
{
	uint64_t all = 0, sum = m->nanoseconds;

	head(p, "decision_duration_seconds", "histogram",
	    "Time from the MAIL command to the verdict, log line included.");
	for (size_t i = 0; i < METRICS_BUCKETS - 1; i++) {
		all += m->bucket[i];
		sample(p, "decision_duration_seconds_bucket", ",le=\"%g\"} %" PRIu64,
		    (double)bounds[i] / SECOND_NS, all);
	}
	all += m->bucket[METRICS_BUCKETS - 1];
	sample(p, "decision_duration_seconds_bucket", ",le=\"+Inf\"} %" PRIu64, all);
	sample(p, "decision_duration_seconds_sum", "} %" PRIu64 ".%09" PRIu64,
	    sum / SECOND_NS, sum % SECOND_NS);
	sample(p, "decision_duration_seconds_count", "} %" PRIu64, all);
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

static void
print_policy(struct page *p, const struct live_store_report *k)
{
	const struct store_meta *m = &k->meta;

	head(p, "policy_state", "gauge",
	    "1 for the state of the policy database: verifying, good or fault.");
	sample(p, "policy_state", ",state=\"verifying\"} %d",
	    k->state == LIVE_STORE_VERIFYING);
	sample(p, "policy_state", ",state=\"good\"} %d", k->state == LIVE_STORE_GOOD);
	sample(p, "policy_state", ",state=\"fault\"} %d", k->state == LIVE_STORE_BAD);
	gauge(p, "policy_verified_timestamp_seconds",
	    k->verified == INSTANT_NONE ? 0 : k->verified,
	    "When a scan of the whole policy database last held; 0: not yet.");
	seconds(p, "policy_verify_duration_seconds", k->scan_ms,
	    "How long that scan took. The next one comes after 1000 times that, and not before a minute.");
	if (!k->has_meta)
		return;
	gauge(p, "policy_digest_prefix", digest_number(&m->digest),
	    "The first 12 hexadecimal digits of the policy digest, as a number.");
	gauge(p, "policy_tenants", (int64_t)m->tenants, "Tenants.");
	gauge(p, "policy_domains", (int64_t)m->domains, "Domains.");
	gauge(p, "policy_mailboxes", (int64_t)m->mailboxes,
	    "Mailboxes with a setting of their own.");
	gauge(p, "policy_aliases", (int64_t)m->aliases, "Login aliases.");
}

static void
print_usage(struct page *p, const struct usage_report *u)
{
	gauge(p, "usage_enabled", u->on, "1 if usage is recorded.");
	counter(p, "usage_recorded_total", u->recorded,
	    "Submissions that are in the usage database.");
	counter(p, "usage_dropped_total", u->dropped,
	    "Submissions that could not be counted.");
	counter(p, "usage_other_logins_total", u->others,
	    "Submissions of logins of no tenant that are counted together, as the usage database has no room for more of them.");
	gauge(p, "usage_unknown_logins", (int64_t)u->strangers,
	    "Logins of no tenant that the usage database has, of 20000 at most.");
	counter(p, "usage_write_failures_total", u->failures,
	    "Writings to the usage database that did not succeed.");
	gauge(p, "usage_waiting_logins", (int64_t)u->waiting,
	    "Logins whose counts are not written yet.");
	gauge(p, "usage_written_timestamp_seconds",
	    u->written == INSTANT_NONE ? 0 : u->written,
	    "When the usage database was last written; 0: not yet.");
}

static void
print_process(struct page *p, const struct metrics_facts *f)
{
	counter(p, "log_lines_lost_total", f->log_lost,
	    "Log lines that could not be written.");
	if (f->files >= 0)
		gauge(p, "open_fds", f->files, "Open file descriptors.");
	if (f->files_max >= 0)
		gauge(p, "max_fds", f->files_max, "The limit on file descriptors.");
	head(p, "build_info", "gauge", "The version of the daemon; always 1.");
	sample(p, "build_info", ",version=\"%s\"} 1", PACKAGE_VERSION);
	gauge(p, "start_time_seconds", f->started, "When the daemon started.");
	gauge(p, "heartbeat_interval_seconds", f->interval,
	    "Time between two writings of this text.");
	seconds(
	    p, "heartbeat_timestamp_seconds", f->now_ms, "When this text was written.");
}

void
metrics_print(FILE *to, const struct metrics *m, const struct metrics_facts *facts)
{
	struct page p = {.to = to};

	set_label(&p, facts->daemon);
	print_decisions(&p, m);
	print_durations(&p, m);
	print_policy(&p, &facts->policy);
	print_usage(&p, &facts->usage);
	print_process(&p, facts);
}

static long
files_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return -1;
	return (long)limit.rlim_cur;
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
metrics_write(const char *path, const struct metrics *m, struct metrics_facts *facts,
    struct error_text *why)
{
	char name[CONFIG_VALUE_MAX + 1], temporary[CONFIG_VALUE_MAX + sizeof ".tmp"];
	struct timespec now;
	bool good = false;
	FILE *file;
	enum error e;
	int err;

	daemon_name(path, name);
	clock_gettime(CLOCK_REALTIME, &now);
	facts->daemon = name;
	facts->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	facts->files = proc_open_files();
	facts->files_max = files_limit();
	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	file = create(temporary);
	if (file != NULL) {
		metrics_print(file, m, facts);
		good = ferror(file) == 0;
		good = fclose(file) == 0 && good && rename(temporary, path) == 0;
	}
	if (good)
		return OK;
	err = errno;
	e = error_from_errno(err);
	error_set(why, e, "%s: %s", file == NULL ? temporary : path, strerror(err));
	if (file != NULL)
		unlink(temporary);
	return e;
}
