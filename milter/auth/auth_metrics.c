/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_metrics - counts answers at AUTH, and writes a file of metrics for Prometheus */
#include "milter/auth/auth_metrics.h"

#include <inttypes.h>

#include "policy/base/monotonic.h"

#define SECOND_NS 1000000000

int64_t
auth_metrics_begin(struct auth_metrics *m)
{
	m->in_progress++;
	return monotonic_ns();
}

void
auth_metrics_end(
    struct auth_metrics *m, int64_t begin, const struct decision *d, bool refused)
{
	m->decisions[d->verdict][d->reason]++;
	m->refused += refused;
	m->nanoseconds += (uint64_t)(monotonic_ns() - begin);
	m->in_progress--;
}

uint64_t
auth_metrics_ended(const struct auth_metrics *m)
{
	uint64_t sum = 0;

	for (int v = 0; v < AUTH_METRICS_VERDICTS; v++)
		for (int r = 0; r < AUTH_METRICS_REASONS; r++)
			sum += m->decisions[v][r];
	return sum;
}

static void
print_decisions(struct metrics_page *p, const struct auth_metrics *m)
{
	uint64_t ns = m->nanoseconds;

	metrics_page_head(p, "auth_decisions_total", "counter",
	    "Decisions at AUTH, by verdict and reason.");
	for (int v = VERDICT_ALLOW; v < AUTH_METRICS_VERDICTS; v++)
		for (int r = REASON_LOCKED; r < AUTH_METRICS_REASONS; r++)
			if (m->decisions[v][r] > 0 || v == VERDICT_REJECT)
				metrics_page_sample(p, "auth_decisions_total",
				    ",verdict=\"%s\",reason=\"%s\"} %" PRIu64,
				    decision_verdict_name((enum verdict)v),
				    decision_reason_name((enum reason)r),
				    m->decisions[v][r]);
	metrics_page_counter(p, "auth_refused_total", m->refused,
	    "Logins that were refused at AUTH; the milter decides on all others.");
	metrics_page_head(p, "auth_decision_duration_seconds", "summary",
	    "Time from the question to the answer, log line included.");
	metrics_page_sample(p, "auth_decision_duration_seconds_sum",
	    "} %" PRIu64 ".%09" PRIu64, ns / SECOND_NS, ns % SECOND_NS);
	metrics_page_sample(p, "auth_decision_duration_seconds_count", "} %" PRIu64,
	    auth_metrics_ended(m));
}

static void
print_connections(struct metrics_page *p, const struct auth_metrics *m)
{
	metrics_page_counter(p, "auth_unauthorized_total", m->unauthorized,
	    "Requests without the right key: logins went on without a decision at AUTH.");
	metrics_page_counter(p, "auth_bad_requests_total", m->bad_requests,
	    "Requests that are no HTTP.");
	metrics_page_gauge(p, "auth_connections", m->connections, "Open connections.");
	metrics_page_counter(p, "auth_connections_dropped_total", m->dropped,
	    "Connections that were late with a request, or had to make room.");
}

static void
print_denials(struct metrics_page *p, const struct auth_denials_report *d)
{
	metrics_page_counter(p, "auth_denied_recorded_total", d->recorded,
	    "Refusals at AUTH that are in the usage database.");
	metrics_page_counter(p, "auth_denied_others_total", d->others,
	    "Refusals of names that are counted together.");
	metrics_page_counter(p, "auth_denied_dropped_total", d->dropped,
	    "Refusals that could not be counted.");
	metrics_page_counter(p, "auth_denied_write_failures_total", d->failures,
	    "Writings to the usage database that did not succeed.");
	metrics_page_gauge(p, "auth_denied_guessed_names", d->guessed,
	    "Refused names in the usage database that neither policy nor usage knows.");
	metrics_page_gauge(p, "auth_denied_waiting_logins", (int64_t)d->waiting,
	    "Logins whose refusals are not written yet.");
}

void
auth_metrics_print(struct metrics_page *p, const struct auth_metrics *m,
    const struct auth_metrics_facts *facts)
{
	print_decisions(p, m);
	print_connections(p, m);
	print_denials(p, &facts->denials);
	metrics_page_policy(p, &facts->policy);
	metrics_page_process(p, &facts->process);
}

/* What is printed. */
struct printing {
	const struct auth_metrics *metrics;
	const struct auth_metrics_facts *facts;
};

/* print_all - see metrics_page_printer */
static void
print_all(void *arg, struct metrics_page *p)
{
	const struct printing *print = arg;

	auth_metrics_print(p, print->metrics, print->facts);
}

enum error
auth_metrics_write(const char *path, const struct auth_metrics *m,
    struct auth_metrics_facts *facts, struct error_text *why)
{
	struct printing print = {m, facts};

	metrics_page_measure(&facts->process);
	return metrics_page_write(path, print_all, &print, why);
}
