/* SPDX-License-Identifier: BSD-2-Clause */
/* check_milter_usage.c - what the milter records of submissions, to the last one. */
#include "tests/lib/deadline.h"
#include "tests/lib/file.h"
#include "tests/lib/mta.h"
#include "tests/lib/recorded_usage.h"
#include "tests/lib/sample_policy.h"
#include "tests/lib/suite.h"

#include "policy/usage/heartbeat.h"
#include "policy/usage/usage_database.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	WORKERS = 8,
	MAILBOXES = 5000,
	SUBMISSIONS = 100000,
	MAILBOXES_FEW = 500,
	SUBMISSIONS_FEW = 10000,
	DISTINCT = 200000,
	DISTINCT_FEW = 50000,
	MEMORY_KIB = 48 * 1024, /* of the daemon */
	WORK_LIMIT = 50000,
	LOGIN_SIZE = 40,
	ROWS_MAX = 16,
	STOP_LIMIT = 1000,
	START_LIMIT = 8000, /* ready it is after 10 s in any case */
	SILENCE = 300       /* what would come at once */
};

/* What workers and test know of each other, in shared memory. */
struct report {
	atomic_uint asked;
	atomic_bool wrong;
	atomic_uint answered[MAILBOXES];
};

static struct instance instance;
static struct report *report;

static void
setup(void)
{
	sample_policy_open(&instance);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(report, MAP_FAILED);
}

static void
teardown(void)
{
	instance_close(&instance);
}

/* A submission, in the words of the MTA; NULL leaves a macro out. */
struct who {
	const char *login, *mechanism, *tls, *client, *listener, *version;
};

#define WHO(...) (&(const struct who){__VA_ARGS__})

/* who_ask - MAIL on a connection that has negotiated */
static struct mta_reply
who_ask(struct mta *mta, const struct who *w)
{
	const char *pairs[] = {"v", w->version != NULL ? w->version : "Postfix 3.7.11",
	    "{daemon_name}", w->listener != NULL ? w->listener : "MSA", "{client_addr}",
	    w->client != NULL ? w->client : "192.0.2.10", "{auth_authen}", w->login,
	    "{auth_type}", w->mechanism != NULL ? w->mechanism : "PLAIN",
	    "{tls_version}", w->tls, NULL};
	struct mta_reply reply = {.kind = MTA_CLOSED};

	if (!mta_stage_macros(mta, MTA_AT_MAIL, pairs))
		return reply;
	reply = mta_mail(mta, "<s@example.test>");
	mta_abort(mta);
	return reply;
}

/* connect_to - a connection that has negotiated; NULL while the milter is away */
static struct mta *
connect_to(void)
{
	struct mta *mta = mta_open(instance.socket);

	if (mta != NULL && !mta_negotiate(mta))
		mta_close(&mta);
	return mta;
}

/* who_send - on a connection of its own; it is answered */
static void
who_send(const struct who *w)
{
	struct mta *mta = connect_to();
	struct mta_reply reply;

	ck_assert_ptr_nonnull(mta);
	reply = who_ask(mta, w);
	ck_assert_msg(reply.kind == MTA_ACCEPT || reply.kind == MTA_REPLY, "%s: %s",
	    w->login, mta_kind_name(reply.kind));
	mta_close(&mta);
}

/* The usage database as it is found. */
struct found {
	struct recorded_login row[ROWS_MAX];
	size_t rows;        /* also those past ROWS_MAX */
	uint64_t all;       /* submissions */
	uint64_t dropped;   /* as the record of the machine says */
	unsigned different; /* mailboxes whose count is not that of the report */
};

static void
row_take(void *arg, const struct recorded_login *row)
{
	struct found *f = arg;
	unsigned number;

	if (f->rows < ROWS_MAX)
		f->row[f->rows] = *row;
	if (sscanf(row->login, "u%u@", &number) == 1 && number < MAILBOXES)
		f->different += row->all != atomic_load(&report->answered[number]);
	f->rows++;
	f->all += row->all;
}

/* found_read - all that the database has; no milter runs */
static void
found_read(struct found *f)
{
	memset(f, 0, sizeof(*f));
	f->dropped = recorded_usage_read(instance.state, row_take, f);
}

static void
stop(void)
{
	instance_await_signals(&instance);
	ck_assert_int_eq(instance_stop(&instance, SIGTERM, STOP_LIMIT), 0);
}

/* row_expect - the only row of LOGIN, which has these counts */
static const struct recorded_login *
row_expect(const struct found *f, const char *login, const uint64_t *counts)
{
	const struct recorded_login *row = f->row;

	while (row < f->row + f->rows && strcmp(row->login, login) != 0)
		row++;
	ck_assert_msg(row < f->row + f->rows, "no row of %s", login);
	for (int kind = 0; kind < RECORDED_KINDS; kind++)
		ck_assert_msg(row->count[kind] == counts[kind], "%s: %d of kind %d",
		    login, (int)row->count[kind], kind);
	return row;
}

#define COUNTS(...) ((const uint64_t[RECORDED_KINDS]){__VA_ARGS__})

START_TEST(each_login_has_its_row)
{
	static struct found f;

	instance_do(&instance, "mailbox alias add user@open.test old");
	instance_do(&instance, "settings set exempt-listeners WEBMAIL");
	instance_start(&instance);
	who_send(WHO(.login = "user@open.test"));
	who_send(WHO(.login = "USER@Open.Test"));
	who_send(WHO(.login = "old", .mechanism = "XOAUTH2"));
	who_send(WHO(.login = "user@open.test", .listener = "WEBMAIL"));
	who_send(WHO(.login = "user@shut.test"));
	who_send(WHO(.login = "Someone@Unknown.Test"));
	who_send(WHO(.login = "Nobody"));
	who_send(WHO(.login = "web@open.test", .listener = "WEBMAIL"));
	instance_do(&instance, "settings set enforce no");
	who_send(WHO(.login = "user@shut.test", .tls = "TLSv1.2"));
	stop();
	found_read(&f);
	ck_assert_uint_eq(f.rows, 5);
	row_expect(&f, "user@open.test", COUNTS(3, 0, 0, 1));
	row_expect(&f, "user@shut.test", COUNTS(0, 1, 1, 0));
	row_expect(&f, "someone@unknown.test", COUNTS(1, 0, 0, 0));
	row_expect(&f, "nobody", COUNTS(1, 0, 0, 0));
	row_expect(&f, "web@open.test", COUNTS(0, 0, 0, 1));
}
END_TEST

START_TEST(facts_are_those_of_the_last_time)
{
	static struct found f;
	int64_t before = time(NULL);
	const struct recorded_login *row;

	instance_do(&instance, "settings set exempt-listeners WEBMAIL");
	instance_start(&instance);
	who_send(WHO(.login = "user@open.test", .mechanism = "PLAIN", .tls = "TLSv1.2",
	    .client = "192.0.2.1"));
	who_send(WHO(.login = "user@open.test", .mechanism = "xoauth2",
	    .tls = "TLSv1.3", .client = "2001:db8::7"));
	who_send(WHO(.login = "user@open.test", .mechanism = "LOGIN", .tls = "TLSv1.2",
	    .client = "192.0.2.9", .listener = "WEBMAIL"));
	who_send(WHO(.login = "web@open.test", .mechanism = "LOGIN", .tls = "TLSv1.2",
	    .client = "192.0.2.9", .listener = "WEBMAIL"));
	who_send(WHO(.login = "user@shut.test", .mechanism = "LOGIN"));
	stop();
	found_read(&f);
	row = row_expect(&f, "user@open.test", COUNTS(2, 0, 0, 1));
	ck_assert_str_eq(row->client, "2001:db8::7");
	ck_assert_str_eq(row->mechanism, "XOAUTH2");
	ck_assert_str_eq(row->mechanisms, "PLAIN,XOAUTH2");
	ck_assert_str_eq(row->tls, "TLSv1.3");
	ck_assert_uint_eq(row->days, 1);
	ck_assert_int_ge(row->first_seen, before);
	ck_assert_int_ge(row->last_use, before);
	ck_assert_int_le(row->last_seen, time(NULL));
	row = row_expect(&f, "web@open.test", COUNTS(0, 0, 0, 1));
	ck_assert_int_eq(row->last_seen, 0);
	ck_assert_int_eq(row->last_use, 0);
	ck_assert_int_ge(row->last_exempt, before);
	ck_assert_str_eq(row->client, "");
	row = row_expect(&f, "user@shut.test", COUNTS(0, 1, 0, 0));
	ck_assert_int_ge(row->last_seen, before);
	ck_assert_int_eq(row->last_use, 0);
	ck_assert_str_eq(row->tls, "");
}
END_TEST

START_TEST(what_is_no_login_is_not_counted)
{
	static struct found f;

	instance_configure(&instance, "mta", "sendmail");
	instance_start(&instance);
	who_send(WHO(.login = "user+40open.test", .version = "8.17.1"));
	who_send(WHO(.login = "bad+4xtext", .version = "8.17.1"));
	who_send(WHO(.login = "a+00b", .version = "8.17.1"));
	who_send(WHO(.login = ""));
	who_send(WHO(.login = NULL));
	who_send(WHO(.login = "probe+40open.test", .version = "8 doctor"));
	stop();
	found_read(&f);
	ck_assert_uint_eq(f.rows, 1);
	row_expect(&f, "user@open.test", COUNTS(1, 0, 0, 0));
}
END_TEST

START_TEST(a_store_error_is_not_counted)
{
	static struct found f;

	ck_assert_int_eq(unlink(instance.database), 0);
	instance_configure(&instance, "on-error", "accept");
	instance_start(&instance);
	who_send(WHO(.login = "user@open.test"));
	stop();
	found_read(&f);
	ck_assert_uint_eq(f.rows, 0);
}
END_TEST

START_TEST(without_usage_nothing_is_recorded)
{
	static struct found f;
	struct outcome outcome;

	instance_configure(&instance, "usage", "no");
	instance_start(&instance);
	who_send(WHO(.login = "user@open.test"));
	ck_assert_int_eq(instance_ctl(&instance, &outcome, "--json status"), 0);
	ck_assert_ptr_nonnull(strstr(outcome.out, "\"usage\":false"));
	stop();
	found_read(&f);
	ck_assert_uint_eq(f.rows, 0);
}
END_TEST

/* manager_listen - the milter will tell this socket how it is */
static int
manager_listen(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_lt(
	    snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", instance.folder),
	    (int)sizeof(at.sun_path));
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
	return fd;
}

/* manager_expect - the next message begins so, and comes in time */
static void
manager_expect(int fd, const char *begin)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char message[256] = "";

	ck_assert_int_eq(poll(&wait, 1, START_LIMIT), 1);
	ck_assert_int_gt(recv(fd, message, sizeof(message) - 1, 0), 0);
	ck_assert_msg(strncmp(message, begin, strlen(begin)) == 0, "%s", message);
}

START_TEST(who_hears_that_it_is_ready_finds_the_heartbeat)
{
	struct error_text why = {.text = ""};
	int manager = manager_listen();
	struct pollfd more = {.fd = manager, .events = POLLIN};
	struct heartbeat beat;
	bool found;
	struct db *db;
	struct db_txn *txn;

	ck_assert_int_eq(usage_database_open(&db, instance.state, true, &why), OK);
	ck_assert_int_eq(db_begin(db, true, &txn), OK); /* nobody else can write now */
	instance_launch(&instance);
	manager_expect(manager, "STATUS=enforcing");
	ck_assert_int_eq(poll(&more, 1, SILENCE), 0);
	db_abort(&txn);
	manager_expect(manager, "READY=1");
	ck_assert_int_eq(db_begin(db, false, &txn), OK);
	ck_assert_int_eq(heartbeat_latest(txn, instance.socket, &beat, &found), OK);
	ck_assert(found);
	ck_assert_int_eq(beat.pid, instance.pid);
	ck_assert_int_eq(beat.policy, HEARTBEAT_GOOD);
	db_abort(&txn);
	db_close(&db);
	close(manager);
	stop();
}
END_TEST

/* worker_login - of mailbox N: half of them may submit, half may not */
static void
worker_login(char *login, unsigned n)
{
	snprintf(login, LOGIN_SIZE, "u%u@%s.test", n, n % 2 == 0 ? "open" : "shut");
}

/* answer_await - asks until there is an answer: what got none is not counted */
static bool
answer_await(struct mta **mta, const char *login, int64_t deadline)
{
	do {
		struct mta_reply reply = {.kind = MTA_CLOSED};

		if (*mta == NULL)
			*mta = connect_to();
		if (*mta != NULL)
			reply = who_ask(*mta, WHO(.login = login));
		if (reply.kind == MTA_ACCEPT || reply.kind == MTA_REPLY)
			return true;
		mta_close(mta);
	} while (deadline_pause(deadline));
	return false;
}

/* worker_run - its share of N submissions over BOXES; 0 boxes: all logins differ */
static void __attribute__((noreturn))
worker_run(unsigned worker, unsigned n, unsigned boxes)
{
	int64_t deadline = deadline_in(WORK_LIMIT);
	struct mta *mta = NULL;
	char login[LOGIN_SIZE];
	unsigned seed = worker + 1;

	for (unsigned i = worker; i < n; i += WORKERS) {
		unsigned box = boxes > 0 ? (unsigned)rand_r(&seed) % boxes : i;

		if (boxes > 0)
			worker_login(login, box);
		else
			snprintf(login, sizeof(login), "d%u@open.test", i);
		if (!answer_await(&mta, login, deadline)) {
			atomic_store(&report->wrong, true);
			break;
		}
		if (boxes > 0)
			atomic_fetch_add(&report->answered[box], 1);
		atomic_fetch_add(&report->asked, 1);
	}
	mta_close(&mta);
	_exit(0);
}

static void
workers_start(pid_t *worker, unsigned n, unsigned boxes)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		worker[i] = fork();
		if (worker[i] == 0)
			worker_run(i, n, boxes);
		ck_assert_int_gt(worker[i], 0);
	}
}

static void
workers_wait(const pid_t *worker, unsigned n)
{
	for (int i = 0; i < WORKERS; i++)
		ck_assert_int_eq(process_wait(worker[i], WORK_LIMIT), 0);
	ck_assert(!atomic_load(&report->wrong));
	ck_assert_uint_eq(atomic_load(&report->asked), n);
}

/* asked_await - until so many were answered */
static void
asked_await(unsigned n)
{
	int64_t deadline = deadline_in(WORK_LIMIT);

	while (atomic_load(&report->asked) < n && !atomic_load(&report->wrong) &&
	    deadline_pause(deadline))
		;
	ck_assert_uint_ge(atomic_load(&report->asked), n);
}

/* few - all submissions only at length, and where the programs are not slow */
static bool
few(void)
{
	return !suite_at_length() || deadline_factor() > 1;
}

START_TEST(figures_are_exact_also_through_a_stop)
{
	bool less = few();
	unsigned n = less ? SUBMISSIONS_FEW : SUBMISSIONS;
	unsigned boxes = less ? MAILBOXES_FEW : MAILBOXES;
	static struct found f;
	pid_t worker[WORKERS];

	instance_configure(&instance, "usage-flush", "1");
	instance_start(&instance);
	workers_start(worker, n, boxes);
	for (unsigned part = 1; part <= 3; part++) {
		asked_await(n / 4 * part);
		stop();
		instance_start(&instance);
	}
	workers_wait(worker, n);
	stop();
	found_read(&f);
	ck_assert_uint_eq(f.all, n);
	ck_assert_uint_eq(f.different, 0);
	ck_assert_uint_le(f.rows, boxes);
}
END_TEST

/* number_of - behind KEY in a JSON text */
static unsigned long long
number_of(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	ck_assert_msg(at != NULL, "no %s in %s", key, text);
	return strtoull(at + strlen(key), NULL, 10);
}

/* memory_own - the milter's memory without that of mapped files, in KiB */
static unsigned long long
memory_own(void)
{
	char path[64], *text;
	unsigned long long n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)instance.pid);
	text = file_read(path, NULL);
	ck_assert_ptr_nonnull(text);
	n = number_of(text, "RssAnon:");
	free(text);
	return n;
}

/* distinct - how many logins; LOGINS= in the environment for a long run by hand */
static unsigned
distinct(void)
{
	const char *wish = getenv("LOGINS");

	if (wish != NULL)
		return (unsigned)strtoul(wish, NULL, 10);
	return few() ? DISTINCT_FEW : DISTINCT;
}

START_TEST(memory_is_bounded_and_no_submission_unaccounted_for)
{
	unsigned long long n = distinct(), memory;
	static struct found f;
	pid_t worker[WORKERS];
	char *log;

	instance_configure(&instance, "usage-flush", "3600");
	instance_configure(&instance, "log-allowed", "no");
	instance_start(&instance);
	workers_start(worker, (unsigned)n, 0);
	workers_wait(worker, (unsigned)n);
	memory = memory_own();
	stop();
	found_read(&f);
	printf("# %llu logins, %llu dropped, %llu KiB\n", n,
	    (unsigned long long)f.dropped, memory);
	ck_assert_uint_eq(f.all + f.dropped, n);
	log = instance_log(&instance);
	ck_assert_int_eq(
	    strstr(log, "could not be counted in the usage") != NULL, f.dropped > 0);
	free(log);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	ck_assert_uint_le(memory, MEMORY_KIB);
#endif
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("milter_usage");
	TCase *rows = suite_add_case(suite, "rows");
	TCase *load = suite_add_case(suite, "load");

	tcase_add_checked_fixture(rows, setup, teardown);
	tcase_add_test(rows, each_login_has_its_row);
	tcase_add_test(rows, facts_are_those_of_the_last_time);
	tcase_add_test(rows, what_is_no_login_is_not_counted);
	tcase_add_test(rows, a_store_error_is_not_counted);
	tcase_add_test(rows, without_usage_nothing_is_recorded);
	tcase_add_test(rows, who_hears_that_it_is_ready_finds_the_heartbeat);
	tcase_add_checked_fixture(load, setup, teardown);
	tcase_add_test(load, figures_are_exact_also_through_a_stop);
	tcase_add_test(load, memory_is_bounded_and_no_submission_unaccounted_for);
	return suite_run(suite);
}
