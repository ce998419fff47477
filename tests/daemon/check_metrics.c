/* SPDX-License-Identifier: BSD-2-Clause */
/* check_metrics.c - counting of decisions, and the text that is made of the counts. */
#include "milter/metrics.h"
#include "tests/lib/suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { VERDICTS = METRICS_VERDICTS, REASONS = METRICS_REASONS };
enum { THREADS = 4, ROUNDS = 20000, NAME_SIZE = 300 };

#define NOW INT64_C(1796083200)
#define SECOND_NS INT64_C(1000000000)
#define LABEL "daemon=\"test\""

static struct metrics metrics;

static const struct metrics_facts plain = {
    .policy = {.state = LIVE_STORE_VERIFYING, .verified = INSTANT_NONE},
    .process = {.started = NOW - 60,
	.now_ms = NOW * 1000 + 7,
	.interval = 10,
	.files = 12,
	.files_max = 4096},
};

/* page_of - the text of a daemon of this name; the caller frees it */
static char *
page_of(const char *name, const struct metrics_facts *facts)
{
	struct metrics_page p;
	size_t size;
	char *text;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	metrics_page_start(&p, to, name);
	metrics_print(&p, &metrics, facts);
	ck_assert_int_eq(fclose(to), 0);
	return text;
}

static char *
page(const struct metrics_facts *facts)
{
	return page_of("test", facts);
}

/* sample_of - the value behind "smtpauth_SERIES ", as text; NULL where there is none */
static const char *
sample_of(const char *text, const char *series)
{
	char line[NAME_SIZE];
	const char *at;

	snprintf(line, sizeof(line), "\nsmtpauth_%s ", series);
	at = strstr(text, line);
	if (at == NULL)
		return NULL;
	at += strlen(line);
	ck_assert_ptr_null(strstr(at, line)); /* no series comes twice */
	return at;
}

/* value - of a series as it is now, with the plain facts */
static double
value(const char *series)
{
	char *text = page(&plain);
	const char *at = sample_of(text, series);
	double n;

	ck_assert_msg(at != NULL, "no %s in\n%s", series, text);
	n = strtod(at, NULL);
	free(text);
	return n;
}

/* line_expect - the series has this value with these facts; NULL: it is not there */
static void
line_expect(const struct metrics_facts *facts, const char *series, const char *expected)
{
	char *text = page(facts);
	const char *at = sample_of(text, series);

	if (expected == NULL)
		ck_assert_msg(at == NULL, "%s in\n%s", series, text);
	else
		ck_assert_msg(at != NULL && strcspn(at, "\n") == strlen(expected) &&
			strncmp(at, expected, strlen(expected)) == 0,
		    "no %s %s in\n%s", series, expected, text);
	free(text);
}

static void
name_decision(char *name, int verdict, int reason)
{
	snprintf(name, NAME_SIZE,
	    "decisions_total{" LABEL ",verdict=\"%s\",reason=\"%s\"}",
	    decision_verdict_name((enum verdict)verdict),
	    decision_reason_name((enum reason)reason));
}

static void
record(enum verdict verdict, enum reason reason, int64_t ago)
{
	const struct decision d = {.verdict = verdict, .reason = reason};

	metrics_end(&metrics, metrics_begin(&metrics) - ago, &d);
}

/* pick - one of COUNT, and the rest of NUMBER for the next choice */
static unsigned
pick(unsigned *number, unsigned count)
{
	unsigned choice = *number % count;

	*number /= count;
	return choice;
}

/* decide_case - decision NUMBER of all that differ; false past the last one */
static bool
decide_case(unsigned number, struct decision *d)
{
	static const enum action actions[] = {ACTION_REJECT, ACTION_TEMPFAIL,
	    ACTION_REPORT, ACTION_DEFAULT},
				 lenient[] = {
				     ACTION_REJECT, ACTION_TEMPFAIL, ACTION_ACCEPT};
	struct facts f = {.authenticated = true, .listener = "MSA", .mechanism = ""};
	struct settings s;
	struct tenant t;
	struct mailbox m;
	bool known;

	settings_init(&s);
	tenant_init(&t);
	mailbox_init(&m);
	s.enforce = pick(&number, 2);
	s.action = actions[pick(&number, 3)];
	s.unknown_tenant = lenient[pick(&number, 3)];
	s.invalid_login = lenient[pick(&number, 3)];
	if (pick(&number, 2))
		strcpy(s.exempt_listeners, "MSA");
	f.valid_login = pick(&number, 2);
	f.mechanism = pick(&number, 2) ? "XOAUTH2" : "PLAIN";
	known = pick(&number, 2);
	t.action = actions[pick(&number, 4)];
	t.blocks = pick(&number, 2) ? BLOCKS_PASSWORDS : BLOCKS_ALL;
	t.smtp_auth = pick(&number, 2) ? SMTP_AUTH_ENABLED : SMTP_AUTH_DISABLED;
	t.enforce_from = pick(&number, 2) ? NOW + 1 : INSTANT_NONE;
	t.tempfail_until = pick(&number, 2) ? NOW + 1 : INSTANT_NONE;
	f.tenant_locked = pick(&number, 2);
	m.smtp_auth = (enum smtp_auth)pick(&number, 3);
	*d = decision_make(&s, known ? &t : NULL, &m, &f, NOW);
	return number == 0;
}

START_TEST(what_can_be_decided_is_there_before_it_happens)
{
	/* no client here, so that exempt-client does not occur */
	bool possible[VERDICTS][REASONS] = {
	    [VERDICT_ALLOW][REASON_EXEMPT_CLIENT] = true,
	    [VERDICT_TEMPFAIL][REASON_STORE_ERROR] = true,
	    [VERDICT_REJECT][REASON_STORE_ERROR] = true,
	    [VERDICT_ALLOW][REASON_STORE_ERROR] = true,
	};
	char name[NAME_SIZE], *text = page(&plain);
	struct decision d;
	unsigned lines = 0;

	for (unsigned i = 0; decide_case(i, &d); i++)
		possible[d.verdict][d.reason] = true;
	for (int v = VERDICT_PASS; v < VERDICTS; v++)
		for (int r = 0; r < REASONS; r++) {
			name_decision(name, v, r);
			ck_assert_msg((sample_of(text, name) != NULL) == possible[v][r],
			    "%s is %s", name, possible[v][r] ? "missing" : "too much");
			lines += possible[v][r];
		}
	ck_assert_uint_eq(lines, 24);
	free(text);
}
END_TEST

START_TEST(each_decision_has_its_counter)
{
	char name[NAME_SIZE];
	double before, all = value("decision_duration_seconds_count{" LABEL "}");
	int n = 0;

	for (int r = REASON_LOCKED; r < REASONS; r++)
		for (int v = VERDICT_ALLOW; v < VERDICTS; v++) {
			char *text = page(&plain);
			const char *at;

			name_decision(name, v, r);
			at = sample_of(text, name);
			before = at != NULL ? strtod(at, NULL) : 0;
			free(text);
			record((enum verdict)v, (enum reason)r, 0);
			record((enum verdict)v, (enum reason)r, 0);
			ck_assert_double_eq(value(name), before + 2);
			n += 2;
		}
	ck_assert_double_eq(
	    value("decision_duration_seconds_count{" LABEL "}"), all + n);
	ck_assert_double_ge(value("store_errors_total{" LABEL "}"), 8);
}
END_TEST

START_TEST(what_is_not_authenticated_is_counted_apart)
{
	double passed = value("unauthenticated_total{" LABEL "}");
	double timed = value("decision_duration_seconds_count{" LABEL "}");

	record(VERDICT_PASS, REASON_UNAUTHENTICATED, SECOND_NS);
	ck_assert_double_eq(value("unauthenticated_total{" LABEL "}"), passed + 1);
	ck_assert_double_eq(value("decision_duration_seconds_count{" LABEL "}"), timed);
}
END_TEST

static double
bucket(const char *bound)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name),
	    "decision_duration_seconds_bucket{" LABEL ",le=\"%s\"}", bound);
	return value(name);
}

static const char *const bounds[] = {"1e-06", "2.5e-06", "5e-06", "1e-05", "2.5e-05",
    "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
    "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"};

/* A duration 20 % above a bound of at least 25 ms and below the next one; the
 * clock runs on meanwhile, but hardly that far. */
START_TEST(durations_fall_into_their_buckets)
{
	const int first = 13, last = 21;
	double sum = value("decision_duration_seconds_sum{" LABEL "}");

	for (int i = first; i <= last; i++) {
		double took = 1.2 * strtod(bounds[i], NULL), below = bucket(bounds[i]),
		       above = bucket(bounds[i + 1]);

		record(VERDICT_REJECT, REASON_LOCKED, (int64_t)(took * SECOND_NS));
		ck_assert_double_eq(bucket(bounds[i]), below);
		ck_assert_double_eq(bucket(bounds[i + 1]), above + 1);
		sum += took;
	}
	ck_assert_double_eq_tol(
	    value("decision_duration_seconds_sum{" LABEL "}"), sum, 1);
}
END_TEST

START_TEST(buckets_add_up)
{
	size_t count = sizeof(bounds) / sizeof(bounds[0]);

	record(VERDICT_REJECT, REASON_LOCKED, 0);
	for (size_t i = 1; i < count; i++)
		ck_assert_double_ge(bucket(bounds[i]), bucket(bounds[i - 1]));
	ck_assert_double_eq(
	    bucket("+Inf"), value("decision_duration_seconds_count{" LABEL "}"));
}
END_TEST

START_TEST(a_decision_under_way_is_seen)
{
	const struct decision d = {
	    .verdict = VERDICT_ALLOW, .reason = REASON_TENANT_ENABLED};
	int64_t one = metrics_begin(&metrics), two = metrics_begin(&metrics);

	ck_assert_double_eq(value("decisions_in_progress{" LABEL "}"), 2);
	metrics_end(&metrics, one, &d);
	ck_assert_double_eq(value("decisions_in_progress{" LABEL "}"), 1);
	metrics_end(&metrics, two, &d);
	ck_assert_double_eq(value("decisions_in_progress{" LABEL "}"), 0);
}
END_TEST

static void *
record_many(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		record(VERDICT_ALLOW, REASON_MODERN_AUTH, 0);
	return arg;
}

START_TEST(threads_lose_no_count)
{
	char name[NAME_SIZE];
	pthread_t threads[THREADS];
	double before, timed = value("decision_duration_seconds_count{" LABEL "}");

	name_decision(name, VERDICT_ALLOW, REASON_MODERN_AUTH);
	before = value(name);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, record_many, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_double_eq(value(name), before + THREADS * ROUNDS);
	ck_assert_double_eq(value("decision_duration_seconds_count{" LABEL "}"),
	    timed + THREADS * ROUNDS);
	ck_assert_double_eq(value("decisions_in_progress{" LABEL "}"), 0);
}
END_TEST

START_TEST(facts_are_printed)
{
	struct metrics_facts f = plain;

	f.process.log_lost = 815;
	line_expect(&f, "log_lines_lost_total{" LABEL "}", "815");
	line_expect(&f, "start_time_seconds{" LABEL "}", "1796083140");
	line_expect(&f, "heartbeat_timestamp_seconds{" LABEL "}", "1796083200.007");
	line_expect(&f, "heartbeat_interval_seconds{" LABEL "}", "10");
	line_expect(&f, "build_info{" LABEL ",version=\"" PACKAGE_VERSION "\"}", "1");
	line_expect(&f, "open_fds{" LABEL "}", "12");
	line_expect(&f, "max_fds{" LABEL "}", "4096");
	f.process.files = f.process.files_max = -1;
	line_expect(&f, "open_fds{" LABEL "}", NULL);
	line_expect(&f, "max_fds{" LABEL "}", NULL);
}
END_TEST

START_TEST(usage_is_printed)
{
	struct metrics_facts f = plain;

	f.usage.written = INSTANT_NONE;
	line_expect(&f, "usage_enabled{" LABEL "}", "0");
	line_expect(&f, "usage_recorded_total{" LABEL "}", "0");
	line_expect(&f, "usage_written_timestamp_seconds{" LABEL "}", "0");
	f.usage = (struct usage_report){.on = true,
	    .recorded = UINT64_C(1) << 63,
	    .dropped = 7,
	    .failures = 8,
	    .waiting = 9,
	    .written = NOW - 1};
	line_expect(&f, "usage_enabled{" LABEL "}", "1");
	line_expect(&f, "usage_recorded_total{" LABEL "}", "9223372036854775808");
	line_expect(&f, "usage_dropped_total{" LABEL "}", "7");
	line_expect(&f, "usage_write_failures_total{" LABEL "}", "8");
	line_expect(&f, "usage_waiting_logins{" LABEL "}", "9");
	line_expect(&f, "usage_written_timestamp_seconds{" LABEL "}", "1796083199");
}
END_TEST

START_TEST(state_of_the_policy_is_one_of_three)
{
	static const char *const names[] = {"verifying", "good", "fault"};
	struct metrics_facts f = plain;
	char name[NAME_SIZE];

	for (int state = 0; state < 3; state++)
		for (int i = 0; i < 3; i++) {
			f.policy.state = (enum live_store_state)state;
			snprintf(name, sizeof(name),
			    "policy_state{" LABEL ",state=\"%s\"}", names[i]);
			line_expect(&f, name, i == state ? "1" : "0");
		}
}
END_TEST

START_TEST(policy_is_told_while_it_is_good)
{
	struct metrics_facts f = plain;

	line_expect(&f, "policy_verified_timestamp_seconds{" LABEL "}", "0");
	line_expect(&f, "policy_tenants{" LABEL "}", NULL);
	line_expect(&f, "policy_digest_prefix{" LABEL "}", NULL);
	f.policy = (struct live_store_report){.state = LIVE_STORE_GOOD,
	    .verified = NOW - 5,
	    .scan_ms = 1234,
	    .has_meta = true,
	    .meta = {.tenants = 3, .domains = 4, .mailboxes = 5, .aliases = 6}};
	memcpy(f.policy.meta.digest.byte, "\xFF\xEE\xDD\xCC\xBB\xAA\x99", 7);
	line_expect(&f, "policy_verified_timestamp_seconds{" LABEL "}", "1796083195");
	line_expect(&f, "policy_verify_duration_seconds{" LABEL "}", "1.234");
	line_expect(&f, "policy_tenants{" LABEL "}", "3");
	line_expect(&f, "policy_domains{" LABEL "}", "4");
	line_expect(&f, "policy_mailboxes{" LABEL "}", "5");
	line_expect(&f, "policy_aliases{" LABEL "}", "6");
	/* 0xFFEEDDCCBBAA, which is below 2^53 */
	line_expect(&f, "policy_digest_prefix{" LABEL "}", "281401388481450");
}
END_TEST

static const struct {
	const char *daemon, *label;
} labels[] = {
    {"a b.c", "a b.c"},
    {"a\"b\\c", "a\\\"b\\\\c"},
    {"a\nb\x01\x7F", "a?b?\x7F"},
    {"b\xC3\xBC\xFFz\xE2\x82", "b\xC3\xBC?z??"},
    {"", ""},
};

START_TEST(label_is_escaped)
{
	char name[NAME_SIZE], *text = page_of(labels[_i].daemon, &plain);
	const char *at;

	snprintf(name, sizeof(name), "open_fds{daemon=\"%s\"}", labels[_i].label);
	at = sample_of(text, name);
	ck_assert_msg(at != NULL && strncmp(at, "12\n", 3) == 0, "%s", text);
	free(text);
}
END_TEST

START_TEST(label_may_be_long)
{
	static const char piece[] = {'"', '\xC3', '\xBC', '\\'};
	char daemon[5000], *text;
	const char *end;

	for (size_t i = 0; i < sizeof(daemon) - 1; i++)
		daemon[i] = piece[i % sizeof(piece)];
	daemon[sizeof(daemon) - 1] = '\0';
	text = page_of(daemon, &plain);
	end = strstr(text, "\nsmtpauth_open_fds{daemon=\"");
	ck_assert_ptr_nonnull(end);
	end += strcspn(end + 1, "\n") + 1;
	ck_assert_msg(strncmp(end - 5, "\"} 12", 5) == 0, "%s", text);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *counts = suite_add_case(suite, "counts");
	TCase *texts = suite_add_case(suite, "texts");

	/* the first one, before anything is counted */
	tcase_add_test(counts, what_can_be_decided_is_there_before_it_happens);
	tcase_add_test(counts, each_decision_has_its_counter);
	tcase_add_test(counts, what_is_not_authenticated_is_counted_apart);
	tcase_add_test(counts, durations_fall_into_their_buckets);
	tcase_add_test(counts, buckets_add_up);
	tcase_add_test(counts, a_decision_under_way_is_seen);
	tcase_add_test(counts, threads_lose_no_count);
	tcase_add_test(texts, facts_are_printed);
	tcase_add_test(texts, usage_is_printed);
	tcase_add_test(texts, state_of_the_policy_is_one_of_three);
	tcase_add_test(texts, policy_is_told_while_it_is_good);
	tcase_add_loop_test(
	    texts, label_is_escaped, 0, sizeof(labels) / sizeof(labels[0]));
	tcase_add_test(texts, label_may_be_long);
	return suite_run(suite);
}
