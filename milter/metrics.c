/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics - counts decisions, and writes a file of metrics for Prometheus */
#include "milter/metrics.h"

#include <inttypes.h>

#include "policy/base/monotonic.h"

#define SECOND_NS 1000000000

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

int64_t
metrics_begin(struct metrics *m)
{
	m->in_progress++;
	return monotonic_ns();
}

void
metrics_end(struct metrics *m, int64_t begin, const struct decision *d)
{
	int64_t took = monotonic_ns() - begin;
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

/* print_decisions - combinations that should not occur are printed if they do */
static void
print_decisions(struct metrics_page *p, const struct metrics *m)
{
	metrics_page_head(p, "decisions_total", "counter",
	    "Decisions on authenticated sessions, by verdict and reason.");
	for (int r = REASON_LOCKED; r < METRICS_REASONS; r++)
		for (int v = VERDICT_ALLOW; v < METRICS_VERDICTS; v++)
			if ((possible[r] & MAY(v)) != 0 || m->decisions[v][r] > 0)
				metrics_page_sample(p, "decisions_total",
				    ",verdict=\"%s\",reason=\"%s\"} %" PRIu64,
				    decision_verdict_name((enum verdict)v),
				    decision_reason_name((enum reason)r),
				    m->decisions[v][r]);
	metrics_page_counter(p, "unauthenticated_total",
	    m->decisions[VERDICT_PASS][REASON_UNAUTHENTICATED],
	    "MAIL commands without a login, which pass and are no decisions.");
	metrics_page_counter(p, "store_errors_total", store_errors(m),
	    "Decisions by on-error, as the policy database could not be used.");
	metrics_page_gauge(p, "decisions_in_progress", m->in_progress,
	    "MAIL commands that are being decided now.");
}

static void
print_durations(struct metrics_page *p, const struct metrics *m)
{
	uint64_t all = 0, sum = m->nanoseconds;

	metrics_page_head(p, "decision_duration_seconds", "histogram",
	    "Time from the MAIL command to the verdict, log line included.");
	for (size_t i = 0; i < METRICS_BUCKETS - 1; i++) {
		all += m->bucket[i];
		metrics_page_sample(p, "decision_duration_seconds_bucket",
		    ",le=\"%g\"} %" PRIu64, (double)bounds[i] / SECOND_NS, all);
	}
	all += m->bucket[METRICS_BUCKETS - 1];
	metrics_page_sample(
	    p, "decision_duration_seconds_bucket", ",le=\"+Inf\"} %" PRIu64, all);
	metrics_page_sample(p, "decision_duration_seconds_sum",
	    "} %" PRIu64 ".%09" PRIu64, sum / SECOND_NS, sum % SECOND_NS);
	metrics_page_sample(p, "decision_duration_seconds_count", "} %" PRIu64, all);
}

static void
print_usage(struct metrics_page *p, const struct usage_report *u)
{
	metrics_page_gauge(p, "usage_enabled", u->on, "1 if usage is recorded.");
	metrics_page_counter(p, "usage_recorded_total", u->recorded,
	    "Submissions that are in the usage database.");
	metrics_page_counter(p, "usage_dropped_total", u->dropped,
	    "Submissions that could not be counted.");
	metrics_page_counter(p, "usage_other_logins_total", u->others,
	    "Submissions of logins of no tenant that are counted together, as the usage database has no room for more of them.");
	metrics_page_gauge(p, "usage_unknown_logins", (int64_t)u->strangers,
	    "Logins of no tenant that the usage database has, of 20000 at most.");
	metrics_page_counter(p, "usage_write_failures_total", u->failures,
	    "Writings to the usage database that did not succeed.");
	metrics_page_gauge(p, "usage_waiting_logins", (int64_t)u->waiting,
	    "Logins whose counts are not written yet.");
	metrics_page_gauge(p, "usage_written_timestamp_seconds",
	    u->written == INSTANT_NONE ? 0 : u->written,
	    "When the usage database was last written; 0: not yet.");
}

void
metrics_print(
    struct metrics_page *p, const struct metrics *m, const struct metrics_facts *facts)
{
	print_decisions(p, m);
	print_durations(p, m);
	metrics_page_policy(p, &facts->policy);
	print_usage(p, &facts->usage);
	metrics_page_process(p, &facts->process);
}

/* What is printed. */
struct printing {
	const struct metrics *metrics;
	const struct metrics_facts *facts;
};

/* print_all - see metrics_page_printer */
static void
print_all(void *arg, struct metrics_page *p)
{
	const struct printing *print = arg;

	metrics_print(p, print->metrics, print->facts);
}

enum error
metrics_write(const char *path, const struct metrics *m, struct metrics_facts *facts,
    struct error_text *why)
{
	struct printing print = {m, facts};

	metrics_page_measure(&facts->process);
	return metrics_page_write(path, print_all, &print, why);
}
